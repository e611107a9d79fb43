/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of short texts, as ChainIDs are made of: for these, loading libcrypto takes a thousand
 * times longer than hashing. Long ones and streams go through digest.h, which uses libcrypto.
 *
 * Source: FIPS 180-4, 6.2.
 */
#ifndef IMGC_SCHEMA_SHA256_H
#define IMGC_SCHEMA_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

void sha256_short(const void *ptr, size_t len, uint8_t out[SHA256_BYTES]);

#endif
