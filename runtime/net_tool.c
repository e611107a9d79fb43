/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fd.h"

#define MESSAGE_BYTES 4096 /* of what it says */

/* A file of memory with @text, to be read from its start. */
static int memory_file(struct imgc_str text, int *ret_fd, struct imgc_err *reterr)
{
    imgc_autoclose int fd = memfd_create("imgc-script", MFD_CLOEXEC);

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "make a file in memory");
    }
    int r = fd_write_all(fd, text.ptr, text.len, reterr);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0) {
        r = imgc_fail_sys(reterr, errno, "rewind a file in memory");
    }
    if (r == 0) {
        *ret_fd = imgc_take_fd(fd);
    }
    return r;
}

static int spawn(const char *const *argv, int in_fd, int out_fd, pid_t *ret)
{
    union { /* posix_spawn() changes neither */
        const char *const *in;
        char *const *out;
    } words = { argv };
    char locale[] = "LC_ALL=C";
    char *const env[] = { locale, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        (void)posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
        (void)posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
        (void)posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        error = posix_spawn(ret, argv[0], &actions, &attributes, words.out, env);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

int net_tool_start(const char *const *argv, struct imgc_str script, struct net_tool *ret,
                   struct imgc_err *reterr)
{
    imgc_autoclose int in_fd = -1, out_fd = -1;
    pid_t pid = 0;

    int r = memory_file(script, &in_fd, reterr);
    r = r < 0 ? r : memory_file(IMGC_STR(""), &out_fd, reterr);
    if (r < 0) {
        return r;
    }
    int error = spawn(argv, in_fd, out_fd, &pid);
    if (error != 0) {
        return imgc_fail_sys(reterr, error, "start %s", argv[0]);
    }
    *ret = (struct net_tool){ .pid = pid, .err_fd = imgc_take_fd(out_fd) };
    return 0;
}

static int reap(struct net_tool *run)
{
    int status = 0;

    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
    }
    run->pid = 0;
    return status;
}

int net_tool_wait(struct net_tool *run, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(MESSAGE_BYTES);
    struct imgc_str rest, line = { .len = 0 };
    struct imgc_err ignored;

    if (run->pid == 0 || reap(run) == 0) {
        return 0;
    }
    if (lseek(run->err_fd, 0, SEEK_SET) == 0) {
        (void)!fd_read_all(run->err_fd, &text, &ignored);
    }
    rest = (struct imgc_str){ text.ptr, text.len };
    (void)imgc_str_token(&rest, '\n', &line);
    return imgc_fail(reterr, IMGC_E_HOST, IMGC_STR_FMT, IMGC_STR_ARG(line));
}

void net_tool_done(struct net_tool *run)
{
    if (run->pid > 0) {
        (void)reap(run);
    }
    imgc_closep(&run->err_fd);
}
