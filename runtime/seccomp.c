/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/seccomp_bpf.h"
#include "runtime/seccomp_rules.h"
#include "runtime/seccomp_table.h"

/*
 * Only the machine's own system calls. Docker also opens the 32-bit tables (i386, x32, arm); we do
 * not, because there socket() can come as socketcall(), whose arguments lie in memory where no
 * filter sees them, so AF_ALG and AF_VSOCK would be open again (CVE-2026-31431), and because the
 * compat entry points are code that hardly anything needs and that has had more than its share of
 * holes. A call through another table kills the process with SIGSYS, at once and visibly; answering
 * ENOSYS would make a 32-bit program crash later for no clear reason. A 32-bit image can be run
 * with --security-opt seccomp=unconfined. x32 calls are numbers of the native table that no rule
 * has, so they get ENOSYS, as from a kernel without x32.
 */
int seccomp_build(uint64_t caps, struct seccomp_filter *ret, struct imgc_err *reterr)
{
    seccomp_rules_auto struct seccomp_rules rules = { .rules = NULL,
                                                      .fallback = seccomp_table_fallback,
                                                      .arch = seccomp_table_arch };

    if (seccomp_table_length == 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "there are no seccomp rules for this architecture; "
                         "run with --security-opt seccomp=unconfined");
    }
    int r = seccomp_rules_select(seccomp_table, seccomp_table_length, caps, &rules, reterr);
    return r < 0 ? r : seccomp_bpf_assemble(&rules, &ret->prog, reterr);
}

void seccomp_done(struct seccomp_filter *f)
{
    free(f->prog.filter);
    f->prog = (struct sock_fprog){ 0, NULL };
}

int seccomp_install(const struct seccomp_filter *f, struct imgc_err *reterr)
{
    /* No SECCOMP_FILTER_FLAG_SPEC_ALLOW: the kernel's own default decides on the speculation
     * mitigations. No TSYNC: the child has one thread. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f->prog) < 0) {
        int e = errno;
        int r = imgc_fail_sys(reterr, e, "load the seccomp filter");
        if (e == EACCES || e == EINVAL || e == ENOSYS) {
            reterr->code = IMGC_E_HOST;
            return -IMGC_E_HOST;
        }
        return r;
    }
    return 0;
}
