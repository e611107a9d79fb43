/* SPDX-License-Identifier: Apache-2.0 */
/* imgc logs: what a container wrote. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "runtime/log.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "store/container.h"

struct logs_options {
    bool timestamps;
    const char *tail;
};

static const struct option logs_options[] = {
    { 't', "timestamps", OPT_FLAG, offsetof(struct logs_options, timestamps), NULL,
      "put the time before each line" },
    { 'n', "tail", OPT_STRING, offsetof(struct logs_options, tail), "N|all",
      "only the last N lines" },
    { .name = NULL },
};

static void filep_close(FILE **f)
{
    if (*f) {
        (void)fclose(*f);
    }
}

struct reader {
    struct app *app;
    bool timestamps;
    bool starts_line[2]; /* by stream: the next text begins a line */
};

/* The bytes are the container's own, for whoever reads them, as with docker: not escaped. */
static int print_record(struct reader *reader, const struct log_record *record,
                        struct imgc_err *reterr)
{
    FILE *f = record->stream == LOG_STDERR ? reader->app->out.err : reader->app->out.out;
    char time[CLOCK_TEXT_MAX];

    if (record->stream == LOG_STDERR) { /* in their order, where both end in one place */
        (void)fflush(reader->app->out.out);
    }
    if (reader->timestamps && reader->starts_line[record->stream]) {
        (void)fprintf(f, "%s ", clock_rfc3339(record->time_ns, true, time));
    }
    if (fwrite(record->text.ptr, 1, record->text.len, f) != record->text.len ||
        (!record->is_partial && putc('\n', f) == EOF)) {
        return imgc_fail_sys(reterr, errno, "write");
    }
    reader->starts_line[record->stream] = !record->is_partial;
    return 0;
}

/* One pass over the log: count its lines, or print those after the first @skip. */
static int walk_log(FILE *f, struct reader *reader, uint64_t skip, uint64_t *ret_lines,
                    struct imgc_err *reterr)
{
    imgc_autofree char *line = NULL;
    size_t room = 0;
    uint64_t n = 0;
    ssize_t len;

    rewind(f);
    while ((len = getline(&line, &room, f)) > 0) {
        struct log_record record;
        struct imgc_str text = { line, (size_t)len };
        if (text.ptr[text.len - 1] != '\n') {
            break; /* being written right now */
        }
        text.len--;
        int r = log_parse(text, &record, reterr);
        if (r < 0) {
            return r;
        }
        if (reader && n >= skip) {
            r = print_record(reader, &record, reterr);
            if (r < 0) {
                return r;
            }
        }
        n += record.is_partial ? 0 : 1;
    }
    *ret_lines = n;
    return 0;
}

static int parse_tail(const char *text, uint64_t *ret, struct imgc_err *reterr)
{
    *ret = UINT64_MAX;
    if (!text || strcmp(text, "all") == 0 || strcmp(text, "-1") == 0) {
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(text), ret)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--tail '%s': not a number of lines", text);
    }
    return 0;
}

static int print_log(struct app *app, const struct logs_options *o, int dir_fd,
                     struct imgc_err *reterr)
{
    uint64_t tail = 0, lines = 0;
    int r = parse_tail(o->tail, &tail, reterr);
    if (r < 0) {
        return r;
    }
    int fd = openat(dir_fd, "log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? 0 : imgc_fail_sys(reterr, errno, "open the log");
    }
    imgc_auto(filep_close) FILE *f = fdopen(fd, "re");
    if (!f) {
        (void)close(fd);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    struct reader reader = { .app = app,
                             .timestamps = o->timestamps,
                             .starts_line = { true, true } };
    if (tail != UINT64_MAX) {
        r = walk_log(f, NULL, 0, &lines, reterr);
        if (r < 0) {
            return r;
        }
    }
    return walk_log(f, &reader, lines > tail ? lines - tail : 0, &lines, reterr);
}

static int logs_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct store *store;
    int r = app_store(app, &store, reterr);
    if (r < 0) {
        return r;
    }
    container_auto struct container c = { .name = NULL };
    r = container_find(store, imgc_str_of(args.v[0]), &c, reterr);
    if (r == CONTAINER_MISSING) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: %s", args.v[0]);
    }
    imgc_autoclose int dir_fd = -1;
    r = r < 0 ? r : container_open_dir(store, c.id, &dir_fd, reterr);
    return r < 0 ? r : print_log(app, options, dir_fd, reterr);
}

const struct command cmd_logs = {
    .name = "logs",
    .args = "CONTAINER",
    .summary = "print what a container wrote",
    .help =
        "Standard output goes to standard output, standard error to standard error. Containers\n"
        "that are run with --rm keep no log.\n"
        "\n"
        "  imgc logs --tail 20 -t job\n",
    .options = logs_options,
    .options_size = sizeof(struct logs_options),
    .min_args = 1,
    .max_args = 1,
    .run = logs_run,
};
