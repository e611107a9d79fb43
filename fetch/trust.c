/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/trust.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

void trust_done(struct trust *t)
{
    free(t->dir);
    free(t->ca);
    free(t->cert);
    free(t->key);
    *t = (struct trust){ .dir = NULL };
}

/* The names in a folder, sorted. */
struct names {
    struct dirent **v;
    int n;
};

static void names_done(struct names *names)
{
    for (int i = 0; i < names->n; i++) {
        free(names->v[i]);
    }
    free((void *)names->v);
}

static bool has_name(const struct names *names, struct imgc_str stem, const char *suffix)
{
    for (int i = 0; i < names->n; i++) {
        struct imgc_str name = imgc_str_of(names->v[i]->d_name);
        if (imgc_str_skip(&name, stem) && imgc_str_eq(name, imgc_str_of(suffix))) {
            return true;
        }
    }
    return false;
}

static int join(const char *dir, struct imgc_str stem, const char *suffix, char **ret,
                struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_PATH_BYTES);

    imgc_buf_printf(&b, "%s/", dir);
    imgc_buf_str(&b, stem);
    imgc_buf_puts(&b, suffix);
    return imgc_buf_take(&b, ret, reterr);
}

/* Append the certificates of one file. */
static int add_authority(const char *path, struct imgc_buf *ca, struct imgc_err *reterr)
{
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t before = ca->len;

    if (fd < 0 && errno == ENOENT) {
        return 0; /* a link to nothing, or removed a moment ago */
    }
    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open '%s'", path);
    }
    int r = fd_read_all(fd, ca, reterr);
    if (r < 0) {
        return imgc_context(reterr, "'%s'", path);
    }
    /* libcurl passes over what it does not know: an authority that is not trusted then, and nobody
     * would know why. */
    if (ca->len == before || !strstr(ca->ptr + before, "CERTIFICATE-----")) {
        return imgc_fail(reterr, IMGC_E_TLS,
                         "'%s' holds no certificate in PEM form, as every *.crt there has to",
                         path);
    }
    imgc_buf_putc(ca, '\n');
    return 0;
}

static int set_pair(const char *dir, struct imgc_str stem, struct trust *t, struct imgc_err *reterr)
{
    int r = join(dir, stem, ".cert", &t->cert, reterr);

    return r < 0 ? r : join(dir, stem, ".key", &t->key, reterr);
}

static int add_cert(const char *dir, const struct names *names, struct imgc_str stem,
                    struct trust *t, struct imgc_err *reterr)
{
    if (!has_name(names, stem, ".key")) {
        return imgc_fail(reterr, IMGC_E_TLS,
                         "'%s' has the client certificate " IMGC_STR_FMT
                         ".cert without its key " IMGC_STR_FMT
                         ".key; an authority's certificate ends in .crt",
                         dir, IMGC_STR_ARG(stem), IMGC_STR_ARG(stem));
    }
    return t->cert ? 0 : set_pair(dir, stem, t, reterr);
}

static int check_key(const char *dir, const struct names *names, struct imgc_str stem,
                     struct imgc_err *reterr)
{
    if (has_name(names, stem, ".cert")) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_TLS,
                     "'%s' has the key " IMGC_STR_FMT ".key without its certificate " IMGC_STR_FMT
                     ".cert",
                     dir, IMGC_STR_ARG(stem), IMGC_STR_ARG(stem));
}

/* One file of the folder. */
static int add_file(const char *dir, const struct names *names, struct imgc_str name,
                    struct trust *t, struct imgc_buf *ca, struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL;
    struct imgc_str stem, suffix;

    if (!imgc_str_rsplit(name, '.', &stem, &suffix)) {
        return 0;
    }
    if (imgc_str_eq(suffix, IMGC_STR("cert"))) {
        return add_cert(dir, names, stem, t, reterr);
    }
    if (imgc_str_eq(suffix, IMGC_STR("key"))) {
        return check_key(dir, names, stem, reterr);
    }
    if (!imgc_str_eq(suffix, IMGC_STR("crt"))) {
        return 0;
    }
    int r = join(dir, name, "", &path, reterr);
    return r < 0 ? r : add_authority(path, ca, reterr);
}

/* @may_miss  a folder that is not there, or not for us, says nothing. */
static int load(const char *dir, bool may_miss, struct trust *t, struct imgc_err *reterr)
{
    imgc_auto(names_done) struct names names = { .n = 0 };
    imgc_autobuf struct imgc_buf ca = IMGC_BUF_INIT(LIMIT_AUTHORITIES_BYTES);

    names.n = scandir(dir, &names.v, NULL, alphasort);
    if (names.n < 0) {
        return may_miss && (errno == EACCES || errno == ENOENT || errno == ENOTDIR)
                   ? 0
                   : imgc_fail_sys(reterr, errno, "read the certificates of '%s'", dir);
    }
    int r = imgc_str_dup(imgc_str_of(dir), &t->dir, reterr);
    for (int i = 0; r == 0 && i < names.n; i++) {
        r = add_file(dir, &names, imgc_str_of(names.v[i]->d_name), t, &ca, reterr);
    }
    if (r == 0 && ca.len > 0) {
        r = imgc_buf_take(&ca, &t->ca, reterr);
    }
    return r;
}

int trust_load(const struct trust_places *places, const char *host, struct trust *ret,
               struct imgc_err *reterr)
{
    if (places->alone) {
        return load(places->alone, false, ret, reterr);
    }
    /* The grammar of references has no such host; what people give to login may be anything. */
    if (host[0] == '\0' || host[0] == '.' || strchr(host, '/')) {
        return 0;
    }
    for (const char *const *dir = places->dirs; dir && *dir; dir++) {
        imgc_autofree char *path = NULL;
        int r = join(*dir, imgc_str_of(host), "", &path, reterr);
        if (r < 0) {
            return r;
        }
        if (access(path, F_OK) == 0) {
            return load(path, true, ret, reterr);
        }
    }
    return 0;
}
