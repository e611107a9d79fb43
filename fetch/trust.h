/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom TLS to one registry trusts besides the host's own authorities, and what it shows of itself:
 * the files of a certs.d folder.
 *
 * Source: containers-certs.d(5): *.crt are certificates of authorities; NAME.cert and NAME.key are
 * the client's certificate and key, and neither may be missing beside the other.
 */
#ifndef IMGC_FETCH_TRUST_H
#define IMGC_FETCH_TRUST_H

#include "schema/base/err.h"
#include "schema/base/str.h"

/* Where to look; all borrowed. */
struct trust_places {
    const char *alone;       /* --cert-dir: its files are for every registry; NULL: not given */
    const char *const *dirs; /* each may have a folder HOST[:PORT]; the first one that has is the
                                only one; NULL-terminated; NULL: none */
};

/* Zeroed: nothing but what the host trusts. */
struct trust {
    char *dir;        /* that it comes from; NULL: none */
    char *ca;         /* PEM of all its *.crt, NUL-terminated; NULL: none */
    char *cert, *key; /* paths of the pair whose name sorts first; both or neither */
};

void trust_done(struct trust *t);
#define trust_auto imgc_auto(trust_done)

/**
 * Read what there is for @host ("HOST[:PORT]" as the reference says it). Folders that are not there
 * or may not be read are passed over, as are files that went away.
 *
 * @ret    zeroed; caller frees, on failure too.
 * @return 0; -TLS for a pair that lacks one half, and a *.crt without a certificate; -SYS, also for
 *         @places->alone where it is not there; -LIMIT; -NOMEM.
 */
IMGC_CHECK int trust_load(const struct trust_places *places, const char *host, struct trust *ret,
                          struct imgc_err *reterr);

#endif
