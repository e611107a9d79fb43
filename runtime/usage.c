/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "runtime/cgroup_usage.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"

#define FILE_BYTES (1u << 20)
#define NS_PER_S 1000000000u
#define KIB 1024u

/* Fields of /proc/PID/stat, counted from 0 behind the name's ')'. */
enum { STAT_UTIME = 11, STAT_STIME, STAT_CUTIME, STAT_CSTIME, STAT_THREADS = 17 };

static bool read_of(pid_t pid, const char *name, struct imgc_buf *b, struct imgc_str *ret)
{
    char path[64]; /* "/proc/", a pid, and our own names */
    struct imgc_err err;
    imgc_autoclose int fd = -1;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, &err) == 0 &&
           fd_read_all(fd, b, &err) == 0 && imgc_buf_finish(b, ret, &err) == 0;
}

/* "KEY:   123 ..." */
static uint64_t value_of(struct imgc_str text, struct imgc_str key)
{
    struct imgc_str line, name, rest, word;
    uint64_t n;

    while (imgc_str_token(&text, '\n', &line)) {
        if (!imgc_str_split(line, ':', &name, &rest) || !imgc_str_eq(name, key)) {
            continue;
        }
        rest = imgc_str_trim(rest);
        if (imgc_str_token(&rest, ' ', &word) && imgc_str_u64(word, &n)) {
            return n;
        }
    }
    return 0;
}

/* @waited  also what its children used that it has waited for: of the first process only, since
 * those of others are its own in the end. */
static void add_stat(pid_t pid, bool waited, struct cgroup_usage *u)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text, name, rest, word;
    uint64_t ticks = 0, n, per_s = (uint64_t)sysconf(_SC_CLK_TCK);

    if (!read_of(pid, "stat", &b, &text) || !imgc_str_rsplit(text, ')', &name, &rest)) {
        return;
    }
    rest = imgc_str_trim(rest);
    for (int i = 0; imgc_str_token(&rest, ' ', &word); i++) {
        if (!imgc_str_u64(word, &n)) {
            continue;
        }
        if (i == STAT_UTIME || i == STAT_STIME ||
            (waited && (i == STAT_CUTIME || i == STAT_CSTIME))) {
            ticks += n;
        } else if (i == STAT_THREADS && !u->has_tasks) {
            u->tasks += n;
        }
    }
    if (!u->has_cpu) {
        u->cpu_ns += ticks * (NS_PER_S / per_s);
    }
}

static void add_process(pid_t pid, bool is_first, struct cgroup_usage *u)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES), c = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text;

    if (!u->has_cpu || !u->has_tasks) {
        add_stat(pid, is_first, u);
    }
    if (!u->has_memory && read_of(pid, "smaps_rollup", &b, &text)) {
        u->memory_bytes += value_of(text, IMGC_STR("Pss")) * KIB;
    }
    if (!u->has_io && read_of(pid, "io", &c, &text)) {
        u->read_bytes += value_of(text, IMGC_STR("read_bytes"));
        u->written_bytes += value_of(text, IMGC_STR("write_bytes"));
    }
}

/* What the cgroup does not count. */
static void add_processes(const struct cgroup *cg, pid_t init, struct cgroup_usage *u)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text, line;
    uint64_t pid;

    if (u->has_cpu && u->has_memory && u->has_io && u->has_tasks) {
        return;
    }
    if (!cg || !cgroup_usage_processes(cg, &b, &text)) {
        add_process(init, true, u);
        return;
    }
    while (imgc_str_token(&text, '\n', &line)) {
        if (imgc_str_u64(line, &pid) && pid > 0 && pid <= INT32_MAX) {
            add_process((pid_t)pid, (pid_t)pid == init, u);
        }
    }
}

/* "  eth0:  123  4 0 0 0 0 0 0  567 ...": bytes received are the first number, sent the ninth. */
void usage_parse_network(struct imgc_str text, struct usage *ret)
{
    struct imgc_str line, name, rest, word;
    uint64_t n;

    while (imgc_str_token(&text, '\n', &line)) {
        int i = 0;

        if (!imgc_str_split(line, ':', &name, &rest) ||
            imgc_str_eq(imgc_str_trim(name), IMGC_STR("lo"))) {
            continue;
        }
        while (imgc_str_token(&rest, ' ', &word)) {
            if (word.len == 0 || !imgc_str_u64(word, &n)) {
                continue;
            }
            ret->received_bytes += i == 0 ? n : 0;
            ret->sent_bytes += i == 8 ? n : 0;
            i++;
        }
    }
}

static void read_network(pid_t init, struct usage *ret)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(FILE_BYTES);
    struct imgc_str text;
    struct stat theirs, ours;
    char path[64]; /* "/proc/", a pid, "/ns/net" */

    (void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)init);
    if (stat(path, &theirs) < 0 || stat("/proc/self/ns/net", &ours) < 0 ||
        (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)) {
        return; /* the host's interfaces carry more than the container's bytes */
    }
    if (read_of(init, "net/dev", &b, &text)) {
        usage_parse_network(text, ret);
    }
}

static uint64_t host_memory(void)
{
    struct sysinfo info;

    return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : UINT64_MAX;
}

int usage_read(const char *cgroup, pid_t init, struct usage *ret, struct imgc_err *reterr)
{
    struct cgroup_usage u = { .memory_limit = UINT64_MAX };
    cgroup_auto struct cgroup *cg = NULL;
    uint64_t host = host_memory();

    int r = cgroup ? cgroup_open(cgroup, &cg, reterr) : 0;
    if (r < 0) {
        return r;
    }
    if (cg) {
        cgroup_usage_read(cg, &u);
    }
    add_processes(cg, init, &u);
    *ret = (struct usage){ .cpu_ns = u.cpu_ns,
                           .memory_bytes = u.memory_bytes,
                           .memory_limit = u.memory_limit < host ? u.memory_limit : host,
                           .read_bytes = u.read_bytes,
                           .written_bytes = u.written_bytes,
                           .tasks = u.tasks };
    read_network(init, ret);
    return 0;
}
