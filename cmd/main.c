/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process: its file descriptors and signals; then the program. The locale stays "C": what needs
 * another one takes it for itself.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/program.h"

/* A file opened in place of a closed stdin, stdout or stderr would be written to as if it were
 * that. */
static void open_standard_fds(bool *ret_out_is_closed)
{
    int fd;

    *ret_out_is_closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
    do {
        fd = open("/dev/null", O_RDWR); /* stays open across exec: it is a standard fd */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        (void)close(fd);
    }
}

/* The first signal asks the command to end in order; the second one ends it, which the store
 * survives by design. */
static void on_interrupt(int signal_number)
{
    if (app_note_interrupt(signal_number) > 1) {
        _exit(128 + signal_number);
    }
}

static void set_signals(void)
{
    /* No SA_RESTART: a wait for a lock or an answer ends. */
    struct sigaction interrupt = { .sa_handler = on_interrupt };
    struct sigaction ignore = { .sa_handler = SIG_IGN }, hangup;

    (void)sigemptyset(&interrupt.sa_mask);
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGINT, &interrupt, NULL);
    (void)sigaction(SIGTERM, &interrupt, NULL);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) { /* nohup's */
        (void)sigaction(SIGHUP, &interrupt, NULL);
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL); /* a file size limit is an error like a full disk */
}

int main(int argc, char **argv)
{
    bool out_is_closed = false;

    open_standard_fds(&out_is_closed);
    set_signals();
    return program_run(argc, (const char *const *)argv, out_is_closed);
}
