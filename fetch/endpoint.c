/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/endpoint.h"

#include <arpa/inet.h>

static bool is_port(struct imgc_str s)
{
    uint64_t port;
    return imgc_str_u64(s, &port) && port <= UINT16_MAX;
}

/* Split "host[:port]"; the brackets of an IPv6 address stay. @return whether there is a port. */
static bool split_port(struct imgc_str s, struct imgc_str *ret_name)
{
    struct imgc_str head, tail;

    if (imgc_str_rsplit(s, ':', &head, &tail) && is_port(tail) &&
        (imgc_str_ends(head, IMGC_STR("]")) || imgc_str_find(head, ':') == head.len)) {
        *ret_name = head;
        return true;
    }
    *ret_name = s;
    return false;
}

bool endpoint_is_loopback(struct imgc_str host)
{
    struct imgc_str name;
    char text[INET_ADDRSTRLEN];
    struct in_addr v4;

    (void)split_port(host, &name);
    if (imgc_str_eq_nocase(name, IMGC_STR("localhost")) || imgc_str_eq(name, IMGC_STR("[::1]")) ||
        imgc_str_eq(name, IMGC_STR("::1"))) {
        return true;
    }
    if (name.len >= sizeof text) {
        return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    /* inet_pton() takes four decimal parts only: "127.1" is a host name here. */
    return inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

void endpoint_first(struct imgc_str domain, bool tls_verify, struct endpoint *ret)
{
    bool is_hub = imgc_str_eq(domain, IMGC_STR("docker.io")) ||
                  imgc_str_eq(domain, IMGC_STR("index.docker.io"));
    struct imgc_str name;

    ret->host = is_hub ? IMGC_STR("registry-1.docker.io") : domain;
    ret->is_unverified = !tls_verify;
    ret->is_loopback = endpoint_is_loopback(ret->host);
    ret->has_port = split_port(ret->host, &name);
    ret->is_probe = ret->is_loopback && ret->has_port;
    ret->is_plain = ret->is_probe;
}

void endpoint_expect_tls(struct endpoint *e)
{
    e->is_probe = false;
    e->is_plain = false;
}

int endpoint_next(struct endpoint *e)
{
    if (e->is_probe) {
        e->is_probe = false;
        e->is_plain = false;
        return 0;
    }
    if (e->is_plain || (!e->is_loopback && !e->is_unverified)) {
        return ENDPOINT_NONE;
    }
    e->is_plain = true;
    return 0;
}
