/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))

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

bool caps_parse(struct imgc_str name, int *ret_cap)
{
    char full[64] = "cap_"; /* the longest name has 22 bytes */
    struct imgc_str rest = name;
    cap_value_t value;

    if (name.len >= 4 && imgc_str_eq_nocase(imgc_str_first(name, 4), IMGC_STR("cap_"))) {
        rest = imgc_str_from(name, 4);
    }
    if (rest.len == 0 || rest.len >= sizeof full - 4) {
        return false;
    }
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];
        c |= c >= 'A' && c <= 'Z' ? 0x20 : 0;
        if (c != '_' && (c < 'a' || c > 'z')) {
            return false;
        }
        full[4 + i] = (char)c;
    }
    full[4 + rest.len] = '\0';
    if (cap_from_name(full, &value) < 0) {
        return false;
    }
    *ret_cap = value;
    return true;
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

int caps_apply(uint64_t mask, bool is_root_user, struct imgc_err *reterr)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
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
    return 0;
}
