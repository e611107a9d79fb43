/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Platforms "os/arch[/variant]": parsing, normalising, and which of several images suits.
 *
 * Source: OCI image-spec v1.1, image-index.md "platform"; containerd's and containers/image's
 * normalisation (x86_64 = amd64, aarch64 = arm64 = arm64/v8, armhf = arm/v7, armel = arm/v6).
 */
#ifndef IMGC_SCHEMA_PLATFORM_H
#define IMGC_SCHEMA_PLATFORM_H

#include "schema/base/err.h"
#include "schema/base/str.h"

struct platform {
    char os[32], arch[32], variant[32]; /* normalised; variant "" where none */
};

/** The platform of this process: uname's machine, with the amd64 micro-level left out. */
void platform_host(struct platform *ret);

/** Parse what --platform takes: "os/arch[/variant]" or "arch" alone (then linux).
 * @return 0, -USAGE. */
IMGC_CHECK int platform_parse(struct imgc_str s, struct platform *ret, struct imgc_err *reterr);

/** Fill from a document's fields (any may be NULL), normalising. Never fails: too long values
 * become something that matches nothing. */
void platform_set(struct platform *p, const char *os, const char *arch, const char *variant);

/** How well @have runs on @want: 0 not at all, higher is better (arm falls back v8 > v7 > v6 > v5 >
 * none; an amd64 variant matches only when it is asked for or absent). */
int platform_match(const struct platform *want, const struct platform *have);

#define PLATFORM_TEXT_MAX 100
const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT_MAX]);

#endif
