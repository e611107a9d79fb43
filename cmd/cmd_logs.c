/* SPDX-License-Identifier: Apache-2.0 */
/* imgc logs: what a container wrote, and writes. */
#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/filter.h"
#include "cmd/lookup.h"
#include "runtime/log_reader.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"

#define LOOK_MS 200 /* how often it is asked whether the container still runs */

struct logs_options {
    bool timestamps, follow;
    const char *tail, *since, *until;
};

#define AT(field) offsetof(struct logs_options, field)

static const struct option logs_options[] = {
    { 'f', "follow", OPT_FLAG, AT(follow), NULL, "go on until the container ends" },
    { 't', "timestamps", OPT_FLAG, AT(timestamps), NULL, "put the time before each line" },
    { 'n', "tail", OPT_STRING, AT(tail), "N|all", "only the last N lines" },
    { 0, "since", OPT_STRING, AT(since), "TIME", "only from this time on (10m, 2024-01-02T15:04)" },
    { 0, "until", OPT_STRING, AT(until), "TIME", "only up to this time" },
    { .name = NULL },
};

struct logs {
    struct app *app;
    const struct logs_options *options;
    struct container container;
    int dir_fd;
    int64_t since_ns, until_ns;
    uint64_t tail;
    bool starts_line[2]; /* by stream: the next text begins a line */
};

/* The bytes are the container's own, for whoever reads them, as with docker: not escaped. */
static int print_record(struct logs *l, const struct log_record *record, struct imgc_err *reterr)
{
    FILE *f = record->stream == LOG_STDERR ? l->app->out.err : l->app->out.out;
    char time[CLOCK_TEXT_MAX];

    if (record->stream == LOG_STDERR) { /* in their order, where both end in one place */
        (void)fflush(l->app->out.out);
    }
    if (l->options->timestamps && l->starts_line[record->stream]) {
        (void)fprintf(f, "%s ", clock_rfc3339(record->time_ns, true, time));
    }
    if (fwrite(record->text.ptr, 1, record->text.len, f) != record->text.len ||
        (!record->is_partial && putc('\n', f) == EOF)) {
        return imgc_fail_sys(reterr, errno, "write");
    }
    l->starts_line[record->stream] = !record->is_partial;
    return 0;
}

enum { LOGS_PAST_UNTIL = 1 };

/* Print what is there by now, but for the first @skip lines. @return 0; LOGS_PAST_UNTIL. */
static int print_rest(struct logs *l, struct log_reader *reader, uint64_t *skip,
                      struct imgc_err *reterr)
{
    struct log_record record;
    int r;

    while ((r = log_reader_next(reader, &record, reterr)) == 0) {
        if (*skip > 0) {
            *skip -= record.is_partial ? 0 : 1;
            continue;
        }
        if (record.time_ns > l->until_ns) {
            return LOGS_PAST_UNTIL;
        }
        r = record.time_ns < l->since_ns ? 0 : print_record(l, &record, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r < 0 ? r : 0;
}

static int count_lines(struct logs *l, uint64_t *ret, struct imgc_err *reterr)
{
    log_reader_auto struct log_reader reader = LOG_READER_INIT;
    struct log_record record;

    *ret = 0;
    int r = log_reader_open(l->dir_fd, &reader, reterr);
    while (r == 0 && (r = log_reader_next(&reader, &record, reterr)) == 0) {
        *ret += record.is_partial ? 0 : 1;
    }
    return r < 0 ? r : 0;
}

/* Until something was written, or for a moment. */
static void await_change(int inotify_fd)
{
    struct pollfd p = { .fd = inotify_fd, .events = POLLIN };
    char events[4096];

    if (poll(&p, 1, LOOK_MS) > 0) {
        ssize_t n = read(inotify_fd, events, sizeof events);
        (void)n;
    }
}

/* Whether somebody may still write: what was written last is flushed after the last process has
 * ended, before the owner notes the end. */
static int may_go_on(struct logs *l, bool *ret, struct imgc_err *reterr)
{
    container_auto struct container now = { .name = NULL };

    int r = container_find(l->app->store, imgc_str_of(l->container.id), &now, reterr);
    *ret = r == 0 && (now.status != CONTAINER_EXITED ||
                      (now.finished_ns == 0 && now.owner.pid > 0 && process_alive(&now.owner)));
    return r < 0 ? r : 0;
}

static int watch_directory(const struct logs *l, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[32];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", l->dir_fd);
    if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        return imgc_fail_sys(reterr, errno, "watch the log");
    }
    *ret_fd = imgc_take_fd(fd);
    return 0;
}

static int follow(struct logs *l, struct log_reader *reader, uint64_t skip, struct imgc_err *reterr)
{
    imgc_autoclose int inotify_fd = -1;
    bool goes_on = true;

    int r = watch_directory(l, &inotify_fd, reterr);
    while (r == 0 && goes_on) {
        r = may_go_on(l, &goes_on, reterr); /* first: what comes before the end is then seen */
        r = r < 0 ? r : print_rest(l, reader, &skip, reterr);
        if (r != 0) {
            return r < 0 ? r : 0;
        }
        if (fflush(l->app->out.out) == EOF) {
            return imgc_fail_sys(reterr, errno, "write");
        }
        if (app_interrupted()) {
            return app_interrupt_status();
        }
        if (goes_on) {
            await_change(inotify_fd);
        }
    }
    return r;
}

static int parse_time(const char *option, const char *text, int64_t *ret, struct imgc_err *reterr)
{
    if (!text || filter_parse_time(imgc_str_of(text), clock_now_ns(), ret)) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE,
                     "--%s '%s': not a time such as 10m, 2024-01-02T15:04:05Z or Unix seconds",
                     option, text);
}

static int parse_options(struct logs *l, struct imgc_err *reterr)
{
    const struct logs_options *o = l->options;

    l->since_ns = INT64_MIN;
    l->until_ns = INT64_MAX;
    l->tail = UINT64_MAX;
    if (o->tail && strcmp(o->tail, "all") != 0 && strcmp(o->tail, "-1") != 0 &&
        !imgc_str_u64(imgc_str_of(o->tail), &l->tail)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--tail '%s': not a number of lines", o->tail);
    }
    int r = parse_time("since", o->since, &l->since_ns, reterr);
    return r < 0 ? r : parse_time("until", o->until, &l->until_ns, reterr);
}

static int print_log(struct logs *l, struct imgc_err *reterr)
{
    log_reader_auto struct log_reader reader = LOG_READER_INIT;
    uint64_t lines = 0, skip = 0;

    if (l->tail != UINT64_MAX) {
        int r = count_lines(l, &lines, reterr);
        if (r < 0) {
            return r;
        }
        skip = lines > l->tail ? lines - l->tail : 0;
    }
    int r = log_reader_open(l->dir_fd, &reader, reterr);
    if (r == 0 && l->options->follow) {
        return follow(l, &reader, skip, reterr);
    }
    r = r < 0 ? r : print_rest(l, &reader, &skip, reterr);
    return r < 0 ? r : 0;
}

static int logs_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct logs l = {
        .app = app, .options = options, .container = { .name = NULL }, .starts_line = { true, true }
    };
    imgc_autoclose int dir_fd = -1;
    struct store *store;

    int r = parse_options(&l, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : lookup_container(store, args.v[0], &l.container, reterr);
    r = r < 0 ? r : container_open_dir(store, l.container.id, &dir_fd, reterr);
    if (r == 0) {
        l.dir_fd = dir_fd;
        r = print_log(&l, reterr);
    }
    container_done(&l.container);
    return r;
}

const struct command cmd_logs = {
    .name = "logs",
    .args = "CONTAINER",
    .summary = "print what a container wrote",
    .help =
        "Standard output goes to standard output, standard error to standard error. Containers\n"
        "that are run with --rm keep no log. A log is rotated at 10 MiB and three files are kept,\n"
        "unless --log-opt of run says otherwise.\n"
        "\n"
        "  imgc logs --tail 20 -t job\n"
        "  imgc logs -f --since 10m web\n",
    .options = logs_options,
    .options_size = sizeof(struct logs_options),
    .min_args = 1,
    .max_args = 1,
    .run = logs_run,
};
