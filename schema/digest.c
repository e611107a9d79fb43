/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/digest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/cleanup.h"
#include "schema/base/fd.h"
#include "schema/crypto_lib.h"
#include "schema/sha256.h"

/* Up to here sha256_short() is done before libcrypto would be loaded. */
#define SHORT_BYTES 4096
#define READ_BYTES (256u << 10)

struct alg_row {
    const char *name;
    size_t len; /* bytes of a digest */
};

static const struct alg_row algs[] = {
    [DIGEST_NONE] = { "", 0 },
    [DIGEST_SHA256] = { "sha256", 32 },
    [DIGEST_SHA512] = { "sha512", 64 },
};

/* libcrypto keeps its reasons in a queue of its own; the last one is the nearest to the cause. */
static int digest_fail(struct imgc_err *reterr, const struct crypto_lib *lib, const char *what)
{
    unsigned long code = lib->peek_last_error();
    const char *reason = code ? lib->reason_error_string(code) : NULL;

    lib->clear_error();
    return imgc_fail(reterr, IMGC_E_NOMEM, "%s: %s", what, reason ? reason : "libcrypto failed");
}

static bool is_alnum_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* descriptor.md: algorithm-component [separator component]..., separators one of "+._-". */
static bool looks_like_alg(struct imgc_str s)
{
    bool after_sep = true;

    for (size_t i = 0; i < s.len; i++) {
        bool sep = s.ptr[i] != '\0' && strchr("+._-", s.ptr[i]);
        if ((sep && after_sep) || (!sep && !is_alnum_lower(s.ptr[i]))) {
            return false;
        }
        after_sep = sep;
    }
    return !after_sep;
}

static bool looks_encoded(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_alnum_lower(c) && !(c >= 'A' && c <= 'Z') && c != '=' && c != '_' && c != '-') {
            return false;
        }
    }
    return s.len > 0;
}

static enum digest_alg find_alg(struct imgc_str name)
{
    for (int a = DIGEST_SHA256; a <= DIGEST_SHA512; a++) {
        if (imgc_str_eq(name, imgc_str_of(algs[a].name))) {
            return (enum digest_alg)a;
        }
    }
    return DIGEST_NONE;
}

/* Value of a lower-case hex digit; -1 for anything else. Upper case is another digest text for the
 * same bytes, and image-spec does not allow it. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct imgc_str hex, uint8_t *bytes, size_t len)
{
    if (hex.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(hex.ptr[2 * i]), low = hex_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

int digest_parse(struct imgc_str s, struct digest *ret, struct imgc_err *reterr)
{
    struct imgc_str name, hex;
    struct digest d = { .alg = DIGEST_NONE };

    if (!imgc_str_split(s, ':', &name, &hex) || !looks_like_alg(name) || !looks_encoded(hex)) {
        return imgc_fail(reterr, IMGC_E_DIGEST, "'" IMGC_STR_FMT "' is not a digest",
                         IMGC_STR_ARG(s));
    }
    d.alg = find_alg(name);
    if (d.alg == DIGEST_NONE) {
        return imgc_fail(reterr, IMGC_E_UNSUPPORTED,
                         "digest algorithm '" IMGC_STR_FMT "' is not supported (only sha256, "
                         "sha512)",
                         IMGC_STR_ARG(name));
    }
    if (!read_hex(hex, d.bytes, algs[d.alg].len)) {
        return imgc_fail(reterr, IMGC_E_DIGEST,
                         "'" IMGC_STR_FMT "' is not a digest: %s takes %zu lower-case hex digits",
                         IMGC_STR_ARG(s), algs[d.alg].name, 2 * algs[d.alg].len);
    }
    *ret = d;
    return 0;
}

const char *digest_hex(const struct digest *d, char out[DIGEST_HEX_MAX])
{
    static const char digits[] = "0123456789abcdef";
    size_t len = algs[d->alg].len;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[d->bytes[i] >> 4];
        out[2 * i + 1] = digits[d->bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_MAX])
{
    char hex[DIGEST_HEX_MAX];

    if (!digest_is_set(d)) {
        out[0] = '\0';
        return out;
    }
    /* 6 + ":" + at most 128 + NUL is DIGEST_TEXT_MAX. */
    (void)snprintf(out, DIGEST_TEXT_MAX, "%s:%s", algs[d->alg].name, digest_hex(d, hex));
    return out;
}

const char *digest_alg_name(enum digest_alg alg)
{
    return algs[alg].name;
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
    return a->alg == b->alg && memcmp(a->bytes, b->bytes, algs[a->alg].len) == 0;
}

bool digest_is_set(const struct digest *d)
{
    return d->alg != DIGEST_NONE;
}

struct digest_hasher {
    struct crypto_lib lib;
    EVP_MD_CTX *ctx;
    enum digest_alg alg;
};

int digest_hasher_new(enum digest_alg alg, struct digest_hasher **ret, struct imgc_err *reterr)
{
    assert(alg == DIGEST_SHA256 || alg == DIGEST_SHA512);

    imgc_auto(digest_hasher_freep) struct digest_hasher *h = calloc(1, sizeof *h);
    if (!h) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    h->alg = alg;
    int r = crypto_lib_load(&h->lib, reterr);
    if (r < 0) {
        return r;
    }
    h->ctx = h->lib.ctx_new();
    if (!h->ctx) {
        return digest_fail(reterr, &h->lib, "make a hasher");
    }
    const EVP_MD *md = alg == DIGEST_SHA512 ? h->lib.sha512() : h->lib.sha256();
    if (h->lib.digest_init(h->ctx, md, NULL) != 1) {
        return digest_fail(reterr, &h->lib, "start a hash");
    }
    *ret = imgc_take(h);
    return 0;
}

int digest_hasher_update(struct digest_hasher *h, const void *ptr, size_t len,
                         struct imgc_err *reterr)
{
    if (len > 0 && h->lib.digest_update(h->ctx, ptr, len) != 1) {
        return digest_fail(reterr, &h->lib, "hash");
    }
    return 0;
}

int digest_hasher_final(struct digest_hasher *h, struct digest *ret, struct imgc_err *reterr)
{
    struct digest d = { .alg = h->alg };
    unsigned len = 0;

    if (h->lib.digest_final(h->ctx, d.bytes, &len) != 1) {
        return digest_fail(reterr, &h->lib, "finish a hash");
    }
    assert(len == algs[h->alg].len);
    *ret = d;
    return 0;
}

int digest_hasher_peek(const struct digest_hasher *h, struct digest *ret, struct imgc_err *reterr)
{
    struct digest_hasher copy = *h;

    copy.ctx = h->lib.ctx_new();
    if (!copy.ctx) {
        return digest_fail(reterr, &h->lib, "make a hasher");
    }
    int r = h->lib.ctx_copy(copy.ctx, h->ctx) == 1 ? digest_hasher_final(&copy, ret, reterr)
                                                   : digest_fail(reterr, &h->lib, "copy a hash");
    h->lib.ctx_free(copy.ctx);
    return r;
}

struct digest_hasher *digest_hasher_free(struct digest_hasher *h)
{
    if (h) {
        if (h->ctx) {
            h->lib.ctx_free(h->ctx);
        }
        free(h);
    }
    return NULL;
}

void digest_hasher_freep(struct digest_hasher **h)
{
    *h = digest_hasher_free(*h);
}

int digest_of(enum digest_alg alg, const void *ptr, size_t len, struct digest *ret,
              struct imgc_err *reterr)
{
    if (alg == DIGEST_SHA256 && len <= SHORT_BYTES) {
        *ret = (struct digest){ .alg = alg };
        sha256_short(ptr, len, ret->bytes);
        return 0;
    }
    imgc_auto(digest_hasher_freep) struct digest_hasher *h = NULL;
    int r = digest_hasher_new(alg, &h, reterr);
    if (r < 0) {
        return r;
    }
    r = digest_hasher_update(h, ptr, len, reterr);
    if (r < 0) {
        return r;
    }
    return digest_hasher_final(h, ret, reterr);
}

int digest_of_fd(enum digest_alg alg, int fd, struct digest *ret, struct imgc_err *reterr)
{
    imgc_auto(digest_hasher_freep) struct digest_hasher *h = NULL;
    imgc_autofree char *buf = malloc(READ_BYTES);
    size_t n = 0;

    if (!buf) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = digest_hasher_new(alg, &h, reterr);
    if (r < 0) {
        return r;
    }
    do {
        r = fd_read_some(fd, buf, READ_BYTES, &n, reterr);
        if (r == 0) {
            r = digest_hasher_update(h, buf, n, reterr);
        }
        if (r < 0) {
            return r;
        }
    } while (n > 0);
    return digest_hasher_final(h, ret, reterr);
}

int digest_expect(const struct digest *want, const struct digest *got, const char *what,
                  struct imgc_err *reterr)
{
    char want_text[DIGEST_TEXT_MAX], got_text[DIGEST_TEXT_MAX];

    if (digest_eq(want, got)) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_DIGEST, "%s: expected %s, got %s", what,
                     digest_text(want, want_text), digest_text(got, got_text));
}

int digest_chain(const struct digest *diff_ids, size_t n, struct digest *ret,
                 struct imgc_err *reterr)
{
    for (size_t i = 0; i < n; i++) {
        char lower[DIGEST_TEXT_MAX], own[DIGEST_TEXT_MAX], both[2 * DIGEST_TEXT_MAX];

        if (i == 0) {
            ret[0] = diff_ids[0];
            continue;
        }
        /* Two texts of at most DIGEST_TEXT_MAX - 1 and a blank: fits. */
        int len = snprintf(both, sizeof both, "%s %s", digest_text(&ret[i - 1], lower),
                           digest_text(&diff_ids[i], own));
        int r = digest_of(DIGEST_SHA256, both, (size_t)len, &ret[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
