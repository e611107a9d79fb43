/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content digests: a binary type, never a path string, and the hashing that makes them.
 *
 * Source: OCI image-spec v1.1, descriptor.md "Digests" (lower-case hex only).
 */
#ifndef IMGC_SCHEMA_DIGEST_H
#define IMGC_SCHEMA_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

enum digest_alg { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA512 };

struct digest {
    enum digest_alg alg; /* DIGEST_NONE: no digest here (zero-initialised) */
    uint8_t bytes[64];   /* the first 32 (sha256) or all (sha512); the rest is zero */
};

#define DIGEST_HEX_MAX 129  /* 128 digits and the NUL */
#define DIGEST_TEXT_MAX 136 /* "sha512:" + 128 digits + NUL */

/** Parse "sha256:<64 lower-case hex>" or "sha512:<128>". @return 0; -DIGEST for bad form;
 * -UNSUPPORTED for another registered-looking algorithm. */
IMGC_CHECK int digest_parse(struct imgc_str s, struct digest *ret, struct imgc_err *reterr);

/** Text form "alg:hex" into @out. Returns @out, for use in a call. */
const char *digest_text(const struct digest *d, char out[DIGEST_TEXT_MAX]);

/** Hex part alone, all digits. File names in the store. Returns @out. */
const char *digest_hex(const struct digest *d, char out[DIGEST_HEX_MAX]);

/** "sha256" or "sha512". */
const char *digest_alg_name(enum digest_alg alg);

bool digest_eq(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *d);

/** Digest of @len bytes at once. */
IMGC_CHECK int digest_of(enum digest_alg alg, const void *ptr, size_t len, struct digest *ret,
                         struct imgc_err *reterr);

/** Hash a stream: new, update..., final (once). @free accepts NULL and returns NULL. The first one
 * loads libcrypto: -HOST where it is not installed. */
struct digest_hasher;
IMGC_CHECK int digest_hasher_new(enum digest_alg alg, struct digest_hasher **ret,
                                 struct imgc_err *reterr);
IMGC_CHECK int digest_hasher_update(struct digest_hasher *h, const void *ptr, size_t len,
                                    struct imgc_err *reterr);
IMGC_CHECK int digest_hasher_final(struct digest_hasher *h, struct digest *ret,
                                   struct imgc_err *reterr);
/** The digest of what was hashed so far; the stream goes on. */
IMGC_CHECK int digest_hasher_peek(const struct digest_hasher *h, struct digest *ret,
                                  struct imgc_err *reterr);
struct digest_hasher *digest_hasher_free(struct digest_hasher *h);
void digest_hasher_freep(struct digest_hasher **h);

/** Digest of what is left to read of @fd. */
IMGC_CHECK int digest_of_fd(enum digest_alg alg, int fd, struct digest *ret,
                            struct imgc_err *reterr);

/** Fail with -DIGEST "WHAT: expected X, got Y" unless they are equal. */
IMGC_CHECK int digest_expect(const struct digest *want, const struct digest *got, const char *what,
                             struct imgc_err *reterr);

/**
 * ChainID of a stack of layers, bottom first: C1 = D1, Cn = sha256(Cn-1 " " Dn), text forms.
 * Source: OCI image-spec v1.1, config.md "Layer ChainID".
 *
 * @ret  @n ChainIDs; ret[i] is that of the stack 0..i.
 */
IMGC_CHECK int digest_chain(const struct digest *diff_ids, size_t n, struct digest *ret,
                            struct imgc_err *reterr);

#endif
