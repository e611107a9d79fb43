/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/network_names.h"

#include <unistd.h>

#include "runtime/net_names.h"
#include "schema/base/fd.h"

#define ID_NAME 12 /* digits of an id that are a name too */

/* "ADDRESS<TAB>NAME ID ALIAS..." for each of its addresses. */
static void add_member(const struct network_lease *l, const char *hostname, struct imgc_buf *b)
{
    const struct ip_addr *const addresses[2] = { &l->address4, &l->address6 };
    char text[IP_TEXT_MAX];

    for (size_t i = 0; i < 2; i++) {
        struct imgc_str rest = imgc_str_of(l->names), name;
        if (addresses[i]->family == 0) {
            continue;
        }
        imgc_buf_printf(b, "%s\t", ip_text(addresses[i], text));
        if (hostname && hostname[0]) {
            imgc_buf_printf(b, "%s ", hostname);
        }
        imgc_buf_printf(b, "%s %.*s", l->container_name ? l->container_name : "", ID_NAME,
                        l->container_id);
        while (imgc_str_token(&rest, '\n', &name)) {
            if (name.len > 0) {
                imgc_buf_putc(b, ' ');
                imgc_buf_str(b, name);
            }
        }
        imgc_buf_putc(b, '\n');
    }
}

static bool is_own(const struct network_lease *l, const char *id)
{
    return strcmp(l->container_id, id) == 0;
}

/* Whom the container @id finds: of each network that it is on, and that has names, the others. */
static void add_others(const struct network_lease_list *leases, const char *id, struct imgc_buf *b)
{
    for (size_t i = 0; i < leases->n; i++) {
        const struct network_lease *own = &leases->items[i];
        for (size_t j = 0; j < leases->n && own->has_names && is_own(own, id); j++) {
            const struct network_lease *l = &leases->items[j];
            if (!is_own(l, id) && strcmp(l->network_id, own->network_id) == 0) {
                add_member(l, NULL, b);
            }
        }
    }
}

static int add_host(const char *text, const struct ip_addr *gateway, struct imgc_buf *b,
                    struct imgc_err *reterr)
{
    struct imgc_str name, address;
    char gateway_text[IP_TEXT_MAX];

    (void)imgc_str_split(imgc_str_of(text), ':', &name, &address);
    if (imgc_str_eq(address, IMGC_STR("host-gateway"))) {
        if (!gateway || gateway->family == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--add-host '%s': without a network there is no gateway", text);
        }
        address = imgc_str_of(ip_text(gateway, gateway_text));
    } else if (address.len > 2 && address.ptr[0] == '[') {
        address = (struct imgc_str){ address.ptr + 1, address.len - 2 };
    }
    imgc_buf_str(b, address);
    imgc_buf_putc(b, '\t');
    imgc_buf_str(b, name);
    imgc_buf_putc(b, '\n');
    return 0;
}

int network_names_hosts(const struct network_names_args *args, char **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf all = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    imgc_autobuf struct imgc_buf others = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    struct imgc_str text = { .len = 0 };
    int r = 0;

    for (size_t i = 0; args->id && i < args->leases->n; i++) {
        if (is_own(&args->leases->items[i], args->id)) {
            add_member(&args->leases->items[i], args->hostname, &all);
        }
    }
    for (char *const *h = args->want->hosts; r == 0 && h && *h; h++) {
        r = add_host(*h, args->gateway, &all, reterr);
    }
    if (r == 0 && args->id) {
        add_others(args->leases, args->id, &others);
        r = imgc_buf_finish(&others, &text, reterr);
        net_names_replace((struct imgc_str){ .len = 0 }, text, &all);
    }
    imgc_buf_puts(&all, "");
    return r < 0 ? r : imgc_buf_take(&all, ret, reterr);
}

/* In place: it is this file that the container's mount shows. What is shorter than before is
 * first filled with empty lines, so that nobody reads the end of the old text behind the new. */
static void rewrite(int fd, struct imgc_buf *b, size_t old_len)
{
    size_t len = b->len;

    while (b->len < old_len && b->state == IMGC_BUF_OK) {
        imgc_buf_putc(b, '\n');
    }
    if (b->state == IMGC_BUF_OK && pwrite(fd, b->ptr, b->len, 0) == (ssize_t)b->len) {
        (void)!ftruncate(fd, (off_t)len);
    }
}

static void update_file(struct store *s, const struct network_lease_list *leases, const char *id)
{
    imgc_autobuf struct imgc_buf old = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    imgc_autobuf struct imgc_buf new = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    imgc_autobuf struct imgc_buf others = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    imgc_autoclose int dir_fd = -1, fd = -1;
    struct imgc_err ignored;
    struct imgc_str text;

    add_others(leases, id, &others);
    if (imgc_buf_finish(&others, &text, &ignored) < 0 ||
        container_open_dir(s, id, &dir_fd, &ignored) < 0 ||
        fd_open_at(dir_fd, "hosts", O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0, &fd, &ignored) < 0 ||
        fd_read_all(fd, &old, &ignored) < 0) {
        return;
    }
    net_names_replace((struct imgc_str){ old.ptr, old.len }, text, &new);
    if (new.len != old.len || (old.len > 0 && memcmp(new.ptr, old.ptr, old.len) != 0)) {
        rewrite(fd, &new, old.len);
    }
}

void network_names_update(struct store *s, const struct network_lease_list *leases,
                          const char *network_id, const char *except)
{
    for (size_t i = 0; i < leases->n; i++) {
        const struct network_lease *l = &leases->items[i];
        if (l->has_names && strcmp(l->network_id, network_id) == 0 &&
            (!except || !is_own(l, except))) {
            update_file(s, leases, l->container_id);
        }
    }
}

void network_names_refresh(struct store *s, const struct network_lease_list *leases, const char *id)
{
    update_file(s, leases, id);
}

static void read_host(const char *path, struct imgc_buf *b)
{
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;

    if (fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, &ignored) < 0 ||
        fd_read_all(fd, b, &ignored) < 0) {
        imgc_buf_clear(b); /* a host without one */
    }
}

int network_names_resolv(const struct net_want *want, bool has_ipv6, char **ret,
                         struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf host = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(NET_NAMES_FILE_BYTES);

    read_host("/etc/resolv.conf", &host);
    if (net_names_is_stub((struct imgc_str){ host.ptr, host.len })) {
        imgc_buf_clear(&host);
        read_host("/run/systemd/resolve/resolv.conf", &host);
    }
    net_names_resolv(&(struct net_names_resolv){ .host = { host.ptr, host.len },
                                                 .has_ipv6 = has_ipv6,
                                                 .servers = want->servers,
                                                 .search = want->search,
                                                 .options = want->options },
                     &text);
    return imgc_buf_take(&text, ret, reterr);
}
