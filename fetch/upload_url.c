/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/upload_url.h"

#include "fetch/origin.h"

static bool is_url_text(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return s.len > 0;
}

/* Bytes of "scheme://host". */
static size_t origin_bytes(const char *url)
{
    size_t n = strcspn(url, ":");

    n += strncmp(url + n, "://", 3) == 0 ? 3 : 0;
    return n + strcspn(url + n, "/?#");
}

static void add_relative(const char *base, struct imgc_str to, struct imgc_buf *ret)
{
    size_t n_origin = origin_bytes(base);
    size_t n_path = n_origin + strcspn(base + n_origin, "?#");
    size_t n_dir = n_path;

    if (imgc_str_starts(to, IMGC_STR("//"))) { /* another host, by the same scheme */
        imgc_buf_add(ret, base, strcspn(base, ":") + 1);
    } else if (imgc_str_starts(to, IMGC_STR("/"))) {
        imgc_buf_add(ret, base, n_origin);
    } else if (imgc_str_starts(to, IMGC_STR("?"))) {
        imgc_buf_add(ret, base, n_path);
    } else {
        while (n_dir > n_origin && base[n_dir - 1] != '/') {
            n_dir--;
        }
        imgc_buf_add(ret, base, n_dir);
        if (n_dir == n_origin) {
            imgc_buf_putc(ret, '/');
        }
    }
    imgc_buf_str(ret, to);
}

static int check(const char *base, struct imgc_buf *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf tls = IMGC_BUF_INIT(UPLOAD_URL_MAX);
    struct imgc_str url, rest;

    int r = imgc_buf_finish(ret, &url, reterr);
    rest = url;
    if (r < 0 || strncmp(base, "https://", 8) != 0 || !imgc_str_skip(&rest, IMGC_STR("http://"))) {
        return r;
    }
    imgc_buf_puts(&tls, "https://");
    imgc_buf_str(&tls, rest);
    r = imgc_buf_finish(&tls, &url, reterr);
    if (r < 0) {
        return r;
    }
    if (!origin_is_same(base, url.ptr)) {
        return imgc_fail(reterr, IMGC_E_REGISTRY,
                         "'%s' sends an upload to '%s', which is not https", base, ret->ptr);
    }
    imgc_buf_clear(ret);
    imgc_buf_str(ret, url);
    return imgc_buf_finish(ret, &url, reterr);
}

int upload_url_resolve(const char *base, struct imgc_str location, struct imgc_buf *ret,
                       struct imgc_err *reterr)
{
    struct imgc_str to = imgc_str_first(location, imgc_str_find(location, '#'));

    if (!is_url_text(to)) {
        return imgc_fail(reterr, IMGC_E_REGISTRY, "'%s' does not say where an upload goes on",
                         base);
    }
    if (imgc_str_starts(to, IMGC_STR("http://")) || imgc_str_starts(to, IMGC_STR("https://"))) {
        imgc_buf_str(ret, to);
    } else {
        add_relative(base, to, ret);
    }
    return check(base, ret, reterr);
}

int upload_url_finish(const char *url, const char *digest, struct imgc_buf *ret,
                      struct imgc_err *reterr)
{
    struct imgc_str done, text = imgc_str_of(url);
    bool has_query = imgc_str_find(text, '?') < text.len;

    imgc_buf_str(ret, text);
    if (!imgc_str_ends(text, IMGC_STR("?")) && !imgc_str_ends(text, IMGC_STR("&"))) {
        imgc_buf_putc(ret, has_query ? '&' : '?');
    }
    imgc_buf_printf(ret, "digest=%s", digest);
    return imgc_buf_finish(ret, &done, reterr);
}

bool upload_url_received(struct imgc_str range, uint64_t *ret)
{
    struct imgc_str first, last;
    uint64_t from, to;

    (void)imgc_str_skip(&range, IMGC_STR("bytes="));
    if (!imgc_str_split(range, '-', &first, &last) || !imgc_str_u64(first, &from) ||
        !imgc_str_u64(last, &to) || from != 0 || to == UINT64_MAX) {
        return false;
    }
    *ret = to == 0 ? 0 : to + 1;
    return true;
}
