/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/registry_access.h"

#include <stdlib.h>

#include "cmd/settings.h"

void registry_access_done(struct registry_access *a)
{
    auth_paths_done(&a->auth);
    for (size_t i = 0; i < REGISTRY_ACCESS_DIRS; i++) {
        free(a->cert_dirs[i]);
        a->cert_dirs[i] = NULL;
    }
}

/* The user's own folder goes before the host's. */
static int find_cert_dirs(char **next, struct imgc_err *reterr)
{
    static const char *const of_host[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };

    int r = settings_user_config("/containers/certs.d", next, reterr);
    next += *next ? 1 : 0;
    for (size_t i = 0; r == 0 && i < sizeof of_host / sizeof *of_host; i++) {
        r = imgc_str_dup(imgc_str_of(of_host[i]), next++, reterr);
    }
    return r;
}

/* As Go's programs do, of a variable's two spellings the one in capitals. */
static const char *either(const char *upper, const char *lower)
{
    const char *z = settings_env(upper);
    return z && *z ? z : settings_env(lower);
}

struct proxy_rules registry_access_proxies(void)
{
    /* In a CGI program HTTP_PROXY is what the client sent as its header "Proxy:". */
    bool is_cgi = settings_env("REQUEST_METHOD") != NULL;

    return (struct proxy_rules){ .http = is_cgi ? settings_env("http_proxy")
                                                : either("HTTP_PROXY", "http_proxy"),
                                 .https = either("HTTPS_PROXY", "https_proxy"),
                                 .all = either("ALL_PROXY", "all_proxy"),
                                 .no = either("NO_PROXY", "no_proxy") };
}

static const char *set_or_null(const char *name)
{
    const char *z = settings_env(name);
    return z && *z ? z : NULL;
}

int registry_access_init(const struct registry_options *o, struct registry_access *ret,
                         struct imgc_err *reterr)
{
    int r = auth_paths_to_read(o->authfile, &ret->auth, reterr);

    r = r < 0 ? r : find_cert_dirs(ret->cert_dirs, reterr);
    if (r < 0) {
        return r;
    }
    ret->credentials = (struct credentials_source){ .given = o->creds,
                                                    .files = (const char *const *)ret->auth.items };
    ret->trust =
        (struct trust_places){ .alone = o->cert_dir, .dirs = (const char *const *)ret->cert_dirs };
    ret->proxies = registry_access_proxies();
    ret->ca_file = set_or_null("SSL_CERT_FILE");
    ret->ca_dir = set_or_null("SSL_CERT_DIR");
    return 0;
}
