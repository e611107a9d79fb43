/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/log.h"

#include <sys/stat.h>

#include "runtime/log_rotate.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define RECORD_BYTES_MAX (LIMIT_LOG_LINE_BYTES + 64) /* a line with its time, stream and flag */

static const char *const stream_names[] = { [LOG_STDOUT] = "stdout", [LOG_STDERR] = "stderr" };

void log_writer_init(struct log_writer *w, int fd)
{
    *w = (struct log_writer){ .fd = fd, .own_fd = -1 };
    imgc_buf_init(&w->partial[LOG_STDOUT], LIMIT_LOG_LINE_BYTES);
    imgc_buf_init(&w->partial[LOG_STDERR], LIMIT_LOG_LINE_BYTES);
}

void log_writer_done(struct log_writer *w)
{
    imgc_buf_done(&w->partial[LOG_STDOUT]);
    imgc_buf_done(&w->partial[LOG_STDERR]);
    imgc_closep(&w->own_fd);
}

void log_writer_rotate(struct log_writer *w, const char *dir, uint64_t max_bytes,
                       unsigned max_files)
{
    struct stat st;

    w->dir = dir;
    w->max_bytes = max_bytes > 0 ? max_bytes : LOG_ROTATE_MAX_BYTES;
    w->max_files = max_files > 0 ? max_files : LOG_ROTATE_MAX_FILES;
    w->bytes = fstat(w->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Make room for @len bytes. One record always fits, whatever max_bytes says. */
static int make_room(struct log_writer *w, size_t len, struct imgc_err *reterr)
{
    imgc_autoclose int dir_fd = -1;
    int fd = -1;

    if (w->max_bytes == 0 || w->bytes == 0 || w->bytes + len <= w->max_bytes) {
        return 0;
    }
    int r = fd_open_at(AT_FDCWD, w->dir, O_PATH | O_DIRECTORY, 0, &dir_fd, reterr);
    r = r < 0 ? r : log_rotate(dir_fd, w->max_files, &fd, reterr);
    if (r < 0) {
        return r;
    }
    imgc_closep(&w->own_fd);
    w->fd = w->own_fd = fd;
    w->bytes = 0;
    return 0;
}

/* "2024-01-02T03:04:05.000000000+00:00": clock_rfc3339() cuts zeros and says Z, this form does not,
 * so that the columns stay. */
static void add_time(struct imgc_buf *b, int64_t ns)
{
    char text[CLOCK_TEXT_MAX];

    (void)clock_rfc3339(ns, false, text);
    struct imgc_str whole = imgc_str_of(text);
    imgc_buf_str(b, imgc_str_first(whole, whole.len - 1));
    imgc_buf_printf(b, ".%09lld+00:00", (long long)(ns % 1000000000));
}

/* One record is one write(), so that lines of two writers never mix (O_APPEND). */
static int write_record(struct log_writer *w, enum log_stream stream, bool is_partial,
                        struct imgc_str text, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(RECORD_BYTES_MAX);
    struct imgc_str record;

    add_time(&b, clock_now_ns());
    imgc_buf_printf(&b, " %s %c ", stream_names[stream], is_partial ? 'P' : 'F');
    imgc_buf_str(&b, text);
    imgc_buf_putc(&b, '\n');
    int r = imgc_buf_finish(&b, &record, reterr);
    r = r < 0 ? r : make_room(w, record.len, reterr);
    if (r == 0) {
        w->bytes += record.len;
        r = fd_write_all(w->fd, record.ptr, record.len, reterr);
    }
    return r < 0 ? imgc_context(reterr, "write the container's log") : 0;
}

/* Write what was kept and @text, which together fit in one record. */
static int write_joined(struct log_writer *w, enum log_stream stream, bool is_partial,
                        struct imgc_str text, struct imgc_err *reterr)
{
    struct imgc_buf *kept = &w->partial[stream];

    if (kept->len == 0) {
        return write_record(w, stream, is_partial, text, reterr);
    }
    imgc_buf_str(kept, text);
    struct imgc_str joined;
    int r = imgc_buf_finish(kept, &joined, reterr);
    if (r == 0) {
        r = write_record(w, stream, is_partial, joined, reterr);
    }
    imgc_buf_clear(kept);
    return r;
}

int log_write(struct log_writer *w, enum log_stream stream, const void *ptr, size_t len,
              struct imgc_err *reterr)
{
    struct imgc_buf *kept = &w->partial[stream];
    struct imgc_str rest = { ptr, len };
    int r = 0;

    while (rest.len > 0 && r == 0) {
        size_t newline = imgc_str_find(rest, '\n');
        size_t room = LIMIT_LOG_LINE_BYTES - kept->len;

        if (newline < rest.len && newline <= room) {
            r = write_joined(w, stream, false, imgc_str_first(rest, newline), reterr);
            rest = imgc_str_from(rest, newline + 1);
        } else if (rest.len < room) {
            imgc_buf_str(kept, rest);
            struct imgc_str all;
            return imgc_buf_finish(kept, &all, reterr);
        } else {
            r = write_joined(w, stream, true, imgc_str_first(rest, room), reterr);
            rest = imgc_str_from(rest, room);
        }
    }
    return r;
}

int log_flush(struct log_writer *w, struct imgc_err *reterr)
{
    int r = 0;

    for (int i = LOG_STDOUT; i <= LOG_STDERR && r == 0; i++) {
        if (w->partial[i].len > 0) {
            r = write_joined(w, (enum log_stream)i, true, (struct imgc_str){ NULL, 0 }, reterr);
        }
    }
    return r;
}

int log_parse(struct imgc_str line, struct log_record *ret, struct imgc_err *reterr)
{
    struct imgc_str time, stream, flag, text;
    struct log_record record;

    if (!imgc_str_split(line, ' ', &time, &text) || !imgc_str_split(text, ' ', &stream, &text) ||
        !imgc_str_split(text, ' ', &flag, &text) || !clock_parse_rfc3339(time, &record.time_ns) ||
        (!imgc_str_eq(flag, IMGC_STR("F")) && !imgc_str_eq(flag, IMGC_STR("P"))) ||
        (!imgc_str_eq(stream, IMGC_STR("stdout")) && !imgc_str_eq(stream, IMGC_STR("stderr")))) {
        return imgc_fail(reterr, IMGC_E_STORE, "a damaged line in the log of a container");
    }
    record.stream = imgc_str_eq(stream, IMGC_STR("stdout")) ? LOG_STDOUT : LOG_STDERR;
    record.is_partial = flag.ptr[0] == 'P';
    record.text = text;
    *ret = record;
    return 0;
}
