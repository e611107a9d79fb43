/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving memory back: for a process that was forked off a command and stays for long, and needs
 * little of what the command had.
 */
#ifndef IMGC_RUNTIME_SLIM_H
#define IMGC_RUNTIME_SLIM_H

/** Give the kernel back what is free or can be read from files again. */
void slim_down(void);

#endif
