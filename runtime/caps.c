/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A table of our own: libcap would be one more library to load at each start. */
static const char *const names[] = {
    [CAP_CHOWN] = "CAP_CHOWN",
    [CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
    [CAP_FOWNER] = "CAP_FOWNER",
    [CAP_FSETID] = "CAP_FSETID",
    [CAP_KILL] = "CAP_KILL",
    [CAP_SETGID] = "CAP_SETGID",
    [CAP_SETUID] = "CAP_SETUID",
    [CAP_SETPCAP] = "CAP_SETPCAP",
    [CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
    [CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
    [CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
    [CAP_NET_ADMIN] = "CAP_NET_ADMIN",
    [CAP_NET_RAW] = "CAP_NET_RAW",
    [CAP_IPC_LOCK] = "CAP_IPC_LOCK",
    [CAP_IPC_OWNER] = "CAP_IPC_OWNER",
    [CAP_SYS_MODULE] = "CAP_SYS_MODULE",
    [CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
    [CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
    [CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
    [CAP_SYS_PACCT] = "CAP_SYS_PACCT",
    [CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
    [CAP_SYS_BOOT] = "CAP_SYS_BOOT",
    [CAP_SYS_NICE] = "CAP_SYS_NICE",
    [CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
    [CAP_SYS_TIME] = "CAP_SYS_TIME",
    [CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
    [CAP_MKNOD] = "CAP_MKNOD",
    [CAP_LEASE] = "CAP_LEASE",
    [CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
    [CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
    [CAP_SETFCAP] = "CAP_SETFCAP",
    [CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
    [CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
    [CAP_SYSLOG] = "CAP_SYSLOG",
    [CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
    [CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
    [CAP_AUDIT_READ] = "CAP_AUDIT_READ",
    [CAP_PERFMON] = "CAP_PERFMON",
    [CAP_BPF] = "CAP_BPF",
    [CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

uint64_t caps_default(void)
{
    return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
           BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
           BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) |
           BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

uint64_t caps_all(void)
{
    return BIT(CAP_LAST_CAP + 1) - 1;
}

uint64_t caps_combine(uint64_t base, uint64_t add, uint64_t drop)
{
    if (add == caps_all()) {
        return drop == add ? add : add & ~drop;
    }
    return drop == caps_all() ? add : (base & ~drop) | add;
}

const char *caps_name(int cap)
{
    return cap >= 0 && (size_t)cap < COUNT(names) ? names[cap] : NULL;
}

bool caps_parse(struct imgc_str name, int *ret_cap)
{
    struct imgc_str rest = name;

    if (name.len >= 4 && imgc_str_eq_nocase(imgc_str_first(name, 4), IMGC_STR("CAP_"))) {
        rest = imgc_str_from(name, 4);
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        if (imgc_str_eq_nocase(rest, imgc_str_from(imgc_str_of(names[i]), 4))) {
            *ret_cap = (int)i;
            return true;
        }
    }
    return false;
}

uint64_t caps_bounding(void)
{
    uint64_t mask = 0;

    for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
        mask |= prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0 ? BIT(cap) : 0;
    }
    return mask;
}

bool caps_has(int cap)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { .effective = 0 } };

    return syscall(SYS_capget, &header, data) == 0 &&
           (data[cap / 32].effective & (1u << (cap % 32))) != 0;
}

int caps_drop_bounding(uint64_t mask, struct imgc_err *reterr)
{
    /* The kernel may know more than our headers: go on until it says that there are no more. */
    for (int cap = 0; cap < 64; cap++) {
        int set;

        if (mask & BIT(cap)) {
            continue;
        }
        set = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
        if (set < 0) {
            break;
        }
        if (set > 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
            return imgc_fail_sys(reterr, errno, "drop capability %d from the bounding set", cap);
        }
    }
    return 0;
}

int caps_raise(struct imgc_err *reterr)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { .effective = 0 } };

    if (syscall(SYS_capget, &header, data) < 0) {
        return imgc_fail_sys(reterr, errno, "read the capabilities");
    }
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0; /* which empties the ambient set, too */
    }
    return syscall(SYS_capset, &header, data) < 0
               ? imgc_fail_sys(reterr, errno, "set the capabilities")
               : 0;
}

/* A filter that is in force already may have answered in the kernel's place. What it answers for
 * here does not fill the buffer. */
static int check_held(const struct __user_cap_data_struct *want, struct imgc_err *reterr)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];

    memset(held, 0xff, sizeof held);
    if (syscall(SYS_capget, &header, held) < 0) {
        return imgc_fail_sys(reterr, errno, "read the capabilities");
    }
    return memcmp(held, want, sizeof held) == 0
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE,
                           "capabilities cannot be dropped under this seccomp profile: it makes "
                           "capset or capget succeed without doing anything");
}

int caps_apply(uint64_t mask, bool is_root_user, struct imgc_err *reterr)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { .effective = 0 } };
    int r;

    r = caps_drop_bounding(mask, reterr);
    if (r < 0) {
        return r;
    }
    /* Kernels before 4.3 have no ambient set, and then nothing to clear. */
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) {
        return imgc_fail_sys(reterr, errno, "clear the ambient capabilities");
    }
    /* The system calls, not libcap's functions: those allocate. */
    if (syscall(SYS_capget, &header, data) < 0) {
        return imgc_fail_sys(reterr, errno, "read the capabilities");
    }
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        /* A caller that is confined itself holds less than the mask; nobody can add. */
        uint32_t keep = is_root_user ? (uint32_t)(mask >> (32 * i)) : 0;
        data[i].permitted &= keep;
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0) {
        return imgc_fail_sys(reterr, errno, "set the capabilities");
    }
    return check_held(data, reterr);
}
