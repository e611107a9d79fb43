/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/credential_helper.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fd.h"
#include "schema/limits.h"

#define NAME_BYTES 256
#define TOKEN_USER "<token>" /* the secret is an identity token */
#define NOT_FOUND "credentials not found in native keychain"

struct call {
    char program[NAME_BYTES];
    char verb[8];
    struct imgc_str input;
    struct imgc_buf output;
    int status; /* of wait */
};

static int start(struct call *call, const int in[2], const int out[2], pid_t *ret,
                 struct imgc_err *reterr)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, ignored;
    char *const argv[] = { call->program, call->verb, NULL };

    (void)sigemptyset(&none);
    /* What we ignore is not the helper's to ignore: one that writes on to nobody has to end. */
    (void)sigemptyset(&ignored);
    (void)sigaddset(&ignored, SIGPIPE);
    (void)sigaddset(&ignored, SIGXFSZ);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attr);
    int e = posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    e = e ? e : posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    e = e ? e : posix_spawnattr_setsigmask(&attr, &none);
    e = e ? e : posix_spawnattr_setsigdefault(&attr, &ignored);
    e = e ? e : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    e = e ? e : posix_spawnp(ret, call->program, &actions, &attr, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    if (e == ENOENT) {
        return imgc_fail(reterr, IMGC_E_AUTH,
                         "the credentials are kept by '%s', which is not in PATH", call->program);
    }
    return e ? imgc_fail_sys(reterr, e, "start '%s'", call->program) : 0;
}

/* The input is shorter than a pipe holds, so writing all of it first cannot block for ever. A
 * helper that does not read it is no failure by itself. */
static int talk(struct call *call, int in_fd, int out_fd, struct imgc_err *reterr)
{
    struct imgc_err ignored;

    (void)!fd_write_all(in_fd, call->input.ptr, call->input.len, &ignored);
    (void)close(in_fd);
    return fd_read_all(out_fd, &call->output, reterr);
}

static int run(struct call *call, struct imgc_err *reterr)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 };
    sigset_t pipe_signal, old;
    pid_t pid = -1;

    if (pipe2(in, O_CLOEXEC) < 0) {
        return imgc_fail_sys(reterr, errno, "make a pipe");
    }
    if (pipe2(out, O_CLOEXEC) < 0) {
        int e = errno;
        (void)close(in[0]);
        (void)close(in[1]);
        return imgc_fail_sys(reterr, e, "make a pipe");
    }
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)sigprocmask(SIG_BLOCK, &pipe_signal, &old);
    int r = start(call, in, out, &pid, reterr);
    (void)close(in[0]);
    (void)close(out[1]);
    if (r == 0) {
        r = talk(call, in[1], out[0], reterr);
    } else {
        (void)close(in[1]);
    }
    (void)close(out[0]);
    while (pid > 0 && waitpid(pid, &call->status, 0) < 0 && errno == EINTR) {
    }
    (void)sigtimedwait(&pipe_signal, NULL, &(struct timespec){ 0 }); /* of the write, if any */
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    return r;
}

static void call_done(struct call *call)
{
    if (call->output.ptr) {
        explicit_bzero(call->output.ptr, call->output.len);
    }
    imgc_buf_done(&call->output);
}
#define call_auto imgc_auto(call_done)

static void call_init(struct call *call, const char *name, const char *verb, struct imgc_str input)
{
    (void)snprintf(call->program, sizeof call->program, "docker-credential-%s", name);
    (void)snprintf(call->verb, sizeof call->verb, "%s", verb);
    call->input = input;
    imgc_buf_init(&call->output, LIMIT_TOKEN_BYTES);
}

/* Run it and take its output. @return 0; CREDENTIAL_HELPER_NONE; -AUTH. */
static int ask(struct call *call, struct imgc_str *ret, struct imgc_err *reterr)
{
    char said[201];

    int r = run(call, reterr);
    r = r < 0 ? r : imgc_buf_finish(&call->output, ret, reterr);
    if (r < 0) {
        return imgc_context(reterr, "%s %s", call->program, call->verb);
    }
    if (call->status == 0) {
        return 0;
    }
    if (imgc_str_starts(imgc_str_trim(*ret), IMGC_STR(NOT_FOUND))) {
        return CREDENTIAL_HELPER_NONE;
    }
    struct imgc_str text = imgc_str_first(imgc_str_trim(*ret), sizeof said - 1);
    imgc_str_printable(said, sizeof said, text.ptr, text.len);
    return imgc_fail(reterr, IMGC_E_AUTH, "'%s %s' failed: %s", call->program, call->verb,
                     said[0] ? said : "it says nothing");
}

static int read_answer(struct imgc_str text, struct credential *ret, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    const char *user = NULL, *secret = NULL;

    int r = json_parse(text, "answer of the credential helper", &doc, reterr);
    r = r < 0 ? r : json_get_string(doc, "Username", &user, reterr);
    r = r < 0 ? r : json_get_string(doc, "Secret", &secret, reterr);
    if (r < 0) {
        return r;
    }
    if (!secret || !*secret) {
        return CREDENTIAL_HELPER_NONE;
    }
    if (user && strcmp(user, TOKEN_USER) == 0) {
        return imgc_str_dup(imgc_str_of(secret), &ret->identity_token, reterr);
    }
    r = imgc_str_dup(imgc_str_of(user ? user : ""), &ret->user, reterr);
    return r < 0 ? r : imgc_str_dup(imgc_str_of(secret), &ret->password, reterr);
}

int credential_helper_get(const char *name, const char *key, struct credential *ret,
                          struct imgc_err *reterr)
{
    call_auto struct call call = { .status = -1 };
    struct imgc_str text;

    call_init(&call, name, "get", imgc_str_of(key));
    int r = ask(&call, &text, reterr);
    return r != 0 ? r : read_answer(text, ret, reterr);
}

int credential_helper_store(const char *name, const char *key, const struct credential *c,
                            struct imgc_err *reterr)
{
    imgc_autofree char *text = NULL;
    json_auto_free json_t *doc = json_pack("{s:s, s:s, s:s}", "ServerURL", key, "Username",
                                           c->identity_token ? TOKEN_USER : c->user, "Secret",
                                           c->identity_token ? c->identity_token : c->password);
    call_auto struct call call = { .status = -1 };
    struct imgc_str ignored;

    call_init(&call, name, "store", IMGC_STR(""));
    if (!doc) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = json_dump(doc, false, &text, reterr);
    if (r < 0) {
        return r;
    }
    call.input = imgc_str_of(text);
    r = ask(&call, &ignored, reterr);
    explicit_bzero(text, strlen(text));
    return r;
}

int credential_helper_erase(const char *name, const char *key, struct imgc_err *reterr)
{
    call_auto struct call call = { .status = -1 };
    struct imgc_str ignored;

    call_init(&call, name, "erase", imgc_str_of(key));
    return ask(&call, &ignored, reterr);
}
