/* SPDX-License-Identifier: Apache-2.0 */
#include "layers/punch_collect.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layers/dir_sink_walk.h"
#include "layers/zlib_lib.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define COMPARE_BYTES (128u << 10)

/* tree_inode.mark of what was looked at under another name. */
#define SEEN ((uintptr_t)2)

struct collector {
    const struct punch_collect_args *args;
    struct punch_map_builder *map;
    char *want, *got; /* COMPARE_BYTES each */
    struct zlib_lib zlib;
};

static void collector_done(struct collector *c)
{
    free(c->want);
    free(c->got);
}

/* The whole blocks in an extent. @return whether there are any. */
static bool blocks_of(const struct extent *x, uint64_t block, struct punch_run *ret)
{
    uint64_t start = (x->source_offset + block - 1) / block * block;
    uint64_t end = (x->source_offset + x->len) / block * block;

    if (start >= end) {
        return false;
    }
    *ret = (struct punch_run){ .tar_offset = start,
                               .len = end - start,
                               .file_offset = x->file_offset + (start - x->source_offset) };
    return true;
}

enum { RUN_DIFFERS = 1 };

/* @return as pread(), for all @len bytes. */
static bool read_file(int fd, char *buf, size_t len, uint64_t offset)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, buf + done, len - done, (off_t)(offset + done));
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Compare a run of the tar with the file, and note its checksum. @return 0; RUN_DIFFERS. */
static int compare(const struct collector *c, int fd, struct punch_run *run,
                   struct imgc_err *reterr)
{
    for (uint64_t done = 0; done < run->len;) {
        size_t n = run->len - done < COMPARE_BYTES ? (size_t)(run->len - done) : COMPARE_BYTES;
        int r = tar_data_read(c->args->data, run->tar_offset + done, c->want, n, reterr);
        if (r < 0) {
            return r;
        }
        if (!read_file(fd, c->got, n, run->file_offset + done) || memcmp(c->want, c->got, n) != 0) {
            return RUN_DIFFERS;
        }
        run->crc = (uint32_t)c->zlib.crc32(run->crc, (const Bytef *)c->want, n);
        done += n;
    }
    return 0;
}

static int collect_file(const struct collector *c, int dir_fd, const struct dir_sink_item *item,
                        struct imgc_err *reterr)
{
    struct stat st;
    imgc_autofree char *path = NULL;
    const struct tree_inode *inode = item->dentry->inode;
    imgc_autoclose int fd =
        openat(dir_fd, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    /* An ordinary user may not read back everything that he wrote; and what is damaged is no place
     * to keep the only copy. */
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return 0;
    }
    int r = tree_path(item->dentry, &path, reterr);
    if (r < 0 || strlen(path) > LIMIT_PATH_BYTES) {
        return r;
    }
    for (size_t i = 0; i < inode->n_extents; i++) {
        struct punch_run run;
        if (!blocks_of(&inode->extents[i], c->args->block, &run)) {
            continue;
        }
        run.path = path;
        r = compare(c, fd, &run, reterr);
        if (r == 0) {
            r = punch_map_builder_add(c->map, &run, reterr);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static bool has_blocks(const struct collector *c, const struct tree_inode *inode)
{
    struct punch_run run;

    for (size_t i = 0; i < inode->n_extents; i++) {
        if (blocks_of(&inode->extents[i], c->args->block, &run)) {
            return true;
        }
    }
    return false;
}

static int collect_leaf(void *arg, int dir_fd, const struct dir_sink_item *item,
                        struct imgc_err *reterr)
{
    const struct collector *c = arg;

    /* A file of a lower layer that has got a new name here has its data in that layer's tar. */
    if (!item->dentry || item->dentry->inode->type != ENTRY_FILE ||
        item->dentry->inode->layer != c->args->layer || item->dentry->inode->mark == SEEN) {
        return 0;
    }
    item->dentry->inode->mark = SEEN;
    return has_blocks(c, item->dentry->inode) ? collect_file(c, dir_fd, item, reterr) : 0;
}

static int collect_open_dir(void *arg, int dir_fd, const struct dir_sink_item *item, int *ret_fd,
                            struct imgc_err *reterr)
{
    (void)arg;
    (void)reterr;
    int fd = openat(dir_fd, item->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return DIR_SINK_WALK_SKIP; /* closed to us, or damaged: its files stay in the tar */
    }
    *ret_fd = fd;
    return 0;
}

static int collect_end(void *arg, int fd, const struct tree_dentry *dir, struct imgc_err *reterr)
{
    (void)arg;
    (void)fd;
    (void)dir;
    (void)reterr;
    return 0;
}

static const struct dir_sink_ops collect_ops = {
    .open_dir = collect_open_dir,
    .leaf = collect_leaf,
    .end = collect_end,
};

int punch_collect(struct tree *t, const struct punch_collect_args *args,
                  struct punch_map_builder *map, struct imgc_err *reterr)
{
    imgc_auto(collector_done) struct collector c = {
        .args = args, .map = map, .want = malloc(COMPARE_BYTES), .got = malloc(COMPARE_BYTES)
    };
    const struct dir_sink_walk walk = {
        .ops = &collect_ops, .arg = &c, .root_fd = args->view_fd, .is_overlay = true
    };

    if (!c.want || !c.got) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = zlib_lib_load(&c.zlib, reterr);
    return r < 0 ? r : dir_sink_walk(t, &walk, reterr);
}
