/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/container_filter.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/describe.h"
#include "cmd/filter.h"
#include "cmd/kept_spec.h"
#include "cmd/lookup.h"
#include "cmd/network_users.h"
#include "schema/base/clock.h"
#include "schema/json.h"

static const struct {
    const char *name;
    enum container_filter_key key;
} keys[] = {
    { "name", CONTAINER_FILTER_NAME },        { "id", CONTAINER_FILTER_ID },
    { "status", CONTAINER_FILTER_STATUS },    { "label", CONTAINER_FILTER_LABEL },
    { "label!", CONTAINER_FILTER_LABEL_NOT }, { "ancestor", CONTAINER_FILTER_ANCESTOR },
    { "exited", CONTAINER_FILTER_EXITED },    { "before", CONTAINER_FILTER_BEFORE },
    { "since", CONTAINER_FILTER_SINCE },      { "until", CONTAINER_FILTER_UNTIL },
    { "volume", CONTAINER_FILTER_VOLUME },    { "network", CONTAINER_FILTER_NETWORK },
};

#define N_KEYS (sizeof keys / sizeof *keys)

void container_filter_done(struct container_filter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].key == CONTAINER_FILTER_NAME) {
            regfree(&f->items[i].regex);
        }
        network_done(&f->items[i].network);
    }
    free(f->items);
    *f = (struct container_filter){ .items = NULL };
}

static int bad_key(const char *text, unsigned allowed, struct imgc_err *reterr)
{
    char names[128] = ""; /* all of them are under 100 bytes */
    size_t len = 0;

    for (size_t i = 0; i < N_KEYS && len < sizeof names; i++) {
        if (allowed & keys[i].key) {
            len += (size_t)snprintf(names + len, sizeof names - len, " %s=", keys[i].name);
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--filter '%s': there are%s", text, names);
}

static int parse_status(const struct container_filter_item *item, struct imgc_err *reterr)
{
    static const char *const states[] = { "created", "running", "paused", "exited" };

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (imgc_str_eq(item->value, imgc_str_of(states[i]))) {
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_USAGE,
                     "--filter status is created, running, paused or exited, not '%s'",
                     item->value.ptr);
}

static int parse_time_of(struct app *app, struct container_filter_item *item,
                         struct imgc_err *reterr)
{
    container_auto struct container c = { .name = NULL };

    int r = lookup_container(app->store, item->value.ptr, &c, reterr);
    item->number = c.created_ns;
    return r;
}

static int parse_ancestor(struct app *app, struct container_filter_item *item,
                          struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };

    int r = image_find(app->store, item->value, &image, reterr);
    if (r == 0) {
        item->image = image.id;
    }
    return r < 0 && r != -(int)IMGC_E_REFERENCE ? r
                                                : 0; /* a name that is gone may still be shown */
}

static int parse_value(struct app *app, struct container_filter_item *item, struct imgc_err *reterr)
{
    uint64_t code;

    switch (item->key) {
    case CONTAINER_FILTER_STATUS:
        return parse_status(item, reterr);
    case CONTAINER_FILTER_EXITED:
        if (!imgc_str_u64(item->value, &code) || code > 255) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--filter exited is an exit code, not '%s'",
                             item->value.ptr);
        }
        item->number = (int64_t)code;
        return 0;
    case CONTAINER_FILTER_BEFORE:
    case CONTAINER_FILTER_SINCE:
        return parse_time_of(app, item, reterr);
    case CONTAINER_FILTER_UNTIL:
        return filter_parse_time(item->value, clock_now_ns(), &item->number)
                   ? 0
                   : imgc_fail(reterr, IMGC_E_USAGE, "--filter until is a time, not '%s'",
                               item->value.ptr);
    case CONTAINER_FILTER_ANCESTOR:
        return parse_ancestor(app, item, reterr);
    case CONTAINER_FILTER_NETWORK: {
        int r = network_find(app->store, item->value, &item->network, reterr);
        return r == NETWORK_MISSING ? 0 : r;
    }
    default:
        return 0;
    }
}

static int parse_item(struct app *app, const char *text, unsigned allowed,
                      struct container_filter *f, struct imgc_err *reterr)
{
    struct container_filter_item item = { .number = 0 };
    struct imgc_str name;

    (void)imgc_str_split(imgc_str_of(text), '=', &name, &item.value);
    for (size_t i = 0; i < N_KEYS; i++) {
        if (imgc_str_eq(name, imgc_str_of(keys[i].name))) {
            item.key = keys[i].key;
        }
    }
    if (!(item.key & allowed) || item.value.len == 0) {
        return bad_key(text, allowed, reterr);
    }
    int r = parse_value(app, &item, reterr);
    if (r == 0 && item.key == CONTAINER_FILTER_NAME &&
        regcomp(&item.regex, item.value.ptr, REG_EXTENDED | REG_NOSUB) != 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--filter name='%s' is no regular expression",
                         item.value.ptr);
    }
    if (r == 0) {
        f->keys |= item.key;
        f->items[f->n++] = item;
    }
    return r;
}

int container_filter_parse(struct app *app, const struct option_list *list, unsigned allowed,
                           struct container_filter *ret, struct imgc_err *reterr)
{
    container_filter_auto struct container_filter f = { .items = NULL };

    f.items = calloc(list->n + 1, sizeof *f.items);
    if (!f.items) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < list->n; i++) {
        int r = parse_item(app, list->items[i], allowed, &f, reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = f;
    memset(&f, 0, sizeof f); /* taken */
    return 0;
}

/* "name", or "name=value". */
static bool has_label(const json_t *labels, struct imgc_str want)
{
    struct imgc_str name, value;
    bool with_value = imgc_str_split(want, '=', &name, &value);
    const char *have = json_string_value(json_object_getn(labels, name.ptr, name.len));

    return have && (!with_value || imgc_str_eq(imgc_str_of(have), value));
}

static bool has_mount(const struct spec *spec, const char *want)
{
    for (size_t i = 0; i < spec->n_mounts; i++) {
        const struct spec_mount *m = &spec->mounts[i];
        if ((m->target && strcmp(m->target, want) == 0) ||
            (m->source && strcmp(m->source, want) == 0)) {
            return true;
        }
    }
    return false;
}

/* What one look at a container needs, read once and only if it is asked for. */
struct facts {
    const struct container *c;
    json_t *labels, *options;
    struct spec spec;
};

static void facts_done(struct facts *f)
{
    json_decref(f->labels);
    json_decref(f->options);
    spec_done(&f->spec);
}

static int load_facts(struct app *app, unsigned used, struct facts *f, struct imgc_err *reterr)
{
    const unsigned labels = CONTAINER_FILTER_LABEL | CONTAINER_FILTER_LABEL_NOT;
    int r = 0;

    if (used & labels) {
        r = json_parse(imgc_str_of(f->c->labels), "labels", &f->labels, reterr);
    }
    if (r == 0 && (used & CONTAINER_FILTER_NETWORK)) {
        r = json_parse(imgc_str_of(f->c->spec_json), "container", &f->options, reterr);
    }
    if (r == 0 && (used & (CONTAINER_FILTER_VOLUME | CONTAINER_FILTER_NETWORK))) {
        r = kept_spec_load(app->store, f->c->id, &f->spec, reterr);
        r = r == -(int)IMGC_E_NOTFOUND ? 0 : r; /* not made completely: it has none */
    }
    return r;
}

static bool is_ancestor(const struct container_filter_item *item, const struct container *c)
{
    if (digest_is_set(&item->image) && digest_eq(&item->image, &c->image_id)) {
        return true;
    }
    return imgc_str_eq(item->value, imgc_str_of(c->image_name)) ||
           imgc_str_eq(item->value, imgc_str_of(describe_familiar(c->image_name)));
}

static bool item_matches(const struct container_filter_item *item, const struct facts *f)
{
    const struct container *c = f->c;

    switch (item->key) {
    case CONTAINER_FILTER_NAME:
        return regexec(&item->regex, c->name, 0, NULL, 0) == 0;
    case CONTAINER_FILTER_ID:
        return imgc_str_starts(imgc_str_of(c->id), item->value);
    case CONTAINER_FILTER_STATUS:
        return imgc_str_eq(item->value, imgc_str_of(describe_status(c)));
    case CONTAINER_FILTER_LABEL:
        return has_label(f->labels, item->value);
    case CONTAINER_FILTER_LABEL_NOT:
        return !has_label(f->labels, item->value);
    case CONTAINER_FILTER_ANCESTOR:
        return is_ancestor(item, c);
    case CONTAINER_FILTER_EXITED:
        return c->status == CONTAINER_EXITED && c->exit_code == item->number;
    case CONTAINER_FILTER_BEFORE:
    case CONTAINER_FILTER_UNTIL:
        return c->created_ns < item->number;
    case CONTAINER_FILTER_SINCE:
        return c->created_ns > item->number;
    case CONTAINER_FILTER_VOLUME:
        return has_mount(&f->spec, item->value.ptr);
    case CONTAINER_FILTER_NETWORK: {
        const char *mode = json_string_value(json_object_get(f->options, "NetworkMode"));
        return imgc_str_eq(item->value, imgc_str_of(mode ? mode : "")) ||
               (item->network.name && network_users_wants(&f->spec, &item->network));
    }
    }
    return false;
}

int container_filter_match(struct app *app, const struct container_filter *f,
                           const struct container *c, bool *ret, struct imgc_err *reterr)
{
    const unsigned all_of = CONTAINER_FILTER_LABEL | CONTAINER_FILTER_LABEL_NOT;
    imgc_auto(facts_done) struct facts facts = { .c = c, .spec = SPEC_INIT };
    unsigned held = 0, failed = 0;

    int r = load_facts(app, f->keys, &facts, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < f->n; i++) {
        *(item_matches(&f->items[i], &facts) ? &held : &failed) |= f->items[i].key;
    }
    *ret = (held | (failed & all_of)) == f->keys && !(failed & all_of);
    return 0;
}
