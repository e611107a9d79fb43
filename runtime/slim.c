/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/slim.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages of programs and libraries that nothing can have changed: they are read from their files
 * again where they are needed. While others run the same program they are shared and cost nothing;
 * but one process alone would keep all that starting a container took. */
static int drop_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)arg;

    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || (p->p_flags & PF_W)) {
            continue;
        }
        uintptr_t start = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
        uintptr_t end = info->dlpi_addr + p->p_vaddr + p->p_filesz;
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): where the loader has put it */
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void slim_down(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(drop_segments, NULL);
}
