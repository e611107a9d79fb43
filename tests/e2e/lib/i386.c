/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 32-bit program without a C library (gcc -m32 -nostdlib -static): what the system call filter
 * answers to calls by the numbers of i386. Prints a line for each: the name, and "done" or the
 * errno.
 */

static int call(int nr, int a, int b, int c)
{
    int result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static int length(const char *text)
{
    int n = 0;

    while (text[n]) {
        n++;
    }
    return n;
}

static void say(const char *text)
{
    (void)call(4 /* write */, 1, (int)text, length(text));
}

static void tell(const char *name, int result)
{
    char digits[8] = { 0 };
    int i = 6;

    say(name);
    if (result >= 0) {
        say(": done\n");
        return;
    }
    for (result = -result; i > 0 && (result > 0 || i == 6); result /= 10) {
        digits[--i] = (char)('0' + result % 10);
    }
    say(": ");
    say(digits + i);
    say("\n");
}

void _start(void);

void _start(void)
{
    static int alg[3] = { 38 /* AF_ALG */, 5, 0 };

    tell("getpid", call(20, 0, 0, 0));
    tell("socket AF_UNIX", call(359, 1, 1, 0));
    tell("socket AF_ALG", call(359, 38, 5, 0));
    tell("socketcall AF_ALG", call(102, 1, (int)alg, 0));
    tell("mount", call(21, 0, 0, 0));
    tell("unshare", call(310, 0x10000000 /* CLONE_NEWUSER */, 0, 0));
    (void)call(1 /* exit */, 7, 0, 0);
}
