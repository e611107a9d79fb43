/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/image_tree.h"

#include <errno.h>

#include "cmd/acquire.h"

static void unload(struct image_tree *t)
{
    rootfs_stack_done(&t->stack);
    image_done(&t->image);
    free(t->name);
    *t = (struct image_tree)IMAGE_TREE_INIT;
}

void image_tree_done(struct image_tree *t)
{
    unload(t);
}

int image_tree_split(const char *arg, char **ret_image, const char **ret_path,
                     struct imgc_err *reterr)
{
    const char *colon = strstr(arg, ":/");
    const struct imgc_str image = { arg, colon ? (size_t)(colon - arg) : strlen(arg) };

    if (image.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' names no image; write IMAGE[:PATH]", arg);
    }
    int r = imgc_str_dup(image, ret_image, reterr);
    if (r == 0) {
        *ret_path = colon ? colon + 1 : NULL;
    }
    return r;
}

int image_tree_load(struct app *app, const char *name, struct image_tree *t,
                    struct imgc_err *reterr)
{
    if (t->name && strcmp(t->name, name) == 0) {
        return 0;
    }
    unload(t);
    int r = imgc_str_dup(imgc_str_of(name), &t->name, reterr);
    if (r == 0) {
        r = acquire_local(app, name, &t->image, reterr);
    }
    if (r == 0) {
        r = rootfs_load(app->store, t->image.diff_ids, t->image.n_diff_ids, &t->stack, reterr);
        if (r < 0) {
            (void)imgc_context(reterr, "%s", name);
        }
    }
    if (r < 0) {
        unload(t);
    }
    return r;
}

int image_tree_find(struct image_tree *t, const char *path, struct tree_dentry **ret,
                    struct imgc_err *reterr)
{
    struct tree_dentry *d = tree_lookup(t->stack.tree, imgc_str_of(path), true);

    if (!d) {
        d = tree_lookup(t->stack.tree, imgc_str_of(path), false);
    }
    if (!d) {
        return imgc_fail_sys(reterr, ENOENT, "%s:%s", t->name, path);
    }
    *ret = d;
    return 0;
}
