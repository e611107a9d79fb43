/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of OpenSSL's libcrypto that digests need, loaded with the first stream to hash: its
 * relocations and its setting up take a millisecond, and most commands hash nothing.
 */
#ifndef IMGC_SCHEMA_CRYPTO_LIB_H
#define IMGC_SCHEMA_CRYPTO_LIB_H

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "schema/base/err.h"

/* X(field, function) */
#define CRYPTO_LIB_FUNCTIONS(X)                     \
    X(version, OpenSSL_version)                     \
    X(peek_last_error, ERR_peek_last_error)         \
    X(reason_error_string, ERR_reason_error_string) \
    X(clear_error, ERR_clear_error)                 \
    X(sha256, EVP_sha256)                           \
    X(sha512, EVP_sha512)                           \
    X(ctx_new, EVP_MD_CTX_new)                      \
    X(ctx_copy, EVP_MD_CTX_copy_ex)                 \
    X(ctx_free, EVP_MD_CTX_free)                    \
    X(digest_init, EVP_DigestInit_ex)               \
    X(digest_update, EVP_DigestUpdate)              \
    X(digest_final, EVP_DigestFinal_ex)

struct crypto_lib {
#define X(field, function) __typeof__(function) *(field);
    CRYPTO_LIB_FUNCTIONS(X)
#undef X
};

/** Load libcrypto. @return 0; -HOST where it is not installed. */
IMGC_CHECK int crypto_lib_load(struct crypto_lib *ret, struct imgc_err *reterr);

/** The version of OpenSSL on this host, for `imgc version`. @return as crypto_lib_load(). */
IMGC_CHECK int crypto_lib_version(const char **ret, struct imgc_err *reterr);

#endif
