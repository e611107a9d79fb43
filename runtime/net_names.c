/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_names.h"

#include <sys/socket.h>

#include "schema/ip.h"

#define BEGIN_MARK "# imgc: this network"
#define END_MARK "# imgc: end"

/* The next word of *rest; false at the end of the line. */
static bool next_word(struct imgc_str *rest, struct imgc_str *ret)
{
    *rest = imgc_str_trim(*rest);
    if (rest->len == 0) {
        return false;
    }
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t') {
        n++;
    }
    *ret = imgc_str_first(*rest, n);
    *rest = imgc_str_from(*rest, n);
    return true;
}

/* The address of a "nameserver" line. A zone ("%eth0") names an interface of the host's. */
static bool is_server(struct imgc_str line, struct ip_addr *ret)
{
    struct imgc_str word, address;

    return next_word(&line, &word) && imgc_str_eq(word, IMGC_STR("nameserver")) &&
           next_word(&line, &address) && ip_parse(address, ret);
}

bool net_names_is_stub(struct imgc_str text)
{
    static const struct ip_addr stub = { .family = AF_INET, .bytes = { 127, 0, 0, 53 } };
    struct imgc_str line;
    struct ip_addr a;
    bool found = false;

    while (imgc_str_token(&text, '\n', &line)) {
        if (is_server(line, &a)) {
            if (!ip_eq(&a, &stub)) {
                return false;
            }
            found = true;
        }
    }
    return found;
}

bool net_names_is_loopback(struct imgc_str text)
{
    struct imgc_str line;
    struct ip_addr a;
    bool found = false;

    while (imgc_str_token(&text, '\n', &line)) {
        if (is_server(line, &a)) {
            if (!ip_is_loopback(&a)) {
                return false;
            }
            found = true;
        }
    }
    return found;
}

static bool keyword_is(struct imgc_str line, struct imgc_str keyword)
{
    struct imgc_str word;
    return next_word(&line, &word) && imgc_str_eq(word, keyword);
}

static void add_words(const char *keyword, char *const *words, struct imgc_buf *b)
{
    if (!words || !words[0] || (strcmp(words[0], ".") == 0 && !words[1])) {
        return;
    }
    imgc_buf_puts(b, keyword);
    for (; *words; words++) {
        imgc_buf_printf(b, " %s", *words);
    }
    imgc_buf_putc(b, '\n');
}

static size_t add_host_servers(const struct net_names_resolv *args, struct imgc_buf *b)
{
    struct imgc_str rest = args->host, line;
    char text[IP_TEXT_MAX];
    struct ip_addr a;
    size_t n = 0;

    while (imgc_str_token(&rest, '\n', &line)) {
        if (is_server(line, &a) && !ip_is_loopback(&a) && (a.family == AF_INET || args->has_ipv6)) {
            imgc_buf_printf(b, "nameserver %s\n", ip_text(&a, text));
            n++;
        }
    }
    return n;
}

/* Lines of the host that begin with @keyword; the last one counts, but all are kept. */
static void copy_lines(struct imgc_str host, struct imgc_str keyword, struct imgc_buf *b)
{
    struct imgc_str line;

    while (imgc_str_token(&host, '\n', &line)) {
        if (keyword_is(line, keyword)) {
            imgc_buf_str(b, imgc_str_trim(line));
            imgc_buf_putc(b, '\n');
        }
    }
}

void net_names_resolv(const struct net_names_resolv *args, struct imgc_buf *b)
{
    if (args->search && args->search[0]) {
        add_words("search", args->search, b);
    } else {
        copy_lines(args->host, IMGC_STR("domain"), b);
        copy_lines(args->host, IMGC_STR("search"), b);
    }
    if (args->servers && args->servers[0]) {
        for (char *const *s = args->servers; *s; s++) {
            imgc_buf_printf(b, "nameserver %s\n", *s);
        }
    } else if (add_host_servers(args, b) == 0) {
        imgc_buf_puts(b, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
        imgc_buf_puts(b, !args->has_ipv6 ? ""
                                         : "nameserver 2001:4860:4860::8888\n"
                                           "nameserver 2001:4860:4860::8844\n");
    }
    if (args->options && args->options[0]) {
        add_words("options", args->options, b);
    } else {
        copy_lines(args->host, IMGC_STR("options"), b);
    }
}

void net_names_replace(struct imgc_str text, struct imgc_str members, struct imgc_buf *b)
{
    struct imgc_str line;
    bool is_ours = false;

    while (imgc_str_token(&text, '\n', &line)) {
        if (imgc_str_eq(line, IMGC_STR(BEGIN_MARK))) {
            is_ours = true;
        }
        if (!is_ours && (line.len > 0 || text.len > 0)) {
            imgc_buf_str(b, line);
            imgc_buf_putc(b, '\n');
        }
        if (imgc_str_eq(line, IMGC_STR(END_MARK))) {
            is_ours = false;
        }
    }
    if (members.len > 0) {
        imgc_buf_puts(b, BEGIN_MARK "\n");
        imgc_buf_str(b, members);
        imgc_buf_puts(b, END_MARK "\n");
    }
}
