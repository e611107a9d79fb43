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
 * The machine's own system calls and, on x86_64, those of i386 programs, each with the numbers of
 * its own table; a call through any other table kills the process with SIGSYS, at once and visibly.
 * Of i386 socketcall() alone is missing: its arguments lie in memory where no filter sees them, so
 * AF_ALG and AF_VSOCK would be open again (CVE-2026-31431). C libraries that call socket() directly
 * (musl, and glibc built for Linux 4.3 or later) do not need it; the others have no network unless
 * they run with a profile of the user's, or unconfined. Docker leaves it open where AppArmor or
 * SELinux watch over the address family instead, which imgc does not rely on. x32 calls are numbers
 * of the native table that no rule has, so they get ENOSYS, as from a kernel without x32.
 */
int seccomp_build(uint64_t caps, struct seccomp_filter *ret, struct imgc_err *reterr)
{
    struct seccomp_rules rules[SECCOMP_TABLES_MAX] = { SECCOMP_RULES_INIT };
    int r = 0;

    if (seccomp_tables_length == 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "there are no seccomp rules for this architecture; "
                         "run with --security-opt seccomp=unconfined");
    }
    for (size_t i = 0; i < seccomp_tables_length && r == 0; i++) {
        const struct seccomp_table *t = &seccomp_tables[i];
        rules[i].fallback = t->fallback;
        rules[i].arch = t->arch;
        r = seccomp_rules_select(t->rules, t->n, caps, &rules[i], reterr);
    }
    r = r < 0 ? r : seccomp_bpf_assemble(rules, seccomp_tables_length, &ret->prog, reterr);
    for (size_t i = 0; i < SECCOMP_TABLES_MAX; i++) {
        seccomp_rules_done(&rules[i]);
    }
    return r;
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
