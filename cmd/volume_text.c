/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/volume_text.h"

#include <stdio.h>

#include "cmd/filter.h"
#include "schema/base/clock.h"
#include "schema/json.h"

const char *const volume_text_maps[] = { "Labels", "Options", NULL };

enum key { KEY_NAME, KEY_LABEL, KEY_LABEL_NOT, KEY_DANGLING, KEY_DRIVER, KEY_UNTIL, KEYS };

static const char *const keys[] = {
    [KEY_NAME] = "name",         [KEY_LABEL] = "label",   [KEY_LABEL_NOT] = "label!",
    [KEY_DANGLING] = "dangling", [KEY_DRIVER] = "driver", [KEY_UNTIL] = "until",
};

static enum key split(const char *text, struct imgc_str *ret_value)
{
    struct imgc_str name;

    if (imgc_str_split(imgc_str_of(text), '=', &name, ret_value) && ret_value->len > 0) {
        for (unsigned i = 0; i < KEYS; i++) {
            if (imgc_str_eq(name, imgc_str_of(keys[i]))) {
                return (enum key)i;
            }
        }
    }
    return KEYS;
}

static bool parse_flag(struct imgc_str s, bool *ret)
{
    *ret = imgc_str_eq(s, IMGC_STR("true")) || imgc_str_eq(s, IMGC_STR("1"));
    return *ret || imgc_str_eq(s, IMGC_STR("false")) || imgc_str_eq(s, IMGC_STR("0"));
}

int volume_text_check(const struct option_list *filters, struct imgc_err *reterr)
{
    for (size_t i = 0; i < filters->n; i++) {
        struct imgc_str value;
        enum key key = split(filters->items[i], &value);
        bool flag;
        int64_t time_ns;
        if (key == KEYS) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "--filter takes name=, label=, label!=, dangling=, driver=, until=, "
                             "not '%s'",
                             filters->items[i]);
        }
        if ((key == KEY_DANGLING && !parse_flag(value, &flag)) ||
            (key == KEY_UNTIL && !filter_parse_time(value, clock_now_ns(), &time_ns))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--filter '%s': not %s", filters->items[i],
                             key == KEY_UNTIL ? "a time (24h, 7d, 2024-01-02)" : "true or false");
        }
    }
    return 0;
}

static bool contains(const char *name, struct imgc_str part)
{
    return memmem(name, strlen(name), part.ptr, part.len) != NULL;
}

static bool matches(enum key key, struct imgc_str value, const struct volume *v,
                    const json_t *labels)
{
    bool flag = false;
    int64_t time_ns = 0;

    switch (key) {
    case KEY_NAME:
        return contains(v->name, value);
    case KEY_LABEL:
        return filter_label(labels, value);
    case KEY_LABEL_NOT:
        return !filter_label(labels, value);
    case KEY_DANGLING:
        return parse_flag(value, &flag) && (v->uses == 0) == flag;
    case KEY_DRIVER:
        return imgc_str_eq(value, IMGC_STR("local"));
    case KEY_UNTIL:
        return filter_parse_time(value, clock_now_ns(), &time_ns) && v->created_ns < time_ns;
    case KEYS:
        break;
    }
    return false;
}

static json_t *labels_of(const struct volume *v)
{
    json_t *labels = NULL;
    struct imgc_err ignored;

    return json_parse(imgc_str_of(v->labels_json), "labels", &labels, &ignored) < 0 ? json_object()
                                                                                    : labels;
}

bool volume_text_match(const struct option_list *filters, const struct volume *v)
{
    json_auto_free json_t *labels = filters->n > 0 ? labels_of(v) : NULL;
    unsigned used = 0, held = 0;

    for (size_t i = 0; i < filters->n; i++) {
        struct imgc_str value;
        enum key key = split(filters->items[i], &value);
        used |= 1u << key;
        if (matches(key, value, v, labels)) {
            held |= 1u << key;
        } else if (key == KEY_LABEL || key == KEY_LABEL_NOT) {
            return false;
        }
    }
    return held == used;
}

int volume_text_document(struct app *app, const struct volume *v, json_t **ret,
                         struct imgc_err *reterr)
{
    char path[PATHS_MAX], created[CLOCK_TEXT_MAX];
    imgc_autofree char *mountpoint = NULL;

    if (asprintf(&mountpoint, "%s/%s", store_root_path(app->store), volume_path(v->name, path)) <
        0) {
        mountpoint = NULL;
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:{}, s:b, s:I}", "Name", v->name, "Driver",
                     "local", "Mountpoint", mountpoint, "CreatedAt",
                     clock_rfc3339(v->created_ns, true, created), "Labels", labels_of(v), "Scope",
                     "local", "Options", "Anonymous", v->is_anonymous, "Containers",
                     (json_int_t)v->uses);
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_USAGE, "the path of the store is not UTF-8");
}
