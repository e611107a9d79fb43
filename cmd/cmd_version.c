/* SPDX-License-Identifier: Apache-2.0 */
/* imgc version: what this program is made of. */
#include <sqlite3.h>

#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/program.h"
#include "cmd/table.h"
#include "fetch/curl_lib.h"
#include "layers/codec.h"
#include "layers/libarchive.h"
#include "schema/crypto_lib.h"
#include "schema/json.h"

struct version_options {
    const char *format;
};

static const struct option version_options[] = {
    { 'f', "format", OPT_STRING, offsetof(struct version_options, format), "FORMAT",
      "a template, or json" },
    { .name = NULL },
};

/* What is loaded when it is needed may be missing; saying so helps more than an error. */
static const char *version_of(int (*load)(const char **ret, struct imgc_err *reterr))
{
    const char *version = NULL;
    struct imgc_err ignored;

    return load(&version, &ignored) < 0 ? "missing" : version;
}

static json_t *versions(void)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s}}", "Version", program_version(),
                     "Libraries", "curl", version_of(curl_lib_version), "openssl",
                     version_of(crypto_lib_version), "libarchive", version_of(libarchive_version),
                     "zstd", version_of(codec_zstd_version), "sqlite", sqlite3_libversion(),
                     "jansson", jansson_version_str());
}

static int print_versions(struct app *app, json_t *doc, struct imgc_err *reterr)
{
    table_auto struct table table = TABLE_INIT;
    const char *name;
    json_t *version;

    table_row(&table);
    table_cell(&table, "imgc");
    table_cell(&table, program_version());
    json_object_foreach(json_object_get(doc, "Libraries"), name, version)
    {
        table_row(&table);
        table_cell(&table, name);
        table_cell(&table, json_string_value(version));
    }
    return table_print(&table, &app->out, reterr);
}

static int version_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    const struct version_options *o = options;
    json_auto_free json_t *doc = versions();
    (void)args;

    if (!doc) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return o->format ? listing_document(app, o->format, doc, NULL, reterr)
                     : print_versions(app, doc, reterr);
}

const struct command cmd_version = {
    .name = "version",
    .args = "",
    .summary = "show the versions of imgc and its libraries",
    .help = "  imgc version\n"
            "  imgc version -f '{{.Version}} {{.Libraries.curl}}'\n",
    .options = version_options,
    .options_size = sizeof(struct version_options),
    .min_args = 0,
    .max_args = 0,
    .run = version_run,
};
