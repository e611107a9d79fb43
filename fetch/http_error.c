/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http_error.h"

#include <openssl/x509_vfy.h>

#include "schema/base/str.h"

bool http_error_is_alert(const struct http_error *x)
{
    /* OpenSSL's words for what came from the peer: "tlsv13 alert certificate required". */
    return strstr(x->detail, " alert ") != NULL;
}

static struct imgc_str host_of(const char *url)
{
    struct imgc_str s = imgc_str_of(url);

    (void)(imgc_str_skip(&s, IMGC_STR("https://")) || imgc_str_skip(&s, IMGC_STR("http://")));
    return imgc_str_first(s, imgc_str_find(s, '/'));
}

/* The chain of certificates. */
static int fail_chain(const struct http_error *x, struct imgc_str host, struct imgc_err *e)
{
    switch (x->verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return imgc_fail(e, IMGC_E_TLS,
                         "the certificate of " IMGC_STR_FMT " has expired, asked for '%s': its "
                         "operator has to renew it, or this host's clock is wrong",
                         IMGC_STR_ARG(host), x->url);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return imgc_fail(e, IMGC_E_TLS,
                         "the certificate of " IMGC_STR_FMT
                         " is not valid yet, asked for '%s': look at this host's clock",
                         IMGC_STR_ARG(host), x->url);
    case X509_V_ERR_CERT_REVOKED:
        return imgc_fail(e, IMGC_E_TLS,
                         "the certificate of " IMGC_STR_FMT
                         " was revoked, asked for '%s': ask its operator",
                         IMGC_STR_ARG(host), x->url);
    default:
        break;
    }
    return imgc_fail(e, IMGC_E_TLS,
                     "the certificate of " IMGC_STR_FMT
                     " is from an unknown authority (%s), asked for '%s': put the authority's "
                     "certificate into /etc/containers/certs.d/" IMGC_STR_FMT
                     "/ca.crt, or name its directory with --cert-dir",
                     IMGC_STR_ARG(host), x->detail, x->url, IMGC_STR_ARG(host));
}

static int fail_tls(const struct http_error *x, struct imgc_err *e)
{
    struct imgc_str host = host_of(x->at);

    if (http_error_is_alert(x)) {
        return imgc_fail(e, IMGC_E_TLS,
                         IMGC_STR_FMT " ended TLS (%s), asked for '%s': it may want a client "
                                      "certificate, NAME.cert and NAME.key in "
                                      "/etc/containers/certs.d/" IMGC_STR_FMT " or in --cert-dir",
                         IMGC_STR_ARG(host), x->detail, x->url, IMGC_STR_ARG(host));
    }
    if (x->code == CURLE_SSL_CACERT_BADFILE) {
        return imgc_fail(e, IMGC_E_TLS,
                         "this host's certificates of authorities cannot be read (%s), asked for "
                         "'%s': install ca-certificates",
                         x->detail, x->url);
    }
    if (x->code == CURLE_SSL_CERTPROBLEM) {
        return imgc_fail(e, IMGC_E_TLS,
                         "the client certificate for " IMGC_STR_FMT " cannot be used: %s",
                         IMGC_STR_ARG(host), x->detail);
    }
    /* libcurl begins with "unspecified" and leaves it where the chain is good. */
    if (x->code == CURLE_PEER_FAILED_VERIFICATION && x->verify_result > X509_V_ERR_UNSPECIFIED) {
        return fail_chain(x, host, e);
    }
    if (x->code == CURLE_PEER_FAILED_VERIFICATION) {
        return imgc_fail(e, IMGC_E_TLS,
                         "the certificate of " IMGC_STR_FMT
                         " is for another name (%s), asked for '%s': use the name that it is for",
                         IMGC_STR_ARG(host), x->detail, x->url);
    }
    return imgc_fail(e, IMGC_E_TLS, "no secure connection to " IMGC_STR_FMT " for '%s': %s",
                     IMGC_STR_ARG(host), x->url, x->detail);
}

static bool is_tls(const struct http_error *x)
{
    switch (x->code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return true;
    default:
        return http_error_is_alert(x);
    }
}

int http_error_fail(const struct http_error *x, struct imgc_err *reterr)
{
    if (x->code == CURLE_OUT_OF_MEMORY) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (x->connect_status >= 300) {
        return imgc_fail(reterr, IMGC_E_NETWORK, "the proxy does not connect to '%s': HTTP %ld%s",
                         x->url, x->connect_status,
                         x->connect_status == 407 ? ", it wants a user and a password" : "");
    }
    if (is_tls(x)) {
        return fail_tls(x, reterr);
    }
    switch (x->code) {
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return imgc_fail(reterr, IMGC_E_REGISTRY, "redirect of '%s' is not followed: %s", x->url,
                         x->detail);
    default:
        return imgc_fail(reterr, IMGC_E_NETWORK, "cannot %s '%s': %s",
                         x->is_sent ? "send to" : "fetch", x->url, x->detail);
    }
}

enum retry_class http_error_class(const struct http_error *x)
{
    if (http_error_is_alert(x) || (x->connect_status >= 300 && x->connect_status < 500)) {
        return RETRY_NEVER;
    }
    switch (x->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
        return RETRY_DOUBTFUL;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return RETRY_TRANSIENT;
    default:
        return RETRY_NEVER;
    }
}
