/* SPDX-License-Identifier: Apache-2.0 */
/* imgc logout: forget the credentials for a registry, or all. */
#include <stdlib.h>

#include "cmd/auth_paths.h"
#include "cmd/commands.h"
#include "cmd/registry_name.h"
#include "fetch/credential_helper.h"
#include "fetch/credentials.h"

struct logout_options {
    bool all, skip_tls_verify;
    const char *authfile, *cert_dir;
};

static const struct option logout_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct logout_options, all), NULL,
      "forget those of all registries that the file holds" },
    { 0, "authfile", OPT_STRING, offsetof(struct logout_options, authfile), "FILE",
      "file that the credentials are kept in" },
    /* No registry is asked: taken, since scripts give login and logout the same options. */
    { 0, "cert-dir", OPT_STRING, offsetof(struct logout_options, cert_dir), "DIR", NULL },
    { 0, "tls-verify", OPT_NEGATED, offsetof(struct logout_options, skip_tls_verify), NULL, NULL },
    { .name = NULL },
};

/* Not in the file that is written; perhaps another tool's has them. */
static int none_here(const struct ref *registry, const struct logout_options *o, const char *path,
                     struct imgc_err *reterr)
{
    auth_paths_auto struct auth_paths paths = { .items = { NULL } };

    int r = auth_paths_to_read(o->authfile, &paths, reterr);
    for (char **file = paths.items; r == 0 && *file; file++) {
        credential_auto struct credential c = CREDENTIAL_INIT;
        const char *const one[] = { *file, NULL };
        const struct credentials_source source = { .files = one };
        if (credentials_find(&source, registry, &c, reterr) == 0) {
            return imgc_fail(reterr, IMGC_E_AUTH,
                             "'%s' has no credentials of %s; '%s' has: name it with --authfile",
                             path, registry->domain, *file);
        }
    }
    return imgc_fail(reterr, IMGC_E_AUTH, "not logged into %s", registry->domain);
}

static int forget(struct auth_file *file, const char *path, const struct logout_options *o,
                  const struct ref *registry, struct imgc_err *reterr)
{
    const char *domain = registry->domain;
    const char *helper = auth_file_helper(file, imgc_str_of(domain));

    if (helper) {
        int r = credential_helper_erase(helper, auth_file_docker_key(domain), reterr);
        bool was_in_file = auth_file_remove(file, domain);
        if (r < 0 || (r == 0 && !was_in_file)) {
            return r;
        }
        if (r == CREDENTIAL_HELPER_NONE && !was_in_file) {
            return none_here(registry, o, path, reterr);
        }
    } else if (!auth_file_remove(file, domain)) {
        return none_here(registry, o, path, reterr);
    }
    return credentials_write_file(path, file, reterr);
}

static int logout_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct logout_options *o = options;
    ref_auto struct ref registry = REF_INIT;
    imgc_autofree char *path = NULL;
    auth_file_auto struct auth_file file = { .doc = NULL };

    int r = registry_name_parse(args.v ? args.v[0] : NULL, &registry, reterr);
    r = r < 0 ? r : auth_paths_to_write(o->authfile, &path, reterr);
    r = r < 0 ? r : credentials_read_file(path, &file, reterr);
    if (r < 0) {
        return r;
    }
    if (o->all) {
        auth_file_clear(&file);
        r = credentials_write_file(path, &file, reterr);
    } else {
        r = forget(&file, path, o, &registry, reterr);
    }
    if (r == 0) {
        output_print(&app->out, "Removed login credentials for %s\n",
                     o->all ? "all registries" : registry.domain);
    }
    return r;
}

const struct command cmd_logout = {
    .name = "logout",
    .args = "[REGISTRY]",
    .summary = "forget the credentials for a registry",
    .help = "Without REGISTRY it is docker.io.\n"
            "\n"
            "  imgc logout registry.example.com\n",
    .options = logout_options,
    .options_size = sizeof(struct logout_options),
    .min_args = 0,
    .max_args = 1,
    .run = logout_run,
};
