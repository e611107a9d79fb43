/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers that say how an upload goes on: where (Location), and how much of it has arrived
 * (Range). Pure.
 *
 * Source: distribution-spec v1.1 "Pushing blobs"; RFC 3986, 5.2; RFC 9110, 14.1.2.
 */
#ifndef IMGC_FETCH_UPLOAD_URL_H
#define IMGC_FETCH_UPLOAD_URL_H

#include "schema/base/buf.h"

#define UPLOAD_URL_MAX 8192 /* bytes; states that registries keep in the query are long */

/**
 * Make a Location absolute. One that says "http" for the host that was asked over https (a registry
 * that does not know of the proxy before it) stays with https.
 *
 * @base      what was asked: absolute.
 * @location  absolute, or relative to @base.
 * @ret       appended to: without a fragment.
 * @return    0; -REGISTRY for none, one with bytes that no URL has, or one that leads from https to
 *            another host over http; -LIMIT; -NOMEM.
 */
IMGC_CHECK int upload_url_resolve(const char *base, struct imgc_str location, struct imgc_buf *ret,
                                  struct imgc_err *reterr);

/** Append "digest=TEXT" to the query of @url: what ends an upload. @return 0; -LIMIT; -NOMEM. */
IMGC_CHECK int upload_url_finish(const char *url, const char *digest, struct imgc_buf *ret,
                                 struct imgc_err *reterr);

/** How many bytes have arrived, by a Range of "0-LAST" (or "bytes=0-LAST"). "0-0" may mean one or
 * none: registries say it of what is empty. @return whether it is such a range. */
bool upload_url_received(struct imgc_str range, uint64_t *ret);

#endif
