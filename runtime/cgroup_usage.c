/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_usage.h"

#include "runtime/cgroup_handle.h"
#include "runtime/cgroup_procs.h"

#define TEXT_BYTES (1u << 20) /* a line for each of some hundred disks */
#define NS_PER_US 1000
#define NO_LIMIT (INT64_MAX / 2) /* v1 says a number of pages near the largest there is */

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* The sum of the numbers after "KEY=" (v2) or after " KEY " (v1), in a text of lines. */
static uint64_t sum(struct imgc_str text, struct imgc_str key)
{
    struct imgc_str line, word;
    uint64_t total = 0, n;

    while (imgc_str_token(&text, '\n', &line)) {
        bool is_next = false;
        while (imgc_str_token(&line, ' ', &word)) {
            struct imgc_str value = word;
            if ((is_next || imgc_str_skip(&value, key)) && imgc_str_u64(value, &n)) {
                total += n;
            }
            is_next = imgc_str_eq(word, key);
        }
    }
    return total;
}

static void read_io(const struct cgroup_dir *d, const char *file, struct imgc_str read_key,
                    struct imgc_str write_key, struct cgroup_usage *u)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    struct imgc_str text;

    if (!u->has_io && cgroup_dir_text(d, file, &b, &text)) {
        u->has_io = true;
        u->read_bytes = sum(text, read_key);
        u->written_bytes = sum(text, write_key);
    }
}

static void read_memory(const struct cgroup_dir *d, const char *used_file, const char *limit_file,
                        const char *inactive_key, struct cgroup_usage *u)
{
    int64_t used, limit = INT64_MAX;

    if (u->has_memory || !cgroup_dir_number(d, used_file, &used)) {
        return;
    }
    (void)cgroup_dir_number(d, limit_file, &limit);
    u->has_memory = true;
    u->memory_bytes = less((uint64_t)used, cgroup_dir_count(d, "memory.stat", inactive_key));
    u->memory_limit = limit > NO_LIMIT ? UINT64_MAX : (uint64_t)limit;
}

static void read_tasks(const struct cgroup_dir *d, struct cgroup_usage *u)
{
    int64_t n;

    if (!u->has_tasks && cgroup_dir_number(d, "pids.current", &n)) {
        u->has_tasks = true;
        u->tasks = (uint64_t)n;
    }
}

static void read_cpu(const struct cgroup_dir *d, struct cgroup_usage *u)
{
    int64_t n;

    if (u->has_cpu) {
        return;
    }
    if (d->is_v2 && cgroup_dir_has(d, "cpu.stat")) { /* counted without the controller, too */
        u->has_cpu = true;
        u->cpu_ns = cgroup_dir_count(d, "cpu.stat", "usage_usec") * NS_PER_US;
    } else if (!d->is_v2 && cgroup_dir_number(d, "cpuacct.usage", &n)) {
        u->has_cpu = true;
        u->cpu_ns = (uint64_t)n;
    }
}

void cgroup_usage_read(const struct cgroup *cg, struct cgroup_usage *ret)
{
    struct cgroup_usage u = { .memory_limit = UINT64_MAX };

    for (size_t i = 0; i < cg->n_dirs; i++) {
        const struct cgroup_dir *d = &cg->dirs[i];

        read_cpu(d, &u);
        read_tasks(d, &u);
        if (d->is_v2) {
            read_memory(d, "memory.current", "memory.max", "inactive_file", &u);
            read_io(d, "io.stat", IMGC_STR("rbytes="), IMGC_STR("wbytes="), &u);
        } else {
            read_memory(d, "memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file",
                        &u);
            read_io(d, "blkio.throttle.io_service_bytes_recursive", IMGC_STR("Read"),
                    IMGC_STR("Write"), &u);
        }
    }
    *ret = u;
}

bool cgroup_usage_processes(const struct cgroup *cg, struct imgc_buf *b, struct imgc_str *ret)
{
    return cg->n_dirs > 0 && cgroup_procs_list(&cg->dirs[0], b, ret);
}
