/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/detach_keys.h"

/* What the control key leaves of a character. */
#define CONTROL_BITS 0x1f

static bool parse_key(struct imgc_str word, uint8_t *ret)
{
    static const struct imgc_str symbols = { "@[\\]^_", 6 };

    if (word.len == 1) {
        *ret = (uint8_t)word.ptr[0];
        return *ret < 0x80;
    }
    if (imgc_str_eq_nocase(word, IMGC_STR("del"))) {
        *ret = 0x7f;
        return true;
    }
    if (!imgc_str_skip(&word, IMGC_STR("ctrl-")) || word.len != 1) {
        return false;
    }
    char c = word.ptr[0];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    *ret = (uint8_t)c & CONTROL_BITS;
    return is_letter || imgc_str_find(symbols, c) < symbols.len;
}

int detach_keys_parse(struct imgc_str text, struct detach_keys *ret, struct imgc_err *reterr)
{
    struct imgc_str rest = text, word;

    *ret = (struct detach_keys){ .n = 0 };
    while (text.len > 0 && imgc_str_token(&rest, ',', &word)) {
        if (ret->n == DETACH_KEYS_MAX || !parse_key(word, &ret->keys[ret->n])) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--detach-keys '" IMGC_STR_FMT
                             "': up to %d characters or ctrl-LETTER, "
                             "such as " DETACH_KEYS_DEFAULT,
                             IMGC_STR_ARG(text), DETACH_KEYS_MAX);
        }
        ret->n++;
    }
    return 0;
}

/* What is held is always the first of the keys: of what is not, the oldest go on. */
static void hold(struct detach_keys *k, uint8_t key, uint8_t *out, size_t *n_out)
{
    k->held[k->n_held++] = key;
    while (k->n_held > 0 && memcmp(k->held, k->keys, k->n_held) != 0) {
        out[(*n_out)++] = k->held[0];
        memmove(k->held, k->held + 1, --k->n_held);
    }
}

bool detach_keys_filter(struct detach_keys *k, const uint8_t *in, size_t len, uint8_t *out,
                        size_t *ret_len)
{
    *ret_len = 0;
    if (k->n == 0) {
        memcpy(out, in, len);
        *ret_len = len;
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        hold(k, in[i], out, ret_len);
        if (k->n_held == k->n) {
            k->n_held = 0;
            return true;
        }
    }
    return false;
}

size_t detach_keys_rest(struct detach_keys *k, uint8_t *out)
{
    size_t n = k->n_held;

    memcpy(out, k->held, n);
    k->n_held = 0;
    return n;
}
