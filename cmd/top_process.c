/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/top_process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/buf.h"
#include "schema/base/fd.h"

#define FILE_BYTES 65536        /* of one file of /proc/PID that is looked at */
#define STATUS_BYTES (1u << 20) /* of "status": with the most groups that there can be */
#define FIELDS_MAX 24           /* of /proc/PID/stat, counted from its state on */

void top_process_done_all(struct top_processes *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->items[i].groups);
        free(all->items[i].args);
    }
    free(all->items);
    *all = (struct top_processes){ .items = NULL };
}

static uint64_t number(struct imgc_str s)
{
    uint64_t n = 0;
    return imgc_str_u64(s, &n) ? n : 0;
}

static int64_t signed_number(struct imgc_str s)
{
    bool is_negative = imgc_str_skip(&s, IMGC_STR("-"));
    int64_t n = (int64_t)(number(s) & INT64_MAX);
    return is_negative ? -n : n;
}

/* A process chooses its own name; what follows the last ')' is the kernel's. */
void top_process_parse_stat(struct imgc_str text, struct top_process *p)
{
    struct imgc_str head, rest, f[FIELDS_MAX] = { { .len = 0 } };
    size_t n = 0;

    if (!imgc_str_rsplit(text, ')', &head, &rest) || !imgc_str_skip(&rest, IMGC_STR(" "))) {
        return;
    }
    while (n < FIELDS_MAX && imgc_str_token(&rest, ' ', &f[n])) {
        n++;
    }
    if (n <= 19 || f[0].len != 1) {
        return;
    }
    p->state = f[0].ptr[0];
    p->host_ppid = number(f[1]);
    p->terminal = (uint32_t)number(f[4]);
    p->has_terminal_focus = p->terminal != 0 && imgc_str_eq(f[2], f[5]);
    p->cpu_ticks = number(f[11]) + number(f[12]);
    p->nice = signed_number(f[16]);
    p->threads = number(f[17]);
    p->start_ticks = number(f[19]);
}

/* The last of several numbers: the one of the innermost namespace. */
static uint64_t last_number(struct imgc_str s)
{
    struct imgc_str head, tail;
    return number(imgc_str_rsplit(s, '\t', &head, &tail) ? tail : s);
}

static uint32_t nth_id(struct imgc_str s, size_t i)
{
    struct imgc_str word = { NULL, 0 };

    do {
        (void)imgc_str_token(&s, '\t', &word);
    } while (i-- > 0);
    return (uint32_t)number(word);
}

static uint64_t hex(struct imgc_str s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        n = n << 4 | (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return n;
}

static uint64_t kib(struct imgc_str s)
{
    return number(imgc_str_first(s, imgc_str_find(s, ' ')));
}

/* What else is in it is not asked for. */
static int take_line(struct imgc_str key, struct imgc_str value, struct top_process *p,
                     struct imgc_err *reterr)
{
    static const char *const caps[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
    const struct {
        const char *key;
        uint64_t *field, value;
    } numbers[] = {
        { "NSpid", &p->pid, last_number(value) }, { "NSpgid", &p->pgid, last_number(value) },
        { "NSsid", &p->sid, last_number(value) }, { "VmSize", &p->vsz_kib, kib(value) },
        { "VmRSS", &p->rss_kib, kib(value) },     { "Seccomp", &p->seccomp, number(value) },
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (imgc_str_eq(key, imgc_str_of(numbers[i].key))) {
            *numbers[i].field = numbers[i].value;
        }
    }
    for (size_t i = 0; i < TOP_PROCESS_CAPS; i++) {
        if (imgc_str_eq(key, imgc_str_of(caps[i]))) {
            p->caps[i] = hex(value);
        }
    }
    if (imgc_str_eq(key, IMGC_STR("Name"))) {
        (void)snprintf(p->comm, sizeof p->comm, IMGC_STR_FMT, IMGC_STR_ARG(value));
    } else if (imgc_str_eq(key, IMGC_STR("Uid"))) {
        p->real_uid = nth_id(value, 0);
        p->uid = nth_id(value, 1);
    } else if (imgc_str_eq(key, IMGC_STR("Gid"))) {
        p->real_gid = nth_id(value, 0);
        p->gid = nth_id(value, 1);
    } else if (imgc_str_eq(key, IMGC_STR("Groups")) && !p->groups) {
        return imgc_str_dup(value, &p->groups, reterr);
    }
    return 0;
}

int top_process_parse_status(struct imgc_str text, struct top_process *p, struct imgc_err *reterr)
{
    struct imgc_str line, key, value;
    int r = 0;

    while (r == 0 && imgc_str_token(&text, '\n', &line)) {
        if (imgc_str_split(line, ':', &key, &value)) {
            r = take_line(key, imgc_str_trim(value), p, reterr);
        }
    }
    return r;
}

static int read_file(int dir_fd, const char *name, struct imgc_buf *b)
{
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;

    int r = fd_open_at(dir_fd, name, O_RDONLY, 0, &fd, &ignored);
    return r < 0 ? r : fd_read_all(fd, b, &ignored);
}

/* "[name]" where a process has no arguments, as ps shows it. */
static int set_args(int dir_fd, struct top_process *p, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);

    (void)!read_file(dir_fd, "cmdline", &b); /* as much of it as there is */
    b.state = IMGC_BUF_OK;
    while (b.len > 0 && b.ptr[b.len - 1] == '\0') {
        b.len--;
    }
    for (size_t i = 0; i < b.len; i++) {
        if (b.ptr[i] == '\0') {
            b.ptr[i] = ' ';
        }
    }
    if (b.len == 0) {
        imgc_buf_printf(&b, "[%s]", p->comm);
    }
    return imgc_str_dup((struct imgc_str){ b.ptr, b.len }, &p->args, reterr);
}

static bool is_in(const struct stat *ns, int dir_fd)
{
    struct stat st;
    return fstatat(dir_fd, "ns/mnt", &st, 0) == 0 && st.st_ino == ns->st_ino &&
           st.st_dev == ns->st_dev;
}

static int make_room(struct top_processes *all, struct imgc_err *reterr)
{
    if (all->n < all->room) {
        return 0;
    }
    size_t room = all->room ? 2 * all->room : 16;
    struct top_process *items = reallocarray(all->items, room, sizeof *items);
    if (!items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    all->items = items;
    all->room = room;
    return 0;
}

static int add(struct top_processes *all, int dir_fd, uint64_t host_pid, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf stat = IMGC_BUF_INIT(FILE_BYTES);
    imgc_autobuf struct imgc_buf status = IMGC_BUF_INIT(STATUS_BYTES);

    if (read_file(dir_fd, "stat", &stat) < 0 || read_file(dir_fd, "status", &status) < 0) {
        return 0; /* it has ended */
    }
    int r = make_room(all, reterr);
    if (r < 0) {
        return r;
    }
    struct top_process *p = &all->items[all->n++];
    *p = (struct top_process){ .host_pid = host_pid };
    top_process_parse_stat((struct imgc_str){ stat.ptr, stat.len }, p);
    r = top_process_parse_status((struct imgc_str){ status.ptr, status.len }, p, reterr);
    return r < 0 ? r : set_args(dir_fd, p, reterr);
}

static void dirp_close(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

static int compare(const void *key, const void *item)
{
    uint64_t pid = *(const uint64_t *)key, other = ((const struct top_process *)item)->host_pid;
    return (pid > other) - (pid < other);
}

/* A parent by the container's number of it. The kernel lists /proc in order. */
static void number_parents(struct top_processes *all)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct top_process *parent =
            bsearch(&all->items[i].host_ppid, all->items, all->n, sizeof *all->items, compare);
        all->items[i].ppid = parent ? parent->pid : 0;
    }
}

int top_process_find(const struct stat *ns, struct top_processes *ret, struct imgc_err *reterr)
{
    imgc_auto(dirp_close) DIR *proc = opendir("/proc");
    struct dirent *e;
    int r = 0;

    *ret = (struct top_processes){ .items = NULL };
    if (!proc) {
        return imgc_fail_sys(reterr, errno, "read /proc");
    }
    while (r == 0 && (e = readdir(proc))) {
        imgc_autoclose int dir_fd = -1;
        struct imgc_err ignored;
        uint64_t host_pid;
        if (imgc_str_u64(imgc_str_of(e->d_name), &host_pid) &&
            fd_open_at(dirfd(proc), e->d_name, O_PATH | O_DIRECTORY, 0, &dir_fd, &ignored) == 0 &&
            is_in(ns, dir_fd)) {
            r = add(ret, dir_fd, host_pid, reterr);
        }
    }
    if (ret->n > 0) {
        number_parents(ret);
    }
    return r;
}
