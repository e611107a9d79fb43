/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup where the monitors of containers are (monitor.h): "imgc/monitors" of the v2 hierarchy.
 * A container's own cgroup is none of the caller's session or service; its monitor, whose death is
 * the container's, must not be either: systemd kills what is in the cgroup of a session that ends
 * or of a unit that stops.
 *
 * All monitors share one leaf, which stays: it costs nothing, and nobody has to clear it up.
 */
#ifndef IMGC_RUNTIME_MONITOR_CGROUP_H
#define IMGC_RUNTIME_MONITOR_CGROUP_H

/**
 * Open it, and make it where it is missing.
 * @ret_fd  the caller's to close, for spawn_clone(); -1: the monitor stays with the caller, who is
 * in nobody's cgroup, or may not make one (an ordinary user: systemd-run --user makes a unit for
 * what has to outlive a session).
 */
void monitor_cgroup_open(int *ret_fd);

#endif
