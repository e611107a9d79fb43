/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that write overlayfs layers need a file system that holds whiteouts; overlayfs itself,
 * which containers run on, does not. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_WHITEOUT_H
#define IMGC_TESTS_LIB_WHITEOUT_H

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/** Skip the test where device 0/0 cannot be made in @dir_fd. */
static inline void whiteout_or_skip(int dir_fd)
{
    if (mknodat(dir_fd, "whiteout-probe", S_IFCHR, makedev(0, 0)) < 0) {
        print_message("skipped: this file system cannot hold whiteouts\n");
        skip();
    }
    (void)unlinkat(dir_fd, "whiteout-probe", 0);
}

#endif
