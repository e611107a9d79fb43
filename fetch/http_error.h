/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcurl's failures mean: our codes, words that say what is wrong, where, and what helps, and
 * whether another attempt may help. Pure.
 */
#ifndef IMGC_FETCH_HTTP_ERROR_H
#define IMGC_FETCH_HTTP_ERROR_H

#include <curl/curl.h>

#include "fetch/retry.h"
#include "schema/base/err.h"

/* A transfer that failed; all borrowed. */
struct http_error {
    CURLcode code;
    bool is_sent;        /* something was on its way there */
    const char *detail;  /* libcurl's own words */
    const char *url;     /* as it may be shown */
    const char *at;      /* URL of the host that failed: after redirects another one */
    long verify_result;  /* X509_V_*, of the certificate's chain */
    long connect_status; /* a proxy's answer to CONNECT; 0: none */
};

/** @return -NOMEM, -TLS, -REGISTRY (redirects), -NETWORK; always fails. */
int http_error_fail(const struct http_error *x, struct imgc_err *reterr);

enum retry_class http_error_class(const struct http_error *x);

/** Whether the other side speaks TLS and has ended it with an alert. */
bool http_error_is_alert(const struct http_error *x);

#endif
