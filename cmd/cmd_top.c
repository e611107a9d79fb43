/* SPDX-License-Identifier: Apache-2.0 */
/* imgc top: the processes of a running container. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/lookup.h"
#include "cmd/table.h"
#include "schema/base/fd.h"

#define FILE_BYTES 65536 /* of one file of /proc/PID that is looked at */
#define FIELDS_MAX 24    /* of /proc/PID/stat, counted from its state on */
#define WORDS_DEFAULT "user,pid,ppid,state,etime,time,args"

/* What /proc says of one process. */
struct process {
    char hpid[16], pid[32], ppid[32], user[32], group[32], state[2], comm[64];
    char time[32], etime[32];
    char *args;
};

struct descriptor {
    const char *name, *title;
    size_t offset;
    bool is_pointer;
};

#define TEXT(name, title, field)                            \
    {                                                       \
        name, title, offsetof(struct process, field), false \
    }

static const struct descriptor descriptors[] = {
    TEXT("user", "USER", user),      TEXT("uid", "UID", user),
    TEXT("group", "GROUP", group),   TEXT("pid", "PID", pid),
    TEXT("hpid", "HPID", hpid),      TEXT("ppid", "PPID", ppid),
    TEXT("state", "STATE", state),   TEXT("stat", "STATE", state),
    TEXT("etime", "ELAPSED", etime), TEXT("time", "TIME", time),
    TEXT("comm", "COMMAND", comm),   { "args", "COMMAND", offsetof(struct process, args), true },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int read_file(int dir_fd, const char *name, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(dir_fd, name, O_RDONLY, 0, &fd, reterr);
    return r < 0 ? r : fd_read_all(fd, b, reterr);
}

static void copy(char *to, size_t size, struct imgc_str s)
{
    (void)snprintf(to, size, IMGC_STR_FMT, (int)(s.len < size ? s.len : size - 1), s.ptr);
}

static void duration_text(uint64_t seconds, char *out, size_t size)
{
    unsigned long long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
    (void)snprintf(out, size, "%llu:%02llu:%02llu", h, m, s);
}

static uint64_t number(struct imgc_str s)
{
    uint64_t n = 0;
    return imgc_str_u64(s, &n) ? n : 0;
}

/* A process chooses its own name; what follows the last ')' is the kernel's. */
static void parse_stat(struct imgc_str text, struct process *p)
{
    struct imgc_str head, rest, fields[FIELDS_MAX];
    size_t n = 0;
    struct timespec now = { 0 };
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);

    if (!imgc_str_rsplit(text, ')', &head, &rest) || !imgc_str_skip(&rest, IMGC_STR(" "))) {
        return;
    }
    while (n < FIELDS_MAX && imgc_str_token(&rest, ' ', &fields[n])) {
        n++;
    }
    if (n > 19 && ticks > 0) {
        copy(p->state, sizeof p->state, fields[0]);
        duration_text((number(fields[11]) + number(fields[12])) / ticks, p->time, sizeof p->time);
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        uint64_t started = number(fields[19]) / ticks, up = (uint64_t)now.tv_sec;
        duration_text(up > started ? up - started : 0, p->etime, sizeof p->etime);
    }
}

/* The last of several numbers: the one of the innermost namespace. */
static struct imgc_str last_word(struct imgc_str s)
{
    struct imgc_str head, tail;

    s = imgc_str_trim(s);
    return imgc_str_rsplit(s, '\t', &head, &tail) ? tail : s;
}

static void parse_status(struct imgc_str text, struct process *p)
{
    struct imgc_str line, key, value;

    while (imgc_str_token(&text, '\n', &line)) {
        if (!imgc_str_split(line, ':', &key, &value)) {
            continue;
        }
        value = imgc_str_trim(value);
        if (imgc_str_eq(key, IMGC_STR("NSpid"))) {
            copy(p->pid, sizeof p->pid, last_word(value));
        } else if (imgc_str_eq(key, IMGC_STR("PPid"))) {
            copy(p->ppid, sizeof p->ppid, value);
        } else if (imgc_str_eq(key, IMGC_STR("Name"))) {
            copy(p->comm, sizeof p->comm, value);
        } else if (imgc_str_eq(key, IMGC_STR("Uid"))) {
            copy(p->user, sizeof p->user, imgc_str_first(value, imgc_str_find(value, '\t')));
        } else if (imgc_str_eq(key, IMGC_STR("Gid"))) {
            copy(p->group, sizeof p->group, imgc_str_first(value, imgc_str_find(value, '\t')));
        }
    }
}

/* "[name]" where a process has no arguments, as ps shows it. */
static int set_args(int dir_fd, struct process *p, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_err ignored;

    (void)!read_file(dir_fd, "cmdline", &b, &ignored);
    for (size_t i = 0; i + 1 < b.len; i++) {
        if (b.ptr[i] == '\0') {
            b.ptr[i] = ' ';
        }
    }
    if (b.len == 0) {
        imgc_buf_printf(&b, "[%s]", p->comm);
    }
    return imgc_buf_take(&b, &p->args, reterr);
}

/* @return 0; negative. One that has ended meanwhile has no pid in *p. */
static int look_at(int dir_fd, const char *hpid, struct process *p, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf stat = IMGC_BUF_INIT(FILE_BYTES);
    imgc_autobuf struct imgc_buf status = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_err ignored;

    *p = (struct process){ .args = NULL };
    if (read_file(dir_fd, "stat", &stat, &ignored) < 0 ||
        read_file(dir_fd, "status", &status, &ignored) < 0) {
        return 0;
    }
    (void)snprintf(p->hpid, sizeof p->hpid, "%.15s", hpid);
    parse_stat((struct imgc_str){ stat.ptr, stat.len }, p);
    parse_status((struct imgc_str){ status.ptr, status.len }, p);
    return set_args(dir_fd, p, reterr);
}

struct top {
    const struct descriptor *columns[COUNT(descriptors)];
    size_t n_columns;
    struct table table;
    struct stat namespace; /* the container's mount namespace: it always has its own */
    struct process *all;
    size_t n, room;
};

static bool is_in(const struct top *t, int dir_fd)
{
    struct stat st;
    return fstatat(dir_fd, "ns/mnt", &st, 0) == 0 && st.st_ino == t->namespace.st_ino &&
           st.st_dev == t->namespace.st_dev;
}

static int add(struct top *t, int dir_fd, const char *hpid, struct imgc_err *reterr)
{
    if (t->n == t->room) {
        size_t room = t->room ? 2 * t->room : 16;
        struct process *all = reallocarray(t->all, room, sizeof *all);
        if (!all) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        t->all = all;
        t->room = room;
    }
    int r = look_at(dir_fd, hpid, &t->all[t->n], reterr);
    t->n += r == 0 && t->all[t->n].pid[0];
    return r;
}

static void dirp_close(DIR **d)
{
    if (*d) {
        (void)closedir(*d);
    }
}

static int collect(struct top *t, struct imgc_err *reterr)
{
    imgc_auto(dirp_close) DIR *proc = opendir("/proc");
    struct dirent *e;
    int r = 0;

    while (proc && r == 0 && (e = readdir(proc))) {
        imgc_autoclose int dir_fd = -1;
        struct imgc_err ignored;
        if (e->d_name[0] < '1' || e->d_name[0] > '9' ||
            fd_open_at(dirfd(proc), e->d_name, O_PATH | O_DIRECTORY, 0, &dir_fd, &ignored) < 0 ||
            !is_in(t, dir_fd)) {
            continue;
        }
        r = add(t, dir_fd, e->d_name, reterr);
    }
    return proc ? r : imgc_fail_sys(reterr, errno, "read /proc");
}

/* A parent by the container's number of it; 0 where it is none of the container's. */
static void rename_parents(struct top *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *pid = "0";
        for (size_t j = 0; j < t->n; j++) {
            if (strcmp(t->all[j].hpid, t->all[i].ppid) == 0) {
                pid = t->all[j].pid;
            }
        }
        char text[32];
        (void)snprintf(text, sizeof text, "%s", pid);
        memcpy(t->all[i].ppid, text, sizeof text);
    }
}

static const char *cell(const struct process *p, const struct descriptor *d)
{
    const char *at = (const char *)p + d->offset;
    char *pointer = NULL;

    if (!d->is_pointer) {
        return at;
    }
    memcpy(&pointer, at, sizeof pointer);
    return pointer ? pointer : "";
}

static int parse_word(struct top *t, struct imgc_str word, struct imgc_err *reterr)
{
    for (size_t i = 0; i < COUNT(descriptors); i++) {
        if (imgc_str_eq(word, imgc_str_of(descriptors[i].name)) &&
            t->n_columns < COUNT(descriptors)) {
            t->columns[t->n_columns++] = &descriptors[i];
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE,
                     "no column '" IMGC_STR_FMT "': user, uid, group, pid, hpid, ppid, state, "
                     "etime, time, comm, args",
                     IMGC_STR_ARG(word));
}

static int parse_columns(struct top *t, const char *const *words, struct imgc_err *reterr)
{
    static const char *const usual[] = { WORDS_DEFAULT, NULL };
    int r = 0;

    for (words = *words ? words : usual; *words && r == 0; words++) {
        struct imgc_str rest = imgc_str_of(*words), word;
        while (r == 0 && imgc_str_token(&rest, ',', &word)) {
            r = parse_word(t, word, reterr);
        }
    }
    return r;
}

static int print(struct top *t, struct output *out, struct imgc_err *reterr)
{
    table_row(&t->table);
    for (size_t i = 0; i < t->n_columns; i++) {
        table_cell(&t->table, t->columns[i]->title);
    }
    for (size_t p = 0; p < t->n; p++) {
        table_row(&t->table);
        for (size_t i = 0; i < t->n_columns; i++) {
            table_cell(&t->table, cell(&t->all[p], t->columns[i]));
        }
    }
    return table_print(&t->table, out, reterr);
}

static int top_container(struct app *app, struct top *t, const char *name, struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    char path[48];

    int r = lookup_container(app->store, name, &c, reterr);
    if (r < 0) {
        return r;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)c.init.pid);
    if (c.status != CONTAINER_RUNNING || stat(path, &t->namespace) < 0 || !process_alive(&c.init)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "container %s is not running", c.name);
    }
    r = collect(t, reterr);
    if (r == 0) {
        rename_parents(t);
        r = print(t, &app->out, reterr);
    }
    return r;
}

static int top_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct top t = { .table = TABLE_INIT };
    struct store *store;

    (void)options;
    int r = parse_columns(&t, args.v + 1, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : top_container(app, &t, args.v[0], reterr);
    for (size_t i = 0; i < t.n; i++) {
        free(t.all[i].args);
    }
    free(t.all);
    table_done(&t.table);
    return r;
}

const struct command cmd_top = {
    .name = "top",
    .args = "CONTAINER [COLUMN...]",
    .summary = "show the processes of a running container",
    .help = "Columns: user, uid, group, pid, hpid (the host's number), ppid, state, etime, time,\n"
            "comm, args. All is asked of the kernel; no program of the container is run.\n"
            "\n"
            "  imgc top web\n"
            "  imgc top web pid hpid args\n",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .run = top_run,
};
