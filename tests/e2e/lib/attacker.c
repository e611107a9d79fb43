/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile program in a container would try and a shell cannot. Linked statically, so that it
 * runs in any image. Prints "done" where an attempt succeeds, else the name of the errno.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void tell(const char *what, long result)
{
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

/* Type into the terminal that this program shares with others. */
static void type_into_terminal(void)
{
    char c = 'x';

    tell("TIOCSTI", ioctl(STDIN_FILENO, TIOCSTI, &c));
    /* The kernel looks at the low half only. */
    tell("TIOCSTI with high bits",
         syscall(SYS_ioctl, STDIN_FILENO, UINT64_C(0x100000000) | TIOCSTI, &c));
    c = 3; /* paste the selection */
    tell("TIOCLINUX", ioctl(STDIN_FILENO, TIOCLINUX, &c));
}

static void connect_abstract(const char *name)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = strlen(name);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || len >= sizeof to.sun_path - 1) {
        exit(2);
    }
    memcpy(to.sun_path + 1, name, len);
    tell("connect", connect(fd, (struct sockaddr *)&to,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)));
}

/* Files by inode number, past any root: the "shocker" of 2014. Inode 2 is an ext4's root. */
static void open_by_handle(void)
{
    struct {
        struct file_handle head;
        uint32_t ino[2];
    } handle = { .head = { .handle_bytes = 8, .handle_type = 1 }, .ino = { 2, 0 } };
    int mount_fd = open("/etc/hosts", O_RDONLY);

    tell("open_by_handle_at", open_by_handle_at(mount_fd, &handle.head, O_RDONLY));
}

/* Every process of ours and our parents, as far as their numbers can be guessed. */
static void trace_others(void)
{
    long n = 0;

    for (int pid = 1; pid < 100000; pid++) {
        if (pid != getpid() && pid != 1 && ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0) {
            n++;
        }
    }
    printf("traced: %ld\n", n);
}

/* A filter by number that forgets the other tables would let mount(2) of i386 (21) pass as
 * access(2), and everything of x32 by its high bit. */
static void call_by_other_tables(void)
{
#ifdef __x86_64__
    long result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(21 /* mount */), "b"(0), "c"(0), "d"(0)
                     : "memory");
    printf("i386: %ld\n", result);
    tell("x32", syscall(0x40000000 | SYS_getpid));
#else
    printf("none\n");
#endif
}

static bool read_link(int pid, const char *name, char *buf, size_t size)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    ssize_t n = readlink(path, buf, size - 1);
    buf[n < 0 ? 0 : n] = '\0';
    return n >= 0;
}

static bool has_text(int pid, const char *name, const char *text)
{
    static char buf[1 << 16];
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    if (fd >= 0) {
        close(fd);
    }
    return n > 0 && memmem(buf, (size_t)n, text, strlen(text)) != NULL;
}

struct pried {
    long seen, exes, secrets, fds, written;
};

/* Keep its executable open, and try to write to it when it has ended. */
static void pry_exe(int pid, struct pried *p)
{
    char path[64];

    p->exes++;
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    int fd = open(path, O_PATH);
    for (int i = 0; fd >= 0 && i < 200; i++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int w = open(path, O_WRONLY);
        p->written += w >= 0;
        usleep(1000);
    }
    close(fd);
}

static void pry_process(int pid, const char *secret, struct pried *p)
{
    char link[4096], name[32];

    if (pid == getpid() || !has_text(pid, "comm", "imgc")) {
        return;
    }
    p->seen++;
    if (read_link(pid, "exe", link, sizeof link) && strstr(link, "imgc")) {
        pry_exe(pid, p);
    }
    p->secrets += has_text(pid, "environ", secret);
    for (int fd = 4; fd < 20; fd++) {
        snprintf(name, sizeof name, "fd/%d", fd);
        p->fds += read_link(pid, name, link, sizeof link);
    }
}

/* Look into processes that come, until /tmp/stop is there: those of imgc's that are on their way to
 * exec are called imgc. */
static void pry(const char *secret)
{
    struct pried p = { 0 };

    while (access("/tmp/stop", F_OK) < 0) {
        DIR *proc = opendir("/proc");
        for (struct dirent *e = readdir(proc); e; e = readdir(proc)) {
            int pid = atoi(e->d_name);
            if (pid > 1) {
                pry_process(pid, secret, &p);
            }
        }
        closedir(proc);
    }
    printf("seen: %s exes: %ld written: %ld secrets: %ld fds: %ld\n", p.seen ? "yes" : "no", p.exes,
           p.written, p.secrets, p.fds);
}

static void replace_own_file(const char *argv0)
{
    printf("attacker runs as %s\n", argv0);
    tell("open for writing", open("/proc/self/exe", O_WRONLY | O_TRUNC));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(what, "terminal") == 0) {
        type_into_terminal();
    } else if (strcmp(what, "abstract") == 0 && argc > 2) {
        connect_abstract(argv[2]);
    } else if (strcmp(what, "handle") == 0) {
        open_by_handle();
    } else if (strcmp(what, "trace") == 0) {
        trace_others();
    } else if (strcmp(what, "tables") == 0) {
        call_by_other_tables();
    } else if (strcmp(what, "pry") == 0 && argc > 2) {
        pry(argv[2]);
    } else {
        replace_own_file(argv[0]);
    }
    return 0;
}
