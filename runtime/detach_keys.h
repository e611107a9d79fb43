/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that leave a container running, typed one after another on its terminal: "ctrl-p,ctrl-q"
 * unless the user has others.
 *
 * Source: docker's and podman's --detach-keys: single characters, and ctrl- with a letter or one of
 * @[\]^_ .
 */
#ifndef IMGC_RUNTIME_DETACH_KEYS_H
#define IMGC_RUNTIME_DETACH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"
#include "schema/base/str.h"

#define DETACH_KEYS_MAX 16 /* keys */
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

struct detach_keys {
    uint8_t keys[DETACH_KEYS_MAX];
    size_t n; /* 0: nothing that is typed detaches */
    uint8_t held[DETACH_KEYS_MAX];
    size_t n_held; /* typed and not passed on: they may be the first of the keys */
};

/** @text  keys, separated by commas; "": none. @return 0; -USAGE. */
IMGC_CHECK int detach_keys_parse(struct imgc_str text, struct detach_keys *ret,
                                 struct imgc_err *reterr);

/**
 * Take what was typed.
 *
 * @out     what is to be passed on; room for @len + DETACH_KEYS_MAX bytes, not @in.
 * @return  whether the last of the keys was among it; what comes behind that is dropped.
 */
bool detach_keys_filter(struct detach_keys *k, const uint8_t *in, size_t len, uint8_t *out,
                        size_t *ret_len);

/** At the end of what is typed: what is held was not the beginning of the keys, and is to be passed
 * on. @out  room for DETACH_KEYS_MAX bytes. @return how many. */
size_t detach_keys_rest(struct detach_keys *k, uint8_t *out);

#endif
