/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/tree_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "schema/base/buf.h"
#include "schema/json.h"
#include "schema/limits.h"

#define PATH_BYTES ((size_t)LIMIT_PATH_DEPTH * (LIMIT_NAME_BYTES + 1) + 1)

static const struct {
    char letter;
    const char *name;
} types[] = {
    [ENTRY_FILE] = { '-', "file" },        [ENTRY_DIR] = { 'd', "directory" },
    [ENTRY_SYMLINK] = { 'l', "symlink" },  [ENTRY_CHAR] = { 'c', "char" },
    [ENTRY_BLOCK] = { 'b', "block" },      [ENTRY_FIFO] = { 'p', "fifo" },
    [ENTRY_HARDLINK] = { '-', "hardlink" } /* no inode has it */
};

const char *tree_text_mode(const struct tree_inode *inode, char out[TREE_TEXT_MODE_MAX])
{
    static const char letters[] = "rwxrwxrwx";
    /* setuid, setgid, sticky: the place of the x that they change, and what it becomes */
    static const struct {
        uint32_t bit;
        int place;
        char with_x, without_x;
    } special[] = { { 04000, 3, 's', 'S' }, { 02000, 6, 's', 'S' }, { 01000, 9, 't', 'T' } };

    out[0] = types[inode->type].letter;
    for (int i = 0; i < 9; i++) {
        out[i + 1] = (char)(inode->mode & (0400u >> i) ? letters[i] : '-');
    }
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        char *x = &out[special[i].place];
        if (inode->mode & special[i].bit) {
            *x = (char)(*x == 'x' ? special[i].with_x : special[i].without_x);
        }
    }
    out[TREE_TEXT_MODE_MAX - 1] = '\0';
    return out;
}

const char *tree_text_time(const struct tree_inode *inode, bool exact, char out[TREE_TEXT_TIME_MAX])
{
    time_t s = (time_t)inode->mtime_s;
    struct tm tm;

    if (!gmtime_r(&s, &tm)) {
        (void)snprintf(out, TREE_TEXT_TIME_MAX, "@%lld", (long long)inode->mtime_s);
        return out;
    }
    /* A year has at most ten digits and a sign: all of it fits. */
    size_t n =
        strftime(out, TREE_TEXT_TIME_MAX, exact ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
    if (exact && inode->mtime_ns) {
        n += (size_t)snprintf(out + n, TREE_TEXT_TIME_MAX - n, ".%09u", inode->mtime_ns);
    }
    if (exact) {
        (void)snprintf(out + n, TREE_TEXT_TIME_MAX - n, "Z");
    }
    return out;
}

const char *tree_text_type(enum entry_type type)
{
    return types[type].name;
}

uint64_t tree_text_size(const struct tree_inode *inode)
{
    return inode->type == ENTRY_FILE      ? inode->size
           : inode->type == ENTRY_SYMLINK ? strlen(inode->target)
                                          : 0;
}

static int put_hex(json_t *obj, const char *key, const void *ptr, size_t len,
                   struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(2 * PATH_BYTES);
    const unsigned char *p = ptr;
    struct imgc_str text;

    imgc_buf_puts(&b, "");
    for (size_t i = 0; i < len; i++) {
        imgc_buf_printf(&b, "%02x", p[i]);
    }
    int r = imgc_buf_finish(&b, &text, reterr);
    return r < 0 ? r : json_put(obj, key, json_stringn(text.ptr, text.len), reterr);
}

/* Every byte above ASCII as U+FFFD: the exact ones stand beside it. */
static int put_lossy(json_t *obj, const char *key, const char *name, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(3 * PATH_BYTES);
    struct imgc_str text;

    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p < 0x80) {
            imgc_buf_putc(&b, *p);
        } else {
            imgc_buf_puts(&b, "\xef\xbf\xbd");
        }
    }
    int r = imgc_buf_finish(&b, &text, reterr);
    return r < 0 ? r : json_put(obj, key, json_stringn(text.ptr, text.len), reterr);
}

int tree_text_put_name(json_t *obj, const char *key, const char *name, struct imgc_err *reterr)
{
    char hex_key[64]; /* the keys are ours */
    json_t *text = json_string(name);

    if (text) {
        return json_put(obj, key, text, reterr);
    }
    (void)snprintf(hex_key, sizeof hex_key, "%s_hex", key);
    int r = put_lossy(obj, key, name, reterr);
    return r < 0 ? r : put_hex(obj, hex_key, name, strlen(name), reterr);
}

int tree_text_path(const struct tree_dentry *d, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(PATH_BYTES);
    imgc_autofree char *path = NULL;
    int r = tree_path(d, &path, reterr);

    if (r < 0) {
        return r;
    }
    imgc_buf_putc(&b, '/');
    imgc_buf_puts(&b, path);
    return imgc_buf_take(&b, ret, reterr);
}

/* Names of xattrs are any bytes too, but those of a name that is no UTF-8 are not worth a member
 * of their own: the escaped one stands for it. */
static int put_xattrs(json_t *obj, const struct tree_inode *inode, struct imgc_err *reterr)
{
    json_auto_free json_t *xattrs = json_object();
    int r = xattrs ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");

    for (size_t i = 0; r == 0 && i < inode->n_xattrs; i++) {
        const struct xattr *x = &inode->xattrs[i];
        char name[4 * LIMIT_NAME_BYTES + 1];
        imgc_str_printable(name, sizeof name, x->name, strlen(x->name));
        r = put_hex(xattrs, name, x->value, x->len, reterr);
    }
    return r < 0 ? r : json_put(obj, "xattrs", imgc_take(xattrs), reterr);
}

static int put_attributes(json_t *obj, const struct tree_inode *inode, struct imgc_err *reterr)
{
    char mode[16], when[TREE_TEXT_TIME_MAX];

    (void)snprintf(mode, sizeof mode, "%04o", inode->mode);
    json_t *attributes =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:I}", "type", tree_text_type(inode->type),
                  "mode", mode, "uid", (json_int_t)inode->uid, "gid", (json_int_t)inode->gid,
                  "size", (json_int_t)tree_text_size(inode), "mtime",
                  tree_text_time(inode, true, when), "nlink", (json_int_t)inode->nlink);
    int bad = attributes ? json_object_update(obj, attributes) : -1;
    json_decref(attributes);
    return bad < 0 ? imgc_fail(reterr, IMGC_E_NOMEM, "out of memory") : 0;
}

int tree_text_json(const struct tree_dentry *d, json_t **ret, struct imgc_err *reterr)
{
    const struct tree_inode *inode = d->inode;
    json_auto_free json_t *obj = json_object();
    imgc_autofree char *path = NULL;
    int r = tree_text_path(d, &path, reterr);

    if (r == 0) {
        r = tree_text_put_name(obj, "path", path, reterr);
    }
    if (r == 0) {
        r = put_attributes(obj, inode, reterr);
    }
    if (r == 0 && inode->type == ENTRY_SYMLINK) {
        r = tree_text_put_name(obj, "target", inode->target, reterr);
    }
    if (r == 0 && (inode->type == ENTRY_CHAR || inode->type == ENTRY_BLOCK)) {
        r = json_put(obj, "major", json_integer(inode->major), reterr);
        if (r == 0) {
            r = json_put(obj, "minor", json_integer(inode->minor), reterr);
        }
    }
    if (r == 0 && inode->n_xattrs) {
        r = put_xattrs(obj, inode, reterr);
    }
    if (r == 0) {
        *ret = imgc_take(obj);
    }
    return r;
}
