/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that need a registry: a child process that serves on a loopback port, its log, and a
 * temporary directory. */
#ifndef IMGC_TESTS_LIB_SERVING_H
#define IMGC_TESTS_LIB_SERVING_H

#include "tests/lib/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fd.h"

struct serving {
    char dir[64];  /* temporary, removed at the end */
    char log[128]; /* of the server */
    pid_t server;
    int server_stdin; /* the server ends when this does */
    unsigned port;
    unsigned tls_port; /* of registry.py: with a certificate that nobody trusts */
};

static inline void serving_begin(struct serving *p)
{
    *p = (struct serving){ .server_stdin = -1 };
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/imgc-pull-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->log, sizeof p->log, "%s/log", p->dir);
}

/* Start @argv (searched in PATH) with its output in @out_fd and its errors in @err_fd (-1: ours),
 * and a pipe as input that keeps it alive. */
static inline void serving_spawn(struct serving *p, char *const argv[], int out_fd, int err_fd)
{
    int in[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    p->server = fork();
    assert_true(p->server >= 0);
    if (p->server == 0) {
        (void)dup2(in[0], 0);
        if (out_fd >= 0) {
            (void)dup2(out_fd, 1);
        }
        if (err_fd >= 0) {
            (void)dup2(err_fd, 2);
        }
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    (void)close(in[0]);
    p->server_stdin = in[1];
}

/* Start tests/lib/registry.py. @return whether it listens. */
static inline bool serving_start_registry(struct serving *p)
{
    char script[512], line[32] = "";
    int out[2];

    (void)snprintf(script, sizeof script, "%s/tests/lib/registry.py", IMGC_SOURCE_DIR);
    char *const argv[] = { (char[]){ "python3" }, script, p->log, NULL };
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    serving_spawn(p, argv, out[1], -1);
    (void)close(out[1]);
    FILE *f = fdopen(out[0], "r");
    if (f && fgets(line, sizeof line, f)) {
        char *rest;
        p->port = (unsigned)strtoul(line, &rest, 10);
        p->tls_port = (unsigned)strtoul(rest, NULL, 10);
    }
    if (f) {
        (void)fclose(f);
    }
    return p->port != 0;
}

/* Whether @program is in PATH; says so where it is not. */
static inline bool serving_has(const char *program)
{
    const char *path = getenv("PATH");
    char file[512];

    (void)signal(SIGPIPE, SIG_IGN);
    while (path && *path) {
        size_t len = strcspn(path, ":");
        (void)snprintf(file, sizeof file, "%.*s/%s", (int)len, path, program);
        if (access(file, X_OK) == 0) {
            return true;
        }
        path += len + (path[len] == ':');
    }
    print_message("[  SKIPPED ] there is no %s in PATH\n", program);
    return false;
}

static inline void serving_end(struct serving *p)
{
    struct imgc_err err;

    if (p->server > 0) {
        (void)kill(p->server, SIGKILL);
        (void)waitpid(p->server, NULL, 0);
        (void)close(p->server_stdin);
    }
    assert_ok(fd_remove_tree(AT_FDCWD, p->dir, NULL, &err), err);
}

/* Lines of the log that contain all of @a and @b. */
static inline unsigned serving_count(const struct serving *p, const char *a, const char *b)
{
    char *line = NULL;
    size_t room = 0;
    unsigned n = 0;
    FILE *f = fopen(p->log, "re");

    while (f && getline(&line, &room, f) >= 0) {
        n += strstr(line, a) && strstr(line, b);
    }
    free(line);
    if (f) {
        (void)fclose(f);
    }
    return n;
}

static inline void serving_forget_log(const struct serving *p)
{
    assert_int_equal(truncate(p->log, 0), 0);
}

#endif
