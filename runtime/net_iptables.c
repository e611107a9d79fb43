/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/net_iptables.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/net_tool.h"
#include "schema/base/fd.h"

#define NAMES_BYTES 4096
#define TABLE_BYTES (64u << 20) /* a table that is larger is nobody's */
#define SCRIPT_BYTES (1u << 20)
#define TRIES 3 /* others change their tables, too */

/* What differs between the families. */
struct kind {
    int family, level, get_info, get_entries;
    const char *names;      /* which tables this network namespace has */
    const char *program[2]; /* where it is found */
    size_t entries_at;      /* in the answer */
    size_t head;            /* of an entry */
    size_t in, out, target, next;
};

static const struct kind kinds[] = {
    { .family = AF_INET,
      .level = IPPROTO_IP,
      .get_info = IPT_SO_GET_INFO,
      .get_entries = IPT_SO_GET_ENTRIES,
      .names = "/proc/net/ip_tables_names",
      .program = { "/usr/sbin/iptables-legacy-restore", "/sbin/iptables-legacy-restore" },
      .entries_at = offsetof(struct ipt_get_entries, entrytable),
      .head = sizeof(struct ipt_entry),
      .in = offsetof(struct ipt_entry, ip.iniface),
      .out = offsetof(struct ipt_entry, ip.outiface),
      .target = offsetof(struct ipt_entry, target_offset),
      .next = offsetof(struct ipt_entry, next_offset) },
    { .family = AF_INET6,
      .level = IPPROTO_IPV6,
      .get_info = IP6T_SO_GET_INFO,
      .get_entries = IP6T_SO_GET_ENTRIES,
      .names = "/proc/net/ip6_tables_names",
      .program = { "/usr/sbin/ip6tables-legacy-restore", "/sbin/ip6tables-legacy-restore" },
      .entries_at = offsetof(struct ip6t_get_entries, entrytable),
      .head = sizeof(struct ip6t_entry),
      .in = offsetof(struct ip6t_entry, ipv6.iniface),
      .out = offsetof(struct ip6t_entry, ipv6.outiface),
      .target = offsetof(struct ip6t_entry, target_offset),
      .next = offsetof(struct ip6t_entry, next_offset) },
};

#define KINDS (sizeof kinds / sizeof *kinds)

static const struct kind *kind_of(int family)
{
    return &kinds[family == AF_INET6];
}

/* Asking for a table that is not there would make it. */
static bool has_filter(const struct kind *k)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(NAMES_BYTES);
    imgc_autoclose int fd = -1;
    struct imgc_str rest, line;
    struct imgc_err ignored;

    if (fd_open_at(AT_FDCWD, k->names, O_RDONLY, 0, &fd, &ignored) < 0 ||
        fd_read_all(fd, &text, &ignored) < 0) {
        return false;
    }
    rest = (struct imgc_str){ text.ptr, text.len };
    while (imgc_str_token(&rest, '\n', &line)) {
        if (imgc_str_eq(line, IMGC_STR("filter"))) {
            return true;
        }
    }
    return false;
}

/* Both families have the same struct. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one for both");

/* @ret  the entries, @size bytes; the caller frees *ret_answer, in which they are. */
static int read_table(const struct kind *k, struct ipt_getinfo *info, char **ret_answer,
                      struct imgc_err *reterr)
{
    imgc_autoclose int fd = socket(k->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    socklen_t len = sizeof *info;

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "open a socket for iptables");
    }
    *info = (struct ipt_getinfo){ .name = "filter" };
    if (getsockopt(fd, k->level, k->get_info, info, &len) < 0) {
        return imgc_fail_sys(reterr, errno, "look at iptables");
    }
    if (info->size > TABLE_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "iptables' filter has %u bytes", info->size);
    }
    imgc_autofree char *answer = calloc(1, k->entries_at + info->size);
    if (!answer) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    const struct ipt_get_entries head = { .name = "filter", .size = info->size };
    len = (socklen_t)(k->entries_at + info->size);
    memcpy(answer, &head, offsetof(struct ipt_get_entries, entrytable));
    if (getsockopt(fd, k->level, k->get_entries, answer, &len) < 0) {
        return imgc_fail_sys(reterr, errno, "read iptables' rules");
    }
    *ret_answer = imgc_take(answer);
    return 0;
}

static uint16_t get_u16(const char *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* The policy is the verdict of the chain's last entry. */
static bool is_drop(const struct kind *k, const char *entry, size_t left)
{
    struct xt_standard_target target;
    size_t at = left < k->head ? left : get_u16(entry + k->target);

    if (at > left || left - at < sizeof target) {
        return false;
    }
    memcpy(&target, entry + at, sizeof target);
    return target.target.u.user.name[0] == '\0' && target.verdict == -NF_DROP - 1;
}

static void add_rule(const struct kind *k, const char *entry, struct net_iptables *t)
{
    struct net_iptables_rule *r = &t->rules[t->n++];
    const char *in = entry + k->in;

    r->is_in = in[0] != '\0';
    memcpy(r->interface, r->is_in ? in : entry + k->out, NET_IPTABLES_NAME - 1);
    r->interface[NET_IPTABLES_NAME - 1] = '\0';
}

static void read_forward(const struct kind *k, const struct ipt_getinfo *info, const char *entries,
                         const char *comment, struct net_iptables *t)
{
    size_t at = info->hook_entry[NF_INET_FORWARD], end = info->underflow[NF_INET_FORWARD];

    if (!(info->valid_hooks & (1u << NF_INET_FORWARD)) || end > info->size) {
        return;
    }
    t->is_drop = is_drop(k, entries + end, info->size - end);
    while (at < end && end - at >= k->head && t->n < NET_IPTABLES_RULES) {
        size_t step = get_u16(entries + at + k->next);
        if (step < k->head || step > end - at) {
            return;
        }
        if (memmem(entries + at, step, comment, strlen(comment) + 1)) {
            add_rule(k, entries + at, t);
        }
        at += step;
    }
}

int net_iptables_find(int family, const char *comment, struct net_iptables *ret,
                      struct imgc_err *reterr)
{
    const struct kind *k = kind_of(family);
    imgc_autofree char *answer = NULL;
    struct ipt_getinfo info;
    int r = -1;

    *ret = (struct net_iptables){ .n = 0 };
    if (!has_filter(k)) {
        return 0;
    }
    for (int i = 0; i < TRIES && r < 0; i++) {
        r = read_table(k, &info, &answer, reterr);
        if (r < 0 && reterr->sys != EAGAIN) { /* else it has grown between the two questions */
            return r;
        }
    }
    if (r == 0) {
        read_forward(k, &info, answer + k->entries_at, comment, ret);
    }
    return r;
}

static void add_line(char action, const char *interface, bool is_in, const char *comment,
                     struct imgc_buf *b)
{
    imgc_buf_printf(b, "-%c FORWARD -%c %s -m comment --comment \"%s\" -j ACCEPT\n", action,
                    is_in ? 'i' : 'o', interface, comment);
}

/* Whether the rules are those of @bridges, in the order that they are written in. */
static bool is_done(const struct net_iptables *t, const char *const *bridges, size_t n_bridges)
{
    if (t->n != 2 * n_bridges) {
        return false;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (t->rules[i].is_in != (i % 2 == 0) ||
            strcmp(t->rules[i].interface, bridges[i / 2]) != 0) {
            return false;
        }
    }
    return true;
}

void net_iptables_script(const struct net_iptables *t, const char *comment,
                         const char *const *bridges, size_t n_bridges, struct imgc_buf *b)
{
    size_t n = t->is_drop ? n_bridges : 0;

    if (is_done(t, bridges, n)) {
        return;
    }
    imgc_buf_puts(b, "*filter\n");
    for (size_t i = 0; i < t->n; i++) {
        add_line('D', t->rules[i].interface, t->rules[i].is_in, comment, b);
    }
    for (size_t i = 0; i < 2 * n; i++) {
        add_line('A', bridges[i / 2], i % 2 == 0, comment, b);
    }
    imgc_buf_puts(b, "COMMIT\n");
}

static int restore(const struct kind *k, struct imgc_str script, struct imgc_err *reterr)
{
    net_tool_auto struct net_tool run = NET_TOOL_INIT;
    const char *program = access(k->program[0], X_OK) == 0 ? k->program[0] : k->program[1];
    const char *const argv[] = { program, "-w", "5", "--noflush", NULL };

    if (access(program, X_OK) < 0) {
        return imgc_fail(reterr, IMGC_E_HOST,
                         "this host's iptables drops what it forwards, and %s is not installed",
                         k->program[0]);
    }
    int r = net_tool_start(argv, script, &run, reterr);
    r = r < 0 ? r : net_tool_wait(&run, reterr);
    return r < 0 ? imgc_context(reterr, "iptables refuses the rules of imgc's networks") : r;
}

static int apply(const struct kind *k, const char *comment, const char *const *bridges,
                 size_t n_bridges, struct imgc_err *reterr)
{
    int r = 0;

    for (int i = 0; i < TRIES; i++) {
        imgc_autobuf struct imgc_buf script = IMGC_BUF_INIT(SCRIPT_BYTES);
        struct net_iptables t;
        struct imgc_str text;
        r = net_iptables_find(k->family, comment, &t, reterr);
        if (r < 0) {
            return r;
        }
        net_iptables_script(&t, comment, bridges, n_bridges, &script);
        if (script.len == 0) {
            return 0;
        }
        r = imgc_buf_finish(&script, &text, reterr);
        r = r < 0 ? r : restore(k, text, reterr);
        if (r != -(int)IMGC_E_HOST) {
            return r;
        }
    }
    return r;
}

int net_iptables_apply(const char *comment, const char *const *bridges, size_t n_bridges,
                       struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < KINDS; i++) {
        r = apply(&kinds[i], comment, bridges, n_bridges, reterr);
    }
    return r;
}
