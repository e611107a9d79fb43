/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_attach.h"

static bool *stream_named(struct attaching *a, const char *name)
{
    struct imgc_str s = imgc_str_of(name);

    if (imgc_str_eq_nocase(s, IMGC_STR("stdin"))) {
        return &a->uses_input;
    }
    if (imgc_str_eq_nocase(s, IMGC_STR("stdout"))) {
        return &a->uses_out;
    }
    return imgc_str_eq_nocase(s, IMGC_STR("stderr")) ? &a->uses_err : NULL;
}

int run_attach_parse(const struct run_attach_options *o, bool detach, struct attaching *ret,
                     struct imgc_err *reterr)
{
    bool all = o->streams.n == 0;

    *ret = (struct attaching){
        .uses_input = all, .uses_out = all, .uses_err = all, .proxies_signals = !o->no_sig_proxy
    };
    if (detach && !all) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--attach and --detach exclude each other");
    }
    for (size_t i = 0; i < o->streams.n; i++) {
        bool *is_used = stream_named(ret, o->streams.items[i]);
        if (!is_used) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--attach '%s': stdin, stdout or stderr",
                             o->streams.items[i]);
        }
        *is_used = true;
    }
    return attaching_parse_keys(o->detach_keys, ret, reterr);
}

bool run_attach_needs_monitor(const struct run_attach_options *o, const struct attaching *a,
                              bool has_terminal)
{
    return o->no_sig_proxy || o->streams.n > 0 || (has_terminal && a->keys.n > 0);
}
