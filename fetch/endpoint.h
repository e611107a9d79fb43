/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a registry is reached: its host, and over which transports in which order. Pure.
 */
#ifndef IMGC_FETCH_ENDPOINT_H
#define IMGC_FETCH_ENDPOINT_H

#include "schema/base/str.h"

/* One way to talk to a registry. */
struct endpoint {
    struct imgc_str host; /* host[:port]; borrowed */
    bool is_plain;        /* http instead of https */
    bool is_unverified;   /* https with any certificate */
    bool is_loopback;     /* this machine: no proxy in between */
    bool has_port;
    bool is_probe; /* plain HTTP, before TLS was tried */
};

enum { ENDPOINT_NONE = 1 };

/** Whether "host[:port]" is this machine by its name: localhost, 127.0.0.0/8, [::1]. */
bool endpoint_is_loopback(struct imgc_str host);

/**
 * The first way to try: https. At a port of this machine it is plain HTTP, because most servers
 * there speak it, and one that speaks TLS says so at once; to begin with TLS costs 20 ms for the
 * file of CAs each time. Docker Hub's images live at another host than their names say.
 *
 * @domain      of a reference; borrowed as long as @ret.
 * @tls_verify  false: any certificate will do.
 */
void endpoint_first(struct imgc_str domain, bool tls_verify, struct endpoint *ret);

/** Begin with https after all: the user has certificates for this registry. */
void endpoint_expect_tls(struct endpoint *e);

/**
 * The way to try where @e could not be talked to at all. After a probe: https. After https: plain
 * HTTP, for loopback registries and where certificates do not matter. A certificate that is not
 * trusted is no reason to come here.
 * @return 0; ENDPOINT_NONE where nothing else is allowed.
 */
int endpoint_next(struct endpoint *e);

#endif
