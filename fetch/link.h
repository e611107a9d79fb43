/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Link header of an answer that is one page of several.
 *
 * Source: RFC 8288; distribution-spec v1.1 "Listing Tags".
 */
#ifndef IMGC_FETCH_LINK_H
#define IMGC_FETCH_LINK_H

#include "schema/base/str.h"

/**
 * The query ("n=100&last=v9") that asks for the next page. Path and host of the link are not looked
 * at: whoever takes the query alone asks the server that he has asked before, whatever name it has
 * for itself behind a proxy, and shows nobody else what he shows it.
 *
 * @header  values of Link, joined with ",".
 * @return  false where there is no next page; true with "" where its query is none, or has bytes
 *          that no query has.
 */
bool link_next_query(struct imgc_str header, struct imgc_str *ret);

#endif
