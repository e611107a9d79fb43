/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry's refusal means, in words and in our codes. Pure.
 *
 * Source: distribution-spec v1.1 "Error Codes".
 */
#ifndef IMGC_FETCH_ANSWER_H
#define IMGC_FETCH_ANSWER_H

#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

/* An answer whose status is not 200, and what it was about. All borrowed. */
struct answer {
    long status;
    const char *url;
    struct imgc_str body;
    uint64_t retry_after_ms; /* 0: none */
    const char *what;        /* "image 'debian:nope'", "layer sha256:..." */
    const char *registry;    /* "docker.io" */
    bool is_sent;            /* it was to be taken, not given */
    bool is_image;           /* a 404 means that there is no such image */
};

#define ANSWER_TEXT_MAX 201 /* 200 bytes and the NUL */

/** The first error of {"errors":[{"code","message"}]} as "CODE: message", or the beginning of
 * whatever @body is; printable, "" for nothing. Returns @out. */
const char *answer_text(struct imgc_str body, char out[ANSWER_TEXT_MAX]);

/** @return -NOTFOUND, -AUTH (the name may be missing, or needs a login), -REGISTRY. */
int answer_fail(const struct answer *a, struct imgc_err *reterr);

#endif
