/* SPDX-License-Identifier: Apache-2.0 */
/* imgc top: the processes of a running container. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/lookup.h"
#include "cmd/top_columns.h"

/* After the processes were looked at: none is younger than "now". */
static int look_at_host(const struct process_id *init, struct top_host *ret,
                        struct imgc_err *reterr)
{
    long ticks = sysconf(_SC_CLK_TCK);
    struct timespec now = { 0 };
    struct sysinfo info = { .totalram = 0 };

    *ret = (struct top_host){ .ticks_per_second = ticks > 0 ? (uint64_t)ticks : 100 };
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    ret->ticks_now = (uint64_t)now.tv_sec * ret->ticks_per_second +
                     (uint64_t)now.tv_nsec * ret->ticks_per_second / 1000000000;
    ret->seconds_now = (uint64_t)time(NULL);
    if (sysinfo(&info) == 0) {
        ret->memory_kib = (uint64_t)info.totalram * info.mem_unit / 1024;
    }
    return top_users_load(init, &ret->users, reterr);
}

static int top_container(struct app *app, const struct top_columns *columns, const char *name,
                         struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };
    top_process_auto struct top_processes all = { .items = NULL };
    table_auto struct table table = TABLE_INIT;
    struct top_host host;
    struct stat ns;
    char path[48]; /* "/proc/PID/ns/mnt" */

    int r = lookup_container(app->store, name, &c, reterr);
    if (r < 0) {
        return r;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)c.init.pid);
    if (c.status != CONTAINER_RUNNING || stat(path, &ns) < 0 || !process_alive(&c.init)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "container %s is not running", c.name);
    }
    r = top_process_find(&ns, &all, reterr);
    if (r < 0) {
        return r;
    }
    r = look_at_host(&c.init, &host, reterr);
    r = r < 0 ? r : top_columns_fill(columns, &host, &all, &table, reterr);
    top_users_done(&host.users);
    return r < 0 ? r : table_print(&table, &app->out, reterr);
}

static int top_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct top_columns columns;
    struct store *store;

    (void)options;
    int r = top_columns_parse(args.v + 1, &columns, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    return r < 0 ? r : top_container(app, &columns, args.v[0], reterr);
}

const struct command cmd_top = {
    .name = "top",
    .args = "CONTAINER [COLUMN...|PS-OPTION...]",
    .summary = "show the processes of a running container",
    .help =
        "Columns are podman's: args capamb capbnd capeff capinh capprm comm etime gid group\n"
        "groups hgroup hgroups hpid huser label nice pcpu pgid pid ppid rgroup rss ruser\n"
        "seccomp state stime time tty uid user vsz. Numbers and names are the container's, with\n"
        "an 'h' in front the host's. Of ps's options there are -ef, aux, -j and -o LIST. All is\n"
        "asked of the kernel; no program of the container is run.\n"
        "\n"
        "  imgc top web\n"
        "  imgc top web user pid hpid args\n"
        "  imgc top web -o pid,user,comm\n",
    .min_args = 1,
    .max_args = SIZE_MAX,
    .stop_early = true,
    .run = top_run,
};
