/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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
#define MEM 1 /* null zero full random urandom */
#define TTY 5 /* tty console ptmx */
#define PTS 136

/* Jumps are forward, relative to the next instruction. */
static const struct bpf_insn program[] = {
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

int cgroup_devices_load(int *ret_fd, struct imgc_err *reterr)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.expected_attach_type = BPF_CGROUP_DEVICE;
    attr.insns = (uintptr_t)program;
    attr.insn_cnt = sizeof program / sizeof *program;
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

int cgroup_devices_write(int cgroup_fd, struct imgc_err *reterr)
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
    int r;

    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        imgc_autoclose int fd = -1;

        r = fd_open_at(cgroup_fd, writes[i].file, O_WRONLY, 0, &fd, reterr);
        if (r < 0) {
            return r;
        }
        r = fd_write_all(fd, writes[i].value, strlen(writes[i].value), reterr);
        if (r < 0) {
            return imgc_context(reterr, "write '%s' to %s", writes[i].value, writes[i].file);
        }
    }
    return 0;
}
