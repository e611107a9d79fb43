/* SPDX-License-Identifier: Apache-2.0 */
/* Entry lists of tars, against the tars. Include after unit.h. */
#ifndef IMGC_TESTS_LIB_LIST_TAR_H
#define IMGC_TESTS_LIB_LIST_TAR_H

#include <sys/stat.h>

#include "layers/entry_list.h"
#include "layers/tar_source.h"
#include "schema/base/fd.h"
#include "tests/lib/layer_tar.h"

/* Two entries are equal in everything. */
static inline void list_tar_same(const struct entry *a, const struct entry *b)
{
    assert_int_equal(a->type, b->type);
    assert_string_equal(a->path, b->path);
    assert_string_equal(a->target ? a->target : "", b->target ? b->target : "");
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_true(a->mtime_s == b->mtime_s);
    assert_int_equal(a->mtime_ns, b->mtime_ns);
    assert_true(a->size == b->size);
    assert_int_equal(a->major, b->major);
    assert_int_equal(a->minor, b->minor);
    assert_int_equal(a->n_extents, b->n_extents);
    for (size_t i = 0; i < a->n_extents; i++) {
        assert_memory_equal(&a->extents[i], &b->extents[i], sizeof a->extents[i]);
    }
    assert_int_equal(a->n_xattrs, b->n_xattrs);
    for (size_t i = 0; i < a->n_xattrs; i++) {
        assert_string_equal(a->xattrs[i].name, b->xattrs[i].name);
        assert_int_equal(a->xattrs[i].len, b->xattrs[i].len);
        assert_memory_equal(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].len);
    }
}

/* The list of the tar in @tar_fd, which can be read, gives what the tar gives. */
static inline void list_tar_expect(int tar_fd)
{
    imgc_autoclose int fd = layer_tar_memfd("", 0);
    imgc_auto(tar_source_freep) struct tar_source *first = NULL;
    imgc_auto(tar_source_freep) struct tar_source *tar = NULL;
    imgc_auto(entry_list_freep) struct entry_list *list = NULL;
    struct imgc_err err;
    struct stat st;
    int r;

    assert_int_equal(fstat(tar_fd, &st), 0);
    assert_ok(tar_source_new(tar_fd, &first, &err), err);
    assert_ok(entry_list_write(tar_source_entries(first), (uint64_t)st.st_size, fd, &err), err);
    assert_ok(tar_source_new(tar_fd, &tar, &err), err);
    assert_ok(entry_list_open(fd, (uint64_t)st.st_size, &list, &err), err);
    do {
        entry_auto struct entry want = ENTRY_INIT;
        entry_auto struct entry got = ENTRY_INIT;
        r = tar_source_entries(tar)->next(tar_source_entries(tar), &want, &err);
        assert_true(r >= 0);
        int list_r = entry_list_entries(list)->next(entry_list_entries(list), &got, &err);
        if (list_r < 0) {
            fail_msg("%s: %s", want.path ? want.path : "(end)", err.msg);
        }
        assert_int_equal(list_r, r);
        if (r == 0) {
            list_tar_same(&got, &want);
        }
    } while (r == 0);
}

#endif
