/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of libcurl, loaded with the first request: with all that it needs in turn (TLS,
 * LDAP, Kerberos, SSH: 35 libraries on Debian 12), it takes longer to load than most commands run.
 */
#ifndef IMGC_FETCH_CURL_LIB_H
#define IMGC_FETCH_CURL_LIB_H

#include <curl/curl.h>

#include "schema/base/err.h"

/* X(field, function) */
#define CURL_LIB_FUNCTIONS(X)                        \
    X(global_init, curl_global_init)                 \
    X(global_cleanup, curl_global_cleanup)           \
    X(version_info, curl_version_info)               \
    X(easy_init, curl_easy_init)                     \
    X(easy_cleanup, curl_easy_cleanup)               \
    X(easy_setopt, curl_easy_setopt)                 \
    X(easy_getinfo, curl_easy_getinfo)               \
    X(easy_pause, curl_easy_pause)                   \
    X(easy_strerror, curl_easy_strerror)             \
    X(slist_append, curl_slist_append)               \
    X(slist_free_all, curl_slist_free_all)           \
    X(share_init, curl_share_init)                   \
    X(share_setopt, curl_share_setopt)               \
    X(share_cleanup, curl_share_cleanup)             \
    X(multi_init, curl_multi_init)                   \
    X(multi_cleanup, curl_multi_cleanup)             \
    X(multi_add_handle, curl_multi_add_handle)       \
    X(multi_remove_handle, curl_multi_remove_handle) \
    X(multi_poll, curl_multi_poll)                   \
    X(multi_perform, curl_multi_perform)             \
    X(multi_wakeup, curl_multi_wakeup)               \
    X(multi_info_read, curl_multi_info_read)         \
    X(multi_strerror, curl_multi_strerror)

struct curl_lib {
#define X(field, function) __typeof__(function) *(field);
    CURL_LIB_FUNCTIONS(X)
#undef X
};

/** Load libcurl. @return 0; -HOST where it is not installed. */
IMGC_CHECK int curl_lib_load(struct curl_lib *ret, struct imgc_err *reterr);

/** The version of libcurl on this host, for `imgc version`. @return as curl_lib_load(). */
IMGC_CHECK int curl_lib_version(const char **ret, struct imgc_err *reterr);

#endif
