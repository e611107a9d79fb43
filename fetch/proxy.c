/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/proxy.h"

#include <stdlib.h>

#include "fetch/endpoint.h"
#include "schema/base/buf.h"
#include "schema/ip.h"
#include "schema/limits.h"

void proxy_done(struct proxy *p)
{
    free(p->url);
    free(p->user);
    if (p->password) {
        explicit_bzero(p->password, strlen(p->password));
    }
    free(p->password);
    *p = (struct proxy){ .url = NULL };
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo %XX. */
static int decode(struct imgc_str s, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_TOKEN_BYTES);

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%') {
            imgc_buf_putc(&b, s.ptr[i]);
            continue;
        }
        int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "the proxy's user or password has a '%%' that is not followed by two "
                             "hexadecimal digits: write '%%25' for it");
        }
        imgc_buf_putc(&b, (char)(high * 16 + low));
        i += 2;
    }
    return imgc_buf_take(&b, ret, reterr);
}

static int split_user(struct imgc_str *rest, struct proxy *ret, struct imgc_err *reterr)
{
    struct imgc_str info, host, user, password;

    if (!imgc_str_rsplit(*rest, '@', &info, &host)) {
        return 0;
    }
    *rest = host;
    bool has_password = imgc_str_split(info, ':', &user, &password);
    int r = decode(user, &ret->user, reterr);
    return r < 0 || !has_password ? r : decode(password, &ret->password, reterr);
}

static bool is_host(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f || strchr("/?#\\\"<>", s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0 && s.ptr[0] != ':';
}

int proxy_parse(const char *text, struct proxy *ret, struct imgc_err *reterr)
{
    static const char *const schemes[] = {
        "http", "https", "socks4", "socks4a", "socks5", "socks5h"
    };
    imgc_autobuf struct imgc_buf url = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    struct imgc_str rest = imgc_str_trim(imgc_str_of(text)), scheme = IMGC_STR("http"), head, tail;
    bool is_known = false;

    if (imgc_str_split(rest, ':', &head, &tail) && imgc_str_skip(&tail, IMGC_STR("//"))) {
        scheme = head;
        rest = tail;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        is_known = is_known || imgc_str_eq_nocase(scheme, imgc_str_of(schemes[i]));
    }
    if (!is_known) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "a proxy's address begins with http://, https://, socks4://, socks4a://, "
                         "socks5:// or socks5h://");
    }
    int r = split_user(&rest, ret, reterr);
    if (r < 0) {
        return r;
    }
    rest = imgc_str_first(rest, imgc_str_find(rest, '/'));
    if (!is_host(rest)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "a proxy's address is [SCHEME://][USER:PASSWORD@]HOST[:PORT]");
    }
    imgc_buf_str(&url, scheme);
    imgc_buf_puts(&url, "://");
    imgc_buf_str(&url, rest);
    return imgc_buf_take(&url, &ret->url, reterr);
}

/* Split "name[:port]" or "[address]:port". @return false where the port is no number. */
static bool split_port(struct imgc_str s, struct imgc_str *ret_name, uint64_t *ret_port)
{
    struct imgc_str head = s, tail;
    bool is_bracketed = imgc_str_skip(&s, IMGC_STR("["));

    if (is_bracketed) {
        if (!imgc_str_split(s, ']', &head, &tail)) {
            return false;
        }
        *ret_name = head;
        return tail.len == 0 ||
               (imgc_str_skip(&tail, IMGC_STR(":")) && imgc_str_u64(tail, ret_port));
    }
    *ret_name = s;
    if (!imgc_str_split(s, ':', &head, &tail) || imgc_str_find(tail, ':') < tail.len) {
        return true; /* no colon, or the several of an IPv6 address */
    }
    *ret_name = head;
    return imgc_str_u64(tail, ret_port);
}

/* Whether the name is @entry, or below it. */
static bool is_below(struct imgc_str name, struct imgc_str entry)
{
    bool only_below = imgc_str_skip(&entry, IMGC_STR("*"));

    if (imgc_str_skip(&entry, IMGC_STR("."))) {
        only_below = true;
    }
    if (entry.len == 0 || entry.len > name.len) {
        return false;
    }
    struct imgc_str end = imgc_str_from(name, name.len - entry.len);
    if (!imgc_str_eq_nocase(end, entry)) {
        return false;
    }
    return name.len == entry.len ? !only_below : name.ptr[name.len - entry.len - 1] == '.';
}

static bool fits(struct imgc_str entry, struct imgc_str name, unsigned port)
{
    struct imgc_str entry_name;
    struct ip_addr addr, entry_addr;
    struct ip_net net;
    uint64_t entry_port = port;

    if (imgc_str_eq(entry, IMGC_STR("*"))) {
        return true;
    }
    bool is_addr = ip_parse(name, &addr);
    if (ip_net_parse(entry, &net)) {
        return is_addr && ip_net_contains(&net, &addr);
    }
    if (!split_port(entry, &entry_name, &entry_port) || entry_port != port) {
        return false;
    }
    if (ip_parse(entry_name, &entry_addr)) {
        return is_addr && ip_eq(&addr, &entry_addr);
    }
    return !is_addr && is_below(name, entry_name);
}

bool proxy_is_kept_off(struct imgc_str no, struct imgc_str host, unsigned default_port)
{
    struct imgc_str name, entry, word;
    uint64_t port = default_port;

    if (!split_port(host, &name, &port)) {
        return false;
    }
    if (imgc_str_ends(name, IMGC_STR("."))) {
        name.len--; /* the root of all names */
    }
    while (imgc_str_token(&no, ',', &entry)) {
        while (imgc_str_token(&entry, ' ', &word)) {
            word = imgc_str_trim(word);
            if (word.len > 0 && fits(word, name, (unsigned)port)) {
                return true;
            }
        }
    }
    return false;
}

static const char *first_set(const char *a, const char *b)
{
    return a && *a ? a : b;
}

int proxy_for(const struct proxy_rules *rules, const char *own, const char *url, struct proxy *ret,
              struct imgc_err *reterr)
{
    static const struct proxy_rules none = { .no = NULL };
    struct imgc_str rest = imgc_str_of(url), host;

    rules = rules ? rules : &none;
    bool is_https = imgc_str_skip(&rest, IMGC_STR("https://"));
    (void)(is_https || imgc_str_skip(&rest, IMGC_STR("http://")));
    host = imgc_str_first(rest, imgc_str_find(rest, '/'));
    const char *text = first_set(own, first_set(is_https ? rules->https : rules->http, rules->all));

    if (!text || !*text || endpoint_is_loopback(host)) {
        return 0;
    }
    if (text != own && rules->no &&
        proxy_is_kept_off(imgc_str_of(rules->no), host, is_https ? 443 : 80)) {
        return 0;
    }
    return proxy_parse(text, ret, reterr);
}
