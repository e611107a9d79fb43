/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "schema/base/cleanup.h"
#include "schema/base/fd.h"

/* bpf_cgroup_dev_ctx, BPF_DEVCG_*: access in the high half of access_type, type in the low one */
#define LOAD(reg, field)                                                           \
    {                                                                              \
        .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = (reg), .src_reg = BPF_REG_1, \
        .off = offsetof(struct bpf_cgroup_dev_ctx, field)                          \
    }
#define ALU(op, reg, value)                                                \
    {                                                                      \
        .code = BPF_ALU64 | (op) | BPF_K, .dst_reg = (reg), .imm = (value) \
    }
#define MOVE(to, from)                                                           \
    {                                                                            \
        .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from), \
    }
#define IF(op, reg, value, skip)                                                        \
    {                                                                                   \
        .code = BPF_JMP | (op) | BPF_K, .dst_reg = (reg), .imm = (value), .off = (skip) \
    }
#define EXIT                       \
    {                              \
        .code = BPF_JMP | BPF_EXIT \
    }
#define TYPE BPF_REG_2
#define ACCESS BPF_REG_3
#define MAJOR BPF_REG_4
#define MINOR BPF_REG_5
#define REST BPF_REG_6
#define MEM 1 /* null zero full random urandom */
#define TTY 5 /* tty console ptmx */
#define PTS 136

/* Jumps are forward, relative to the next instruction. */
static const struct bpf_insn defaults[] = {
    /*  0 */ LOAD(TYPE, access_type),
    /*  1 */ LOAD(ACCESS, access_type),
    /*  2 */ ALU(BPF_AND, TYPE, 0xffff),
    /*  3 */ ALU(BPF_RSH, ACCESS, 16),
    /*  4 */ IF(BPF_JEQ, ACCESS, BPF_DEVCG_ACC_MKNOD, 15),
    /*  5 */ IF(BPF_JNE, TYPE, BPF_DEVCG_DEV_CHAR, 12),
    /*  6 */ LOAD(MAJOR, major),
    /*  7 */ LOAD(MINOR, minor),
    /*  8 */ IF(BPF_JEQ, MAJOR, PTS, 11),
    /*  9 */ IF(BPF_JEQ, MAJOR, TTY, 7),
    /* 10 */ IF(BPF_JNE, MAJOR, MEM, 7),
    /* 11 */ IF(BPF_JEQ, MINOR, 3, 8),
    /* 12 */ IF(BPF_JEQ, MINOR, 5, 7),
    /* 13 */ IF(BPF_JEQ, MINOR, 7, 6),
    /* 14 */ IF(BPF_JEQ, MINOR, 8, 5),
    /* 15 */ IF(BPF_JEQ, MINOR, 9, 4),
    /* 16 */ IF(BPF_JA, 0, 0, 1),
    /* 17 */ IF(BPF_JLE, MINOR, 2, 2),
    /* 18 */ ALU(BPF_MOV, BPF_REG_0, 0), /* refuse */
    /* 19 */ EXIT,
    /* 20 */ ALU(BPF_MOV, BPF_REG_0, 1), /* allow */
    /* 21 */ EXIT,
};

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, cmd, attr, sizeof *attr);
}

/* Of one rule: at most nine, and of all of them the head. */
#define RULE_INSNS 9
#define HEAD_INSNS 6

static const struct bpf_insn head[HEAD_INSNS] = {
    LOAD(TYPE, access_type),  LOAD(ACCESS, access_type), ALU(BPF_AND, TYPE, 0xffff),
    ALU(BPF_RSH, ACCESS, 16), LOAD(MAJOR, major),        LOAD(MINOR, minor),
};

/* Tests that lead on to the next rule where they do not hold, and the answer. */
static size_t assemble_rule(const struct cgroup_device_rule *rule, struct bpf_insn out[RULE_INSNS])
{
    const int type = rule->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK;
    size_t n = 0;

    if (rule->type != 'a') {
        out[n++] = (struct bpf_insn)IF(BPF_JNE, TYPE, type, 0);
    }
    if (rule->major >= 0) {
        out[n++] = (struct bpf_insn)IF(BPF_JNE, MAJOR, (int32_t)rule->major, 0);
    }
    if (rule->minor >= 0) {
        out[n++] = (struct bpf_insn)IF(BPF_JNE, MINOR, (int32_t)rule->minor, 0);
    }
    out[n++] = (struct bpf_insn)MOVE(REST, ACCESS);
    out[n++] = (struct bpf_insn)ALU(BPF_AND, REST, (int32_t)(7u & ~rule->access));
    out[n++] = (struct bpf_insn)IF(BPF_JNE, REST, 0, 0);
    out[n++] = (struct bpf_insn)ALU(BPF_MOV, BPF_REG_0, 1);
    out[n++] = (struct bpf_insn)EXIT;
    for (size_t i = 0; i < n; i++) {
        if (out[i].code == (BPF_JMP | BPF_JNE | BPF_K)) {
            out[i].off = (int16_t)(n - i - 1);
        }
    }
    return n;
}

/* The rules come first; what none of them allows, the defaults decide.
 * @ret  new array. @return 0; -NOMEM. */
static int assemble(const struct cgroup_device_rule *rules, size_t n, struct bpf_insn **ret,
                    size_t *ret_len, struct imgc_err *reterr)
{
    struct bpf_insn *code =
        calloc(HEAD_INSNS + n * RULE_INSNS + sizeof defaults / sizeof *defaults, sizeof *code);
    size_t len = HEAD_INSNS;

    if (!code) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "device filter");
    }
    memcpy(code, head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        len += assemble_rule(&rules[i], code + len);
    }
    memcpy(code + len, defaults, sizeof defaults);
    *ret = code;
    *ret_len = len + sizeof defaults / sizeof *defaults;
    return 0;
}

int cgroup_devices_load(const struct cgroup_device_rule *rules, size_t n, int *ret_fd,
                        struct imgc_err *reterr)
{
    imgc_autofree struct bpf_insn *program = NULL;
    union bpf_attr attr;
    size_t len = 0;

    int r = assemble(rules, n, &program, &len, reterr);
    if (r < 0) {
        return r;
    }
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.expected_attach_type = BPF_CGROUP_DEVICE;
    attr.insns = (uintptr_t)program;
    attr.insn_cnt = (uint32_t)len;
    attr.license = (uintptr_t) "Apache-2.0";
    int fd = bpf(BPF_PROG_LOAD, &attr); /* closed at exec */
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "load the device filter");
    }
    *ret_fd = fd;
    return 0;
}

int cgroup_devices_attach(int cgroup_fd, int program_fd, struct imgc_err *reterr)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)program_fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI; /* a filter of the parent (systemd) holds as well */
    if (bpf(BPF_PROG_ATTACH, &attr) < 0) {
        return imgc_fail_sys(reterr, errno, "attach the device filter");
    }
    return 0;
}

static int write_line(int cgroup_fd, const char *file, const char *value, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    int r = fd_open_at(cgroup_fd, file, O_WRONLY, 0, &fd, reterr);
    if (r < 0) {
        return r;
    }
    r = fd_write_all(fd, value, strlen(value), reterr);
    return r < 0 ? imgc_context(reterr, "write '%s' to %s", value, file) : 0;
}

static void put_number(char *out, size_t size, int64_t n)
{
    (void)(n < 0 ? snprintf(out, size, "*") : snprintf(out, size, "%lld", (long long)n));
}

static int write_rule(int cgroup_fd, const struct cgroup_device_rule *rule, struct imgc_err *reterr)
{
    char line[64], major[24], minor[24];

    put_number(major, sizeof major, rule->major);
    put_number(minor, sizeof minor, rule->minor);
    (void)snprintf(line, sizeof line, "%c %s:%s %s%s%s", rule->type == 'a' ? 'c' : rule->type,
                   major, minor, rule->access & CGROUP_DEVICES_READ ? "r" : "",
                   rule->access & CGROUP_DEVICES_WRITE ? "w" : "",
                   rule->access & CGROUP_DEVICES_MKNOD ? "m" : "");
    int r = write_line(cgroup_fd, "devices.allow", line, reterr);
    if (r == 0 && rule->type == 'a') { /* "a" itself would mean everything, whatever the numbers */
        line[0] = 'b';
        r = write_line(cgroup_fd, "devices.allow", line, reterr);
    }
    return r;
}

int cgroup_devices_write(int cgroup_fd, const struct cgroup_device_rule *rules, size_t n,
                         struct imgc_err *reterr)
{
    static const struct {
        const char *file, *value;
    } writes[] = {
        { "devices.deny", "a" },          { "devices.allow", "c *:* m" },
        { "devices.allow", "b *:* m" },   { "devices.allow", "c 1:3 rwm" },
        { "devices.allow", "c 1:5 rwm" }, { "devices.allow", "c 1:7 rwm" },
        { "devices.allow", "c 1:8 rwm" }, { "devices.allow", "c 1:9 rwm" },
        { "devices.allow", "c 5:0 rwm" }, { "devices.allow", "c 5:1 rwm" },
        { "devices.allow", "c 5:2 rwm" }, { "devices.allow", "c 136:* rwm" },
    };
    int r = 0;

    for (size_t i = 0; i < sizeof writes / sizeof *writes && r == 0; i++) {
        r = write_line(cgroup_fd, writes[i].file, writes[i].value, reterr);
    }
    for (size_t i = 0; i < n && r == 0; i++) {
        r = write_rule(cgroup_fd, &rules[i], reterr);
    }
    return r;
}
