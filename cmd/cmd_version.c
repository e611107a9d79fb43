/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <zstd.h>

#include "cmd/commands.h"
#include "cmd/program.h"

static int version_run(struct app *app, const void *options, struct args args,
                       struct imgc_err *reterr)
{
    (void)options;
    (void)args;
    (void)reterr;

    output_print(&app->out, "imgc        %s\n", program_version());
    output_print(&app->out, "curl        %s\n", curl_version_info(CURLVERSION_NOW)->version);
    output_print(&app->out, "openssl     %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    output_print(&app->out, "libarchive  %s\n", archive_version_string() + sizeof "libarchive");
    output_print(&app->out, "zstd        %s\n", ZSTD_versionString());
    output_print(&app->out, "sqlite      %s\n", sqlite3_libversion());
    output_print(&app->out, "jansson     %s\n", jansson_version_str());
    return 0;
}

const struct command cmd_version = {
    .name = "version",
    .args = "",
    .summary = "show the versions of imgc and its libraries",
    .min_args = 0,
    .max_args = 0,
    .run = version_run,
};
