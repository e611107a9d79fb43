/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proxy a request goes through. Pure: the variables' values come from the caller.
 *
 * Source: golang.org/x/net/http/httpproxy, which is what docker and podman do: each scheme has its
 * variable, hosts of this machine are never proxied, and no_proxy has names (with what is below
 * them), addresses, subnets, each with a port or without.
 */
#ifndef IMGC_FETCH_PROXY_H
#define IMGC_FETCH_PROXY_H

#include "schema/base/cleanup.h"
#include "schema/base/err.h"
#include "schema/base/str.h"

/* Values of variables; NULL or "": not set. Borrowed. */
struct proxy_rules {
    const char *http, *https; /* for requests of that scheme */
    const char *all;          /* where the scheme's own is not set */
    const char *no;           /* hosts without, separated by commas or blanks */
};

/* Zeroed: none. */
struct proxy {
    char *url;             /* "http://host:port"; never with credentials */
    char *user, *password; /* or NULL */
};

void proxy_done(struct proxy *p);
#define proxy_auto imgc_auto(proxy_done)

/**
 * Read the address of a proxy: [SCHEME://][USER[:PASSWORD]@]HOST[:PORT][/], with http where there
 * is no scheme; https, socks4, socks4a, socks5 and socks5h are known. The message of an error has
 * nothing of what @text says, since that may be a secret.
 *
 * @ret    zeroed; caller frees, on failure too. @return 0; -USAGE; -NOMEM.
 */
IMGC_CHECK int proxy_parse(const char *text, struct proxy *ret, struct imgc_err *reterr);

/** Whether @no keeps "host[:port]" from being proxied; @default_port where it says none. */
bool proxy_is_kept_off(struct imgc_str no, struct imgc_str host, unsigned default_port);

/**
 * The proxy for an http or https URL.
 *
 * @own    of this registry: goes before the rules, and no_proxy does not count; NULL: none.
 * @ret    zeroed; caller frees, on failure too; stays zero where there is none to use.
 * @return as proxy_parse().
 */
IMGC_CHECK int proxy_for(const struct proxy_rules *rules, const char *own, const char *url,
                         struct proxy *ret, struct imgc_err *reterr);

#endif
