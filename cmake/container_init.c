/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init of `run --init`: process 1 of a container that is no init itself. It starts the command,
 * takes in the processes that others leave behind, hands signals on, and ends as the command does.
 * Called with the path of the command's file, then its words.
 *
 * Not a part of imgc but a program of its own, without any library, that imgc carries along
 * (runtime/init_program.h): nothing of the image is needed, and a process that is seen in the
 * container has nothing of imgc's in it.
 */
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define TIOCSPGRP 0x5410
#define WORD_BITS_MAX (~0UL) /* every signal */
#define NOT_FOUND 127
#define NOT_EXECUTED 126

#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, xzr\n\tmov x0, sp\n\tand sp, x0, #-16\n\tbl begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;

    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#endif

static void leave(long status)
{
    for (;;) {
        (void)call(__NR_exit_group, status, 0, 0, 0, 0);
    }
}

static void say(const char *text)
{
    long len = 0;

    while (text[len]) {
        len++;
    }
    (void)call(__NR_write, 2, (long)text, len, 0, 0);
}

/* In the foreground of the terminal, if there is one; SIGTTOU is blocked. */
static void start(const char *path, char **argv, char **envp, const unsigned long *mask)
{
    int pid = (int)call(__NR_getpid, 0, 0, 0, 0, 0);

    (void)call(__NR_setpgid, 0, 0, 0, 0, 0);
    (void)call(__NR_ioctl, 0, TIOCSPGRP, (long)&pid, 0, 0);
    (void)call(__NR_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, sizeof *mask, 0);
    long e = call(__NR_execve, (long)path, (long)argv, (long)envp, 0, 0);
    say("imgc-init: cannot execute ");
    say(path);
    say("\n");
    leave(e == -ENOENT ? NOT_FOUND : NOT_EXECUTED);
}

/* Whatever has ended; where that is the command, so do we. */
static void reap(long command)
{
    int status = 0;
    long pid;

    while ((pid = call(__NR_wait4, -1, (long)&status, WNOHANG, 0, 0)) > 0) {
        if (pid == command) {
            int signal_number = status & 0x7f;
            leave(signal_number ? 128 + signal_number : (status >> 8) & 0xff);
        }
    }
}

void begin(long *stack);

void begin(long *stack)
{
    char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
    const unsigned long all = WORD_BITS_MAX;
    unsigned long mask = 0;

    if (stack[0] < 3) {
        leave(NOT_EXECUTED);
    }
    (void)call(__NR_prctl, PR_SET_NAME, (long)"imgc-init", 0, 0, 0);
    (void)call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&mask, sizeof mask, 0);
    long command = call(__NR_clone, SIGCHLD, 0, 0, 0, 0);
    if (command < 0) {
        say("imgc-init: cannot start a process\n");
        leave(NOT_EXECUTED);
    }
    if (command == 0) {
        start(argv[1], argv + 2, envp, &mask);
    }
    for (;;) {
        long signal_number = call(__NR_rt_sigtimedwait, (long)&all, 0, 0, sizeof all, 0);
        if (signal_number == SIGCHLD) {
            reap(command);
        } else if (signal_number > 0) {
            (void)call(__NR_kill, command, signal_number, 0, 0, 0);
        }
    }
}
