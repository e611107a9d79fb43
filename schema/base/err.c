/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/str.h"

struct code_row {
    int status;
    const char *name, *remedy;
};

static const struct code_row rows[] = { [IMGC_OK] = { 0, "OK", "" },
#define X(name, status, what, remedy) [IMGC_E_##name] = { status, #name, remedy },
                                        IMGC_CODES(X)
#undef X
};

/* Registries, layers and image configs put their own bytes into messages: no byte of theirs may
 * reach a terminal as a control character. */
static void set_message(struct imgc_err *e, const char *raw)
{
    imgc_str_printable(e->msg, sizeof e->msg, raw, strlen(raw));
}

int(imgc_fail)(struct imgc_err *e, enum imgc_code code, const char *fmt, ...)
{
    int saved = errno;
    char raw[IMGC_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);

    e->code = code;
    e->sys = 0;
    set_message(e, raw);
    errno = saved;
    return -(int)code;
}

static enum imgc_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOMEM:
        return IMGC_E_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return IMGC_E_NOSPACE;
    default:
        return IMGC_E_SYS;
    }
}

int(imgc_fail_sys)(struct imgc_err *e, int errnum, const char *fmt, ...)
{
    char raw[IMGC_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof raw) {
        /* strerrordesc_np: thread-safe, and allowed between clone and exec, unlike strerror(). */
        const char *text = strerrordesc_np(errnum);
        (void)snprintf(raw + n, sizeof raw - (size_t)n, ": %s", text ? text : "unknown error");
    }

    e->code = code_of_errno(errnum);
    e->sys = errnum;
    set_message(e, raw);
    return -(int)e->code;
}

int(imgc_context)(struct imgc_err *e, const char *fmt, ...)
{
    char raw[2 * IMGC_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(raw, IMGC_ERR_MSG_MAX, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : strlen(raw);
    (void)snprintf(raw + used, sizeof raw - used, ": %s", e->msg);

    set_message(e, raw);
    return -(int)e->code;
}

int imgc_code_status(enum imgc_code code)
{
    return rows[code].status;
}

const char *imgc_code_name(enum imgc_code code)
{
    return rows[code].name;
}

const char *imgc_code_remedy(enum imgc_code code)
{
    return rows[code].remedy;
}
