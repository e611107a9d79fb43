/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/output.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#define OUTPUT_MESSAGE_MAX 2048 /* bytes of one line on stderr; longer ones are cut */

void output_init(struct output *o, enum log_level level)
{
    *o = (struct output){
        .out = stdout,
        .err = stderr,
        .out_is_tty = isatty(STDOUT_FILENO) == 1,
        .err_is_tty = isatty(STDERR_FILENO) == 1,
        .level = level,
    };
}

void output_print(struct output *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (vfprintf(o->out, fmt, ap) < 0 && o->write_errno == 0) {
        o->write_errno = errno;
    }
    va_end(ap);
}

bool output_bytes(struct output *o, const void *ptr, size_t len)
{
    if (o->write_errno == 0 && fwrite(ptr, 1, len, o->out) != len) {
        o->write_errno = errno;
    }
    return o->write_errno == 0;
}

void output_name(struct output *o, const char *name)
{
    char shown[5 * 64];

    if (!o->out_is_tty) {
        (void)output_bytes(o, name, strlen(name));
        return;
    }
    while (*name) {
        /* Whole characters, so that none is cut into bytes that are not UTF-8. */
        size_t n = strcspn(name, "\n\t\\");
        if (n == 0) {
            output_print(o, *name == '\n' ? "\\n" : *name == '\t' ? "\\t" : "\\\\");
            name++;
            continue;
        }
        if (n > 64) {
            for (n = 64; n > 60 && ((unsigned char)name[n] & 0xC0) == 0x80; n--) {
            }
        }
        imgc_str_printable(shown, sizeof shown, name, n);
        output_print(o, "%s", shown);
        name += n;
    }
}

/* One line, whatever the message holds. */
IMGC_PRINTF(3, 0)
static void message(struct output *o, const char *prefix, const char *fmt, va_list ap)
{
    char raw[OUTPUT_MESSAGE_MAX], shown[OUTPUT_MESSAGE_MAX];

    (void)vsnprintf(raw, sizeof raw, fmt, ap);
    imgc_str_printable(shown, sizeof shown, raw, strlen(raw));
    (void)fprintf(o->err, "imgc: %s%s\n", prefix, shown);
}

void output_warn(struct output *o, const char *fmt, ...)
{
    va_list ap;

    if (o->level < LOG_LEVEL_WARN) {
        return;
    }
    va_start(ap, fmt);
    message(o, "warning: ", fmt, ap);
    va_end(ap);
}

void output_info(struct output *o, const char *fmt, ...)
{
    va_list ap;

    if (o->level < LOG_LEVEL_INFO) {
        return;
    }
    va_start(ap, fmt);
    message(o, "", fmt, ap);
    va_end(ap);
}

void output_debug(struct output *o, const char *fmt, ...)
{
    va_list ap;

    if (o->level < LOG_LEVEL_DEBUG) {
        return;
    }
    va_start(ap, fmt);
    message(o, "debug: ", fmt, ap);
    va_end(ap);
}

void output_error_remedy(struct output *o, const struct imgc_err *err, const char *remedy)
{
    if (remedy && *remedy) {
        (void)fprintf(o->err, "Error: %s (%s)\n", err->msg, remedy);
    } else {
        (void)fprintf(o->err, "Error: %s\n", err->msg);
    }
}

void output_error(struct output *o, const struct imgc_err *err)
{
    const char *remedy = imgc_code_remedy(err->code);

    /* "see the message" beside the message helps nobody. */
    if (strncmp(remedy, "see the ", 8) == 0 || strncmp(remedy, "see docs", 8) == 0) {
        remedy = NULL;
    }
    output_error_remedy(o, err, remedy);
}

void output_safe(struct imgc_buf *b, const char *z)
{
    char shown[512];
    size_t len = strlen(z);

    /* In pieces that end between characters, since one byte can become four. */
    while (len > 0) {
        size_t n = len < 100 ? len : 100;
        while (n < len && n > 90 && ((unsigned char)z[n] & 0xC0) == 0x80) {
            n--;
        }
        imgc_str_printable(shown, sizeof shown, z, n);
        imgc_buf_puts(b, shown);
        z += n;
        len -= n;
    }
}

int output_finish(struct output *o, struct imgc_err *reterr)
{
    if (fflush(o->out) != 0 && o->write_errno == 0) {
        o->write_errno = errno;
    }
    if (o->write_errno == 0 && ferror(o->out)) {
        o->write_errno = EIO;
    }
    if (o->write_errno != 0) {
        (void)imgc_fail_sys(reterr, o->write_errno, "write to standard output");
        reterr->code = IMGC_E_SYS; /* the full disk is not the store's: its remedy is not ours */
        return -IMGC_E_SYS;
    }
    return 0;
}
