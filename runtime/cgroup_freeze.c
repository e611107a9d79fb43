/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_freeze.h"

#include <time.h>

#include "runtime/cgroup_dir.h"
#include "schema/base/clock.h"

#define TIMEOUT_NS 10000000000
#define STEP_NS_MAX 20000000
#define TEXT_BYTES 256 /* of the files that are read here */

enum { IS_ELSEWHERE = 1 };

static bool says(const struct cgroup_dir *d, const char *file, const char *word)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEXT_BYTES);
    struct imgc_str text;

    return cgroup_dir_text(d, file, &b, &text) && imgc_str_eq(text, imgc_str_of(word));
}

/* Of the directories of @path the one that freezes: v2's, or that of v1's freezer.
 * @return 0; IS_ELSEWHERE where there is none. */
static int open_freezer(const char *path, struct cgroup_dir *ret, struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(path), part;

    while (imgc_str_token(&rest, ':', &part)) {
        cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
        int r = cgroup_dir_open(part, &d, reterr);

        if (r < 0) {
            return r;
        }
        if (r == 0 && cgroup_dir_has(&d, d.is_v2 ? "cgroup.freeze" : "freezer.state")) {
            *ret = d;
            d = (struct cgroup_dir)CGROUP_DIR_INIT;
            return 0;
        }
    }
    return IS_ELSEWHERE;
}

static int set(const struct cgroup_dir *d, bool frozen, struct imgc_err *reterr)
{
    return d->is_v2 ? cgroup_dir_write(d, "cgroup.freeze", frozen ? "1" : "0", reterr)
                    : cgroup_dir_write(d, "freezer.state", frozen ? "FROZEN" : "THAWED", reterr);
}

static bool is_at_rest(const struct cgroup_dir *d)
{
    return d->is_v2 ? cgroup_dir_count(d, "cgroup.events", "frozen") == 1
                    : says(d, "freezer.state", "FROZEN");
}

static int await(const struct cgroup_dir *d, struct imgc_err *reterr)
{
    struct timespec step = { .tv_nsec = 500000 };
    int64_t end = clock_monotonic_ns() + TIMEOUT_NS;

    while (!is_at_rest(d)) {
        if (clock_monotonic_ns() > end) {
            return imgc_fail(reterr, IMGC_E_HOST,
                             "its processes do not come to rest (one waits for "
                             "a device or a network file system)");
        }
        (void)nanosleep(&step, NULL);
        step.tv_nsec = step.tv_nsec < STEP_NS_MAX ? step.tv_nsec * 2 : step.tv_nsec;
        /* v1 gives up on a process that was busy forking, until it is asked again. */
        int r = d->is_v2 ? 0 : set(d, true, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int cgroup_freeze(const char *path, struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
    struct imgc_err ignored;

    int r = open_freezer(path, &d, reterr);
    if (r == IS_ELSEWHERE) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "its cgroup cannot freeze (this host has neither cgroup v2 nor v1's "
                         "freezer for it)");
    }
    r = r < 0 ? r : set(&d, true, reterr);
    if (r < 0) {
        return r;
    }
    r = await(&d, reterr);
    if (r < 0) {
        (void)!set(&d, false, &ignored);
    }
    return r;
}

int cgroup_freeze_thaw(const char *path, struct imgc_err *reterr)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;

    int r = open_freezer(path, &d, reterr);
    return r < 0 ? r : r == IS_ELSEWHERE ? 0 : set(&d, false, reterr);
}

bool cgroup_freeze_is_frozen(const char *path)
{
    cgroup_dir_auto struct cgroup_dir d = CGROUP_DIR_INIT;
    struct imgc_err ignored;

    if (!path || open_freezer(path, &d, &ignored) != 0) {
        return false;
    }
    return d.is_v2 ? says(&d, "cgroup.freeze", "1") : !says(&d, "freezer.state", "THAWED");
}
