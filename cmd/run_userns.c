/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_userns.h"

#include <stdio.h>
#include <unistd.h>

#include "store/id_range.h"

#define USUAL_COUNT 65536u /* nobody is 65534 */
#define FEW_COUNT 1024u    /* podman's least, where there are not so many */

/* "1000:100000:1", the last number 1 where it is not there. */
static int parse_line(const char *option, struct imgc_str text, struct isolation_ids **ids,
                      size_t *n, struct imgc_err *reterr)
{
    struct imgc_str inside, rest, outside, count_text;
    uint64_t numbers[3] = { 0, 0, 1 };

    bool is_good = imgc_str_split(text, ':', &inside, &rest);
    bool has_count = imgc_str_split(rest, ':', &outside, &count_text);
    is_good = is_good && imgc_str_u64(inside, &numbers[0]) && imgc_str_u64(outside, &numbers[1]) &&
              (!has_count || imgc_str_u64(count_text, &numbers[2]));
    for (size_t i = 0; i < 3; i++) {
        is_good = is_good && numbers[i] <= UINT32_MAX;
    }
    if (!is_good) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--%s '" IMGC_STR_FMT "': CONTAINER_ID:HOST_ID[:COUNT], such as "
                         "0:100000:65536",
                         option, IMGC_STR_ARG(text));
    }
    const struct isolation_ids line = { (uint32_t)numbers[0], (uint32_t)numbers[1],
                                        (uint32_t)numbers[2] };
    int r = isolation_add_ids(ids, n, line, reterr);
    return r < 0 ? imgc_context(reterr, "--%s", option) : 0;
}

static int parse_list(const char *option, const struct option_list *list,
                      struct isolation_ids **ids, size_t *n, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < list->n && r == 0; i++) {
        struct imgc_str rest = imgc_str_of(list->items[i]), line;
        while (r == 0 && imgc_str_token(&rest, ',', &line)) {
            r = parse_line(option, line, ids, n, reterr);
        }
    }
    return r;
}

static int copy_ids(const struct isolation_ids *from, size_t n_from, struct isolation_ids **ids,
                    size_t *n, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < n_from && r == 0; i++) {
        r = isolation_add_ids(ids, n, from[i], reterr);
    }
    return r;
}

/* --uidmap and --gidmap: one of them is both. */
static int parse_maps(const struct run_userns_options *o, struct isolation_users *u,
                      struct imgc_err *reterr)
{
    uint32_t id;

    int r = parse_list("uidmap", &o->uid_maps, &u->uids, &u->n_uids, reterr);
    r = r < 0 ? r : parse_list("gidmap", &o->gid_maps, &u->gids, &u->n_gids, reterr);
    if (r == 0 && u->n_uids == 0) {
        r = copy_ids(u->gids, u->n_gids, &u->uids, &u->n_uids, reterr);
    } else if (r == 0 && u->n_gids == 0) {
        r = copy_ids(u->uids, u->n_uids, &u->gids, &u->n_gids, reterr);
    }
    if (r == 0 && (!isolation_map_id(u->uids, u->n_uids, 0, &id) ||
                   !isolation_map_id(u->gids, u->n_gids, 0, &id))) {
        r = imgc_fail(reterr, IMGC_E_USAGE, "--uidmap, --gidmap: user and group 0 are not mapped");
    }
    return r;
}

/* The ranges of @name, or of the first of the usual names that has some. */
static int read_ranges(const char *path, const char *name, struct subid *ret,
                       struct imgc_err *reterr)
{
    static const char *const usual[] = { "imgc", "containers" };
    size_t n = name ? 1 : sizeof usual / sizeof *usual;
    int r = 0;

    ret->n = 0;
    for (size_t i = 0; i < n && r == 0 && ret->n == 0; i++) {
        const struct subid_owner owner = { .name = imgc_str_of(name ? name : usual[i]),
                                           .uid = UINT32_MAX };
        r = subid_read(path, &owner, ret, reterr);
    }
    if (r < 0 || ret->n > 0) {
        return r;
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "there is no range for %s in %s: add a line such as "
                     "'%s:1000000000:16777216', or name the IDs with --uidmap",
                     name ? name : "imgc or containers", path, name ? name : usual[0]);
}

static int read_both(const struct run_userns_options *o, struct subid *uids, struct subid *gids,
                     struct imgc_err *reterr)
{
    const char *uid_name = o->subuid_name ? o->subuid_name : o->subgid_name;
    const char *gid_name = o->subgid_name ? o->subgid_name : o->subuid_name;

    int r = read_ranges("/etc/subuid", uid_name, uids, reterr);
    return r < 0 ? r : read_ranges("/etc/subgid", gid_name, gids, reterr);
}

/* The first of the ranges, one behind the other, as many IDs as an image may have. */
static int use_ranges(const struct subid *from, struct isolation_ids **ids, size_t *n,
                      struct imgc_err *reterr)
{
    uint32_t next = 0;
    int r = 0;

    for (size_t i = 0; i < from->n && r == 0 && next < USUAL_COUNT; i++) {
        const struct subid_range *range = &from->ranges[i];
        uint32_t count = range->count < USUAL_COUNT - next ? range->count : USUAL_COUNT - next;
        r = isolation_add_ids(ids, n, (struct isolation_ids){ next, range->start, count }, reterr);
        next += count;
    }
    return r;
}

static int make_private(const struct run_userns_options *o, struct isolation_users *u,
                        struct imgc_err *reterr)
{
    struct subid uids, gids;

    u->mode = ISOLATION_USERS_MAPPED;
    if (o->uid_maps.n > 0 || o->gid_maps.n > 0) {
        return parse_maps(o, u, reterr);
    }
    int r = read_both(o, &uids, &gids, reterr);
    r = r < 0 ? r : use_ranges(&uids, &u->uids, &u->n_uids, reterr);
    return r < 0 ? r : use_ranges(&gids, &u->gids, &u->n_gids, reterr);
}

/* "size=8192,uidmapping=0:100000:1": what is named stays as named. */
static int parse_auto(struct imgc_str text, struct run_userns *ret, struct isolation_users *u,
                      struct imgc_err *reterr)
{
    struct imgc_str word;
    int r = 0;

    u->mode = ISOLATION_USERS_MAPPED;
    ret->is_auto = true;
    while (r == 0 && text.len > 0 && imgc_str_token(&text, ',', &word)) {
        uint64_t n = 0;
        if (imgc_str_skip(&word, IMGC_STR("size="))) {
            if (!imgc_str_u64(word, &n) || n == 0 || n >= UINT32_MAX) {
                return imgc_fail(reterr, IMGC_E_USAGE,
                                 "--userns auto: size '" IMGC_STR_FMT "' is no number of IDs",
                                 IMGC_STR_ARG(word));
            }
            ret->auto_count = (uint32_t)n;
        } else if (imgc_str_skip(&word, IMGC_STR("uidmapping="))) {
            r = parse_line("userns auto:uidmapping", word, &u->uids, &u->n_uids, reterr);
        } else if (imgc_str_skip(&word, IMGC_STR("gidmapping="))) {
            r = parse_line("userns auto:gidmapping", word, &u->gids, &u->n_gids, reterr);
        } else {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--userns auto: '" IMGC_STR_FMT
                             "' is not size=, uidmapping= or gidmapping=",
                             IMGC_STR_ARG(word));
        }
    }
    return r;
}

/* An ID in the container that is the caller's own outside; the others are where they can be. In a
 * user namespace of imgc the caller is 0, and 1 and up are his ranges. */
static int keep(uint32_t id, uint64_t n, struct isolation_ids **ids, size_t *n_ids,
                struct imgc_err *reterr)
{
    uint32_t others = n > UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)(n - 1);
    uint32_t below = id < others ? id : others;
    int r = 0;

    if (below > 0) {
        r = isolation_add_ids(ids, n_ids, (struct isolation_ids){ 0, 1, below }, reterr);
    }
    r = r < 0 ? r : isolation_add_ids(ids, n_ids, (struct isolation_ids){ id, 0, 1 }, reterr);
    if (r == 0 && others > id) {
        r = isolation_add_ids(ids, n_ids, (struct isolation_ids){ id + 1, id + 1, others - id },
                              reterr);
    }
    return r;
}

static int parse_keep_id(struct imgc_str text, const struct app *app, struct run_userns *ret,
                         struct isolation_users *u, struct imgc_err *reterr)
{
    uint64_t uid = app->ids.uid, gid = app->ids.gid;
    struct imgc_str word;

    if (app->ids.kind == USERNS_NONE) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--userns keep-id is for ordinary users");
    }
    while (text.len > 0 && imgc_str_token(&text, ',', &word)) {
        uint64_t *id = imgc_str_skip(&word, IMGC_STR("uid="))   ? &uid
                       : imgc_str_skip(&word, IMGC_STR("gid=")) ? &gid
                                                                : NULL;
        if (!id || !imgc_str_u64(word, id) || *id >= UINT32_MAX) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--userns keep-id: uid=NUMBER,gid=NUMBER");
        }
    }
    (void)snprintf(ret->user, sizeof ret->user, "%u:%u", (unsigned)uid, (unsigned)gid);
    /* With a single ID the command's user is the caller anyway; 0 to 0 is what there is. */
    if (app->ids.kind == USERNS_SINGLE || (uid == 0 && gid == 0)) {
        return 0;
    }
    u->mode = ISOLATION_USERS_MAPPED;
    u->mounts_stay = true;
    int r = keep((uint32_t)uid, app->ids.n_uids, &u->uids, &u->n_uids, reterr);
    return r < 0 ? r : keep((uint32_t)gid, app->ids.n_gids, &u->gids, &u->n_gids, reterr);
}

static int check_root(const char *what, const struct app *app, struct imgc_err *reterr)
{
    return app->ids.kind == USERNS_NONE && geteuid() == 0
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE,
                           "%s needs root: for an ordinary user the kernel maps no owners of "
                           "mounts (host and keep-id work)",
                           what);
}

static int parse_join(struct imgc_str rest, struct isolation_users *u, struct imgc_err *reterr)
{
    if (imgc_str_skip(&rest, IMGC_STR("container:")) && rest.len > 0) {
        u->mode = ISOLATION_USERS_CONTAINER;
        return imgc_str_dup(rest, &u->source, reterr);
    }
    if (imgc_str_skip(&rest, IMGC_STR("ns:")) && rest.len > 0 && rest.ptr[0] == '/') {
        u->mode = ISOLATION_USERS_PATH;
        return imgc_str_dup(rest, &u->source, reterr);
    }
    return imgc_fail(reterr, IMGC_E_USAGE,
                     "--userns '" IMGC_STR_FMT "': host, private, auto[:size=N], keep-id, "
                     "container:NAME or ns:/PATH",
                     IMGC_STR_ARG(rest));
}

static int check_options(const struct run_userns_options *o, bool is_private, bool is_auto,
                         struct imgc_err *reterr)
{
    bool has_maps = o->uid_maps.n > 0 || o->gid_maps.n > 0;
    bool has_names = o->subuid_name || o->subgid_name;

    if ((has_maps && !is_private) || (has_names && !is_private && !is_auto)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--userns %s and --%s do not go together", o->userns,
                         has_maps ? "uidmap" : "subuidname");
    }
    return has_maps && has_names
               ? imgc_fail(reterr, IMGC_E_USAGE, "--uidmap and --subuidname do not go together")
               : 0;
}

/* For root only. */
static int parse_own(const struct run_userns_options *o, struct imgc_str mode,
                     struct run_userns *ret, struct isolation_users *u, struct imgc_err *reterr)
{
    struct imgc_str word, rest;

    if (imgc_str_eq(mode, IMGC_STR("private"))) {
        return make_private(o, u, reterr);
    }
    (void)imgc_str_split(mode, ':', &word, &rest);
    if (imgc_str_eq(word, IMGC_STR("auto"))) {
        int r = parse_auto(rest, ret, u, reterr);
        return r < 0 ? r : read_both(o, &ret->uids, &ret->gids, reterr);
    }
    return parse_join(mode, u, reterr);
}

static int parse_mode(const struct run_userns_options *o, const struct app *app,
                      struct run_userns *ret, struct isolation_users *u, struct imgc_err *reterr)
{
    struct imgc_str mode = imgc_str_of(o->userns ? o->userns : ""), word, rest;
    bool has_any = o->uid_maps.n > 0 || o->gid_maps.n > 0 || o->subuid_name || o->subgid_name;

    if (mode.len == 0) {
        mode = has_any ? IMGC_STR("private") : IMGC_STR("host");
    }
    (void)imgc_str_split(mode, ':', &word, &rest);
    int r = check_options(o, imgc_str_eq(mode, IMGC_STR("private")),
                          imgc_str_eq(word, IMGC_STR("auto")), reterr);
    if (r < 0 || imgc_str_eq(mode, IMGC_STR("host"))) {
        return r;
    }
    if (imgc_str_eq(word, IMGC_STR("keep-id"))) {
        return parse_keep_id(rest, app, ret, u, reterr);
    }
    if (imgc_str_eq(mode, IMGC_STR("nomap"))) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--userns nomap is not there: the files of images would be nobody's");
    }
    r = check_root(o->userns           ? "--userns"
                   : o->uid_maps.n > 0 ? "--uidmap"
                                       : "--subuidname",
                   app, reterr);
    return r < 0 ? r : parse_own(o, mode, ret, u, reterr);
}

int run_userns_parse(const struct run_userns_options *o, const struct app *app,
                     struct run_userns *ret, struct isolation *isolation, struct imgc_err *reterr)
{
    struct isolation_users *u = &isolation->users;

    *ret = (struct run_userns){ .is_auto = false };
    int r = parse_mode(o, app, ret, u, reterr);
    bool joins_pid =
        isolation->pid.mode == ISOLATION_CONTAINER || isolation->pid.mode == ISOLATION_PATH;
    if (r == 0 && u->mode == ISOLATION_USERS_MAPPED && joins_pid) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--pid: those processes are in another user namespace than this container "
                         "would be (join that, too: --userns container:NAME)");
    }
    return r < 0 ? imgc_context(reterr, "user namespace") : 0;
}

/* ---- IDs of one's own ---- */

/* Where the next change between named and not is, at or behind @at. */
static uint32_t next_edge(const struct isolation_ids *ids, size_t n, uint32_t at, uint32_t end)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t edges[] = { ids[i].inside, ids[i].inside + ids[i].count };
        for (size_t j = 0; j < 2; j++) {
            if (edges[j] > at && edges[j] < end) {
                end = edges[j];
            }
        }
    }
    return end;
}

/* What of 0 and up is not named takes the range. */
static int fill(struct id_range range, struct isolation_ids **ids, size_t *n,
                struct imgc_err *reterr)
{
    size_t named = *n;
    int r = 0;

    for (uint32_t at = 0, end; at < range.count && r == 0; at = end) {
        uint32_t ignored;
        end = next_edge(*ids, named, at, range.count);
        if (!isolation_map_id(*ids, named, at, &ignored)) {
            r = isolation_add_ids(ids, n, (struct isolation_ids){ at, range.start + at, end - at },
                                  reterr);
        }
    }
    return r;
}

/* The first ones are left to containers that are all given the same, as long as there are others.
 */
static size_t order_ranges(const struct subid *from, struct id_range *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < from->n; i++) {
        uint32_t skip = i == 0 && from->ranges[i].count >= 2 * USUAL_COUNT ? USUAL_COUNT : 0;
        ret[n++] = (struct id_range){ from->ranges[i].start + skip, from->ranges[i].count - skip };
    }
    for (size_t i = 0; i < from->n; i++) {
        ret[n++] = (struct id_range){ from->ranges[i].start, from->ranges[i].count };
    }
    return n;
}

/* @range  count: how many, 0: as many as is usual. */
static int take(struct store *s, struct id_range_wish wish, const struct subid *from,
                struct id_range *range, struct imgc_err *reterr)
{
    struct id_range ranges[2 * SUBID_RANGES_MAX];

    wish.from = ranges;
    wish.n = order_ranges(from, ranges);
    wish.count = range->count ? range->count : USUAL_COUNT;
    int r = id_range_take(s, &wish, &range->start, reterr);
    if (r == -(int)IMGC_E_LIMIT && range->count == 0) {
        wish.count = FEW_COUNT;
        r = id_range_take(s, &wish, &range->start, reterr);
    }
    range->count = wish.count;
    return r < 0 ? imgc_context(reterr, "--userns auto (see /etc/%s)",
                                wish.kind == ID_RANGE_UID ? "subuid" : "subgid")
                 : 0;
}

static int note(struct store *s, const char *id, enum id_range_kind kind,
                const struct isolation_ids *ids, size_t n, struct imgc_err *reterr)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        r = id_range_note(s, id, kind, (struct id_range){ ids[i].outside, ids[i].count }, reterr);
    }
    return r;
}

int run_userns_complete(struct store *s, const struct run_userns *u, const char *id,
                        struct isolation *isolation, struct imgc_err *reterr)
{
    struct isolation_users *users = &isolation->users;
    struct id_range range = { .count = u->auto_count };

    if (users->mode != ISOLATION_USERS_MAPPED || users->mounts_stay) {
        return 0;
    }
    if (!u->is_auto) {
        int r = note(s, id, ID_RANGE_UID, users->uids, users->n_uids, reterr);
        return r < 0 ? r : note(s, id, ID_RANGE_GID, users->gids, users->n_gids, reterr);
    }
    struct id_range_wish wish = { .container_id = id, .kind = ID_RANGE_UID };
    int r = take(s, wish, &u->uids, &range, reterr);
    r = r < 0 ? r : fill(range, &users->uids, &users->n_uids, reterr);
    wish.kind = ID_RANGE_GID;
    r = r < 0 ? r : take(s, wish, &u->gids, &range, reterr);
    return r < 0 ? r : fill(range, &users->gids, &users->n_gids, reterr);
}

/* ---- inspect ---- */

static json_t *lines(const struct isolation_ids *ids, size_t n)
{
    json_t *list = json_array();
    char text[40];

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "%u:%u:%u", ids[i].inside, ids[i].outside, ids[i].count);
        (void)json_array_append_new(list, json_string(text));
    }
    return list;
}

json_t *run_userns_json(const struct isolation_users *users)
{
    char mode[128] = "";

    switch (users->mode) {
    case ISOLATION_USERS_HOST:
        break;
    case ISOLATION_USERS_MAPPED:
        (void)snprintf(mode, sizeof mode, "private");
        break;
    case ISOLATION_USERS_CONTAINER:
    case ISOLATION_USERS_PATH:
        (void)snprintf(mode, sizeof mode, "%s:%.100s",
                       users->mode == ISOLATION_USERS_PATH ? "ns" : "container",
                       users->source ? users->source : "");
        break;
    }
    return json_pack("{s:s, s:{s:o, s:o}}", "UsernsMode", mode, "IDMappings", "UidMap",
                     lines(users->uids, users->n_uids), "GidMap",
                     lines(users->gids, users->n_gids));
}
