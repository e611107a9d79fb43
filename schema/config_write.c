/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/config.h"

#include <string.h>

/* The writing half of schema/config.h. json_put*() stand in tables, since each may fail. */
struct string_field {
    const char *key, *value;
};

static int put_strings(json_t *obj, const struct string_field *fields, size_t n,
                       struct imgc_err *reterr)
{
    for (size_t i = 0; i < n; i++) {
        int r = json_put_string(obj, fields[i].key, fields[i].value, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static const char *unless_empty(const char *z)
{
    return z[0] ? z : NULL;
}

static int put_execution(json_t *doc, const struct image_config *c, struct imgc_err *reterr)
{
    const struct string_field fields[] = { { "User", c->user },
                                           { "WorkingDir", c->working_dir },
                                           { "StopSignal", c->stop_signal } };
    const struct {
        const char *key;
        char **value;
    } lists[] = { { "Env", c->env }, { "Entrypoint", c->entrypoint }, { "Cmd", c->cmd } };
    const struct {
        const char *key;
        const json_t *value;
    } maps[] = { { "Labels", c->labels },
                 { "ExposedPorts", c->exposed_ports },
                 { "Volumes", c->volumes } };
    json_auto_free json_t *obj = json_object();

    int r = put_strings(obj, fields, sizeof fields / sizeof *fields, reterr);
    for (size_t i = 0; i < sizeof lists / sizeof *lists && r == 0; i++) {
        r = json_put_strings(obj, lists[i].key, lists[i].value, reterr);
    }
    for (size_t i = 0; i < sizeof maps / sizeof *maps && r == 0; i++) {
        if (maps[i].value) {
            r = json_put(obj, maps[i].key, json_deep_copy(maps[i].value), reterr);
        }
    }
    return r < 0 ? r : json_put(doc, "config", imgc_take(obj), reterr);
}

static int put_rootfs(json_t *doc, const struct image_config *c, struct imgc_err *reterr)
{
    json_auto_free json_t *rootfs = json_object(), *list = json_array();
    int r = json_put_string(rootfs, "type", "layers", reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < c->n_diff_ids; i++) {
        char text[DIGEST_TEXT_MAX];
        if (json_array_append_new(list, json_string(digest_text(&c->diff_ids[i], text))) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    r = json_put(rootfs, "diff_ids", imgc_take(list), reterr);
    if (r < 0) {
        return r;
    }
    return json_put(doc, "rootfs", imgc_take(rootfs), reterr);
}

static int put_history(json_t *doc, const struct image_config *c, struct imgc_err *reterr)
{
    json_auto_free json_t *list = json_array();

    for (size_t i = 0; i < c->n_history; i++) {
        const struct config_history *h = &c->history[i];
        const struct string_field fields[] = { { "created", h->created },
                                               { "created_by", h->created_by },
                                               { "author", h->author },
                                               { "comment", h->comment } };
        json_auto_free json_t *obj = json_object();
        int r = put_strings(obj, fields, sizeof fields / sizeof *fields, reterr);
        if (r == 0 && h->empty_layer) {
            r = json_put(obj, "empty_layer", json_true(), reterr);
        }
        if (r < 0) {
            return r;
        }
        if (json_array_append_new(list, imgc_take(obj)) < 0) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    return c->n_history ? json_put(doc, "history", imgc_take(list), reterr) : 0;
}

static int make_document(const struct image_config *c, json_t **ret, struct imgc_err *reterr)
{
    const struct string_field fields[] = { { "created", c->created },
                                           { "author", c->author },
                                           { "architecture", c->platform.arch },
                                           { "os", c->platform.os },
                                           { "variant", unless_empty(c->platform.variant) } };
    json_auto_free json_t *doc = json_object();

    int r = put_strings(doc, fields, sizeof fields / sizeof *fields, reterr);
    if (r < 0) {
        return r;
    }
    r = put_execution(doc, c, reterr);
    if (r < 0) {
        return r;
    }
    r = put_rootfs(doc, c, reterr);
    if (r < 0) {
        return r;
    }
    r = put_history(doc, c, reterr);
    if (r < 0) {
        return r;
    }
    *ret = imgc_take(doc);
    return 0;
}

int config_write(const struct image_config *c, char **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;

    int r = make_document(c, &doc, reterr);
    /* Sorted, so that equal configs have equal bytes in whatever order labels were set. */
    return r < 0 ? r : json_dump(doc, true, ret, reterr);
}

/* Keys that put_execution() writes: of these, what is not there any more was taken away. */
static bool is_ours(const char *key)
{
    static const char *const ours[] = { "User",   "WorkingDir",   "StopSignal",
                                        "Env",    "Entrypoint",   "Cmd",
                                        "Labels", "ExposedPorts", "Volumes" };

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (strcmp(key, ours[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int keep_unknown(json_t *doc, json_t *before, struct imgc_err *reterr)
{
    json_t *from = json_object_get(before, "config"), *to = json_object_get(doc, "config"), *value;
    const char *key;
    int r = 0;

    json_object_foreach(from, key, value)
    {
        if (!is_ours(key) && r == 0) {
            r = json_put(to, key, json_deep_copy(value), reterr);
        }
    }
    return r;
}

int config_write_after(const struct image_config *c, struct imgc_str before, char **ret,
                       struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL, *old = NULL;

    int r = json_parse(before, "config", &old, reterr);
    r = r < 0 ? r : make_document(c, &doc, reterr);
    r = r < 0 ? r : keep_unknown(doc, old, reterr);
    return r < 0 ? r : json_dump(doc, true, ret, reterr);
}
