/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: runtime */
/* Input: 'v', 'm' or 't', and the value of -v, --mount or --tmpfs. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/spec.h"
#include "schema/volume_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean(const char *path)
{
    return path[0] == '/' && path[1] != '\0' && !strstr(path, "//") && !strstr(path, "/../") &&
           !strstr(path, "/./");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imgc_str s = { (const char *)data, size };
    struct spec_mount m = { .source = NULL };
    struct imgc_err err;

    if (size == 0) {
        return 0;
    }
    s = imgc_str_from(s, 1);
    int r = data[0] == 'v'   ? spec_parse_volume(s, &m, &err)
            : data[0] == 'm' ? spec_parse_mount(s, &m, &err)
                             : spec_parse_tmpfs(s, &m, &err);
    if (r < 0) {
        if (err.msg[0] == '\0') {
            abort();
        }
        return 0;
    }
    /* Whoever executes it relies on this. */
    if (!is_clean(m.target) || (m.kind == SPEC_MOUNT_BIND && (!m.source || m.source[0] != '/')) ||
        (m.kind == SPEC_MOUNT_VOLUME && m.source && !volume_name_is_good(imgc_str_of(m.source)))) {
        abort();
    }
    spec_mount_done(&m);
    return 0;
}
