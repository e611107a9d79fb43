/* fuzz: cmd */
/* SPDX-License-Identifier: Apache-2.0 */
/* Templates over a document that has every kind of value. */
#include <stdint.h>
#include <stdlib.h>

#include "cmd/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUTPUT_MAX (1u << 16)

static void run(const struct template *t, bool strict)
{
    static const char *const maps[] = { "Labels", NULL };
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(OUTPUT_MAX);
    json_t *doc = json_pack("{s:s, s:i, s:f, s:b, s:n, s:[s, s], s:{s:s}, s:[]}", "Id",
                            "c6348fa86ba0", "Size", 4683471, "Ratio", 0.25, "Running", 1, "Null",
                            "Names", "x", "y\xe2\x82\xac", "Labels", "a.b", "1", "Empty");
    const struct template_args args = { .data = doc, .strict = strict, .maps = maps };
    struct imgc_str s;
    struct imgc_err err;

    if (!doc) {
        abort();
    }
    if (template_run(t, &args, &b, &err) == 0 && imgc_buf_finish(&b, &s, &err) == 0 &&
        s.len > OUTPUT_MAX) {
        abort();
    }
    json_decref(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    template_auto struct template *t = NULL;
    struct imgc_err err;

    if (template_parse((struct imgc_str){ (const char *)data, size }, &t, &err) == 0) {
        run(t, false);
        run(t, true);
    }
    return 0;
}
