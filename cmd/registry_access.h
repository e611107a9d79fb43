/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How registries are reached: the options that commands share, the user's files, and the
 * environment.
 *
 * Source: containers-certs.d(5), containers-auth.json(5); SSL_CERT_FILE and SSL_CERT_DIR are
 * OpenSSL's and Go's variables.
 */
#ifndef IMGC_CMD_REGISTRY_ACCESS_H
#define IMGC_CMD_REGISTRY_ACCESS_H

#include "cmd/auth_paths.h"
#include "cmd/options.h"
#include "fetch/credentials.h"
#include "fetch/proxy.h"
#include "fetch/trust.h"

/* Of the command line; zeroed: none given. */
struct registry_options {
    const char *authfile, *creds, *cert_dir;
    bool skip_tls_verify;
};

/* Rows of a command's table; @base is the offset of a struct registry_options in its own. */
/* clang-format off */
#define REGISTRY_ACCESS_AUTH_ROWS(base) \
    { 0, "authfile", OPT_STRING, (base) + offsetof(struct registry_options, authfile), "FILE", \
      "file with the registries' credentials" }, \
    { 0, "creds", OPT_STRING, (base) + offsetof(struct registry_options, creds), "USER:PASSWORD", \
      "credentials for the registry, not kept" }
#define REGISTRY_ACCESS_TLS_ROWS(base) \
    { 0, "cert-dir", OPT_STRING, (base) + offsetof(struct registry_options, cert_dir), "DIR", \
      "certificates for the registry: *.crt, *.cert with *.key" }, \
    { 0, "tls-verify", OPT_NEGATED, (base) + offsetof(struct registry_options, skip_tls_verify), \
      NULL, "=false accepts any certificate, and plain HTTP" }
/* clang-format on */

#define REGISTRY_ACCESS_DIRS 3

/* Everything that a session with a registry borrows. */
struct registry_access {
    struct auth_paths auth;
    char *cert_dirs[REGISTRY_ACCESS_DIRS + 1];
    struct credentials_source credentials;
    struct trust_places trust;
    struct proxy_rules proxies;
    const char *ca_file, *ca_dir;
};

void registry_access_done(struct registry_access *a);
#define registry_access_auto imgc_auto(registry_access_done)

/**
 * Put it together. Nothing is read yet but whether --authfile is there.
 *
 * @o    borrowed as long as @ret. @ret  zeroed, and stays where it is; caller frees, on failure
 * too. @return 0; -SYS; -NOMEM.
 */
IMGC_CHECK int registry_access_init(const struct registry_options *o, struct registry_access *ret,
                                    struct imgc_err *reterr);

/** The proxies that the environment names. */
struct proxy_rules registry_access_proxies(void);

#endif
