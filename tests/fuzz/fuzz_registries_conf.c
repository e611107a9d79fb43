/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: schema */
#include <stdlib.h>

#include "schema/json.h"
#include "schema/registries_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A blocked registry has no sources; any other image has at least one, which the registry itself
 * is. */
static void check_sources(const struct registries_conf *c, const struct ref *ref)
{
    registries_conf_sources_auto struct registries_conf_sources sources = { .n = 0 };
    struct imgc_err err;

    if (registries_conf_sources(c, ref, &sources, &err) < 0) {
        return;
    }
    if (sources.n == 0 || sources.items[sources.n - 1].is_mirror) {
        abort();
    }
}

/* The first line is a name, the second a file and the rest another one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    registries_conf_auto struct registries_conf c = { .n_aliases = 0 };
    ref_auto struct ref ref = REF_INIT;
    struct imgc_str name, rest, first, second;
    struct imgc_err err;
    char **names = NULL;

    (void)imgc_str_split((struct imgc_str){ (const char *)data, size }, '\n', &name, &rest);
    (void)imgc_str_split(rest, '\f', &first, &second);
    (void)!registries_conf_add(&c, first, "one", &err);
    (void)!registries_conf_add(&c, second, "two", &err);
    if (ref_parse(name, &ref, &err) == 0) {
        check_sources(&c, &ref);
    }
    if (registries_conf_names(&c, name, &names, &err) == 0 && !names[0]) {
        abort();
    }
    names = json_strings_free(names);
    return 0;
}
