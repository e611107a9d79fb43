/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one plain struct on the caller's stack, the last parameter of every function that can
 * fail. docs/errors.md is generated from the table below.
 *
 * A function returns 0, a negative -code (and then *reterr is filled), or a positive outcome that
 * its header lists by name. Negative is forwarded, positive is handled by the direct caller.
 */
#ifndef IMGC_SCHEMA_BASE_ERR_H
#define IMGC_SCHEMA_BASE_ERR_H

#include <stdbool.h>

#define IMGC_CHECK __attribute__((warn_unused_result))
#define IMGC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* X(NAME, exit status, what, remedy). The exit status is the one outside of `run`, where every
 * failure of imgc itself is 125 except the two NOEXEC codes (docker's and podman's convention). */
#define IMGC_CODES(X)                                                                          \
    X(NOMEM, 1, "out of memory", "free memory and try again")                                  \
    X(SYS, 1, "a system call failed", "see the message")                                       \
    X(USAGE, 1, "the command line is wrong", "see 'imgc COMMAND --help'")                      \
    X(REFERENCE, 1, "not a valid image name", "write NAME[:TAG|@DIGEST]")                      \
    X(DIGEST, 1, "content does not match its digest", "pull again, or run 'imgc verify'")      \
    X(DOCUMENT, 1, "a manifest, index or config is malformed", "ask who published the image")  \
    X(LAYER, 1, "a layer is damaged or hostile", "ask who published the image")                \
    X(LIMIT, 1, "larger than imgc allows", "see the limit in the message")                     \
    X(UNSUPPORTED, 1, "imgc cannot do this", "see docs/")                                      \
    X(PLATFORM, 1, "no image for this platform", "choose one with --platform")                 \
    X(NOTFOUND, 1, "no such image or container", "see 'imgc images' and 'imgc ps -a'")         \
    X(NOIMAGE, 1, "the registry has no such image", "check the name and the tag")              \
    X(EXISTS, 1, "the name is taken", "choose another, or remove the old one")                 \
    X(INUSE, 2, "something still uses it", "remove the container first, or use --force")       \
    X(NOTRUNNING, 1, "the container is not running", "start it with 'imgc start'")             \
    X(AMBIGUOUS, 1, "the short ID fits several", "write more digits")                          \
    X(AUTH, 1, "the registry refused access", "check the name and the credentials")            \
    X(NETWORK, 1, "the registry cannot be reached", "check the host name and the network")     \
    X(TLS, 1, "no TLS connection to be trusted", "--tls-verify=false accepts any certificate") \
    X(REGISTRY, 1, "the registry answered with an error", "try again later")                   \
    X(NOSPACE, 1, "the disk is full", "free space, for example with 'imgc prune -a'")          \
    X(STORE, 1, "the store is damaged or not ours", "run 'imgc verify'")                       \
    X(HOST, 1, "this host forbids it", "see the message")                                      \
    X(NOEXEC, 126, "the command cannot be executed", "check its mode and format")              \
    X(NOCOMMAND, 127, "the command was not found", "check the command and PATH in the image")  \
    X(INTERRUPTED, 130, "interrupted", "run the command again")

enum imgc_code {
    IMGC_OK = 0,
#define X(name, status, what, remedy) IMGC_E_##name,
    IMGC_CODES(X)
#undef X
};

#define IMGC_ERR_MSG_MAX 480 /* bytes; with the rest below PIPE_BUF's guaranteed 512 */

struct imgc_err {
    enum imgc_code code;        /* what kind */
    int sys;                    /* errno of the failed call, or 0 */
    char msg[IMGC_ERR_MSG_MAX]; /* "outer: inner", one line, untrusted bytes escaped */
};

/** Fill @e. @return -code, so that a caller can `return imgc_fail(...)`. Keeps errno as it was. */
IMGC_PRINTF(3, 4) int imgc_fail(struct imgc_err *e, enum imgc_code code, const char *fmt, ...);

/**
 * Fill @e for a failed libc or system call: "MESSAGE: strerror". ENOSPC and EDQUOT become NOSPACE,
 * ENOMEM becomes NOMEM, anything else SYS. Stands directly under the call.
 */
IMGC_PRINTF(3, 4) int imgc_fail_sys(struct imgc_err *e, int errnum, const char *fmt, ...);

/** Put "CONTEXT: " in front of e->msg. @return -e->code. */
IMGC_PRINTF(2, 3) int imgc_context(struct imgc_err *e, const char *fmt, ...);

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time: this is how it knows that a failure is negative. */
#    define imgc_fail(e, code, ...) ((void)(imgc_fail)(e, code, __VA_ARGS__), -(int)(code))
#    define imgc_fail_sys(e, errnum, ...) ((void)(imgc_fail_sys)(e, errnum, __VA_ARGS__), -1)
#    define imgc_context(e, ...) ((void)(imgc_context)(e, __VA_ARGS__), -1)
#endif

/** One row of the table for @code: its exit status, its name, what it means, what to do. */
int imgc_code_status(enum imgc_code code);
const char *imgc_code_name(enum imgc_code code);
const char *imgc_code_remedy(enum imgc_code code);

#endif
