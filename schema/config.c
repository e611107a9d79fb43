/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/config.h"

#include <stdlib.h>

#include "schema/base/clock.h"
#include "schema/limits.h"

static void history_done(struct config_history *h)
{
    free(h->created);
    free(h->created_by);
    free(h->author);
    free(h->comment);
}

void config_done(struct image_config *c)
{
    char *const owned[] = { c->created, c->author, c->user, c->working_dir, c->stop_signal };

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        free(owned[i]);
    }
    json_strings_free(c->env);
    json_strings_free(c->entrypoint);
    json_strings_free(c->cmd);
    json_decref(c->labels);
    json_decref(c->exposed_ports);
    json_decref(c->volumes);
    free(c->diff_ids);
    for (size_t i = 0; i < c->n_history; i++) {
        history_done(&c->history[i]);
    }
    free(c->history);
    *c = (struct image_config)CONFIG_INIT;
}

/* A new copy of a string member, NULL where it is absent. */
static int copy_string(const json_t *obj, const char *key, char **ret, struct imgc_err *reterr)
{
    const char *z;
    int r = json_get_string(obj, key, &z, reterr);
    if (r < 0 || !z) {
        return r;
    }
    return imgc_str_dup(imgc_str_of(z), ret, reterr);
}

static int copy_object(const json_t *obj, const char *key, json_t **ret, struct imgc_err *reterr)
{
    const json_t *v;
    int r = json_get_object(obj, key, &v, reterr);
    if (r < 0 || !v) {
        return r;
    }
    *ret = json_deep_copy(v);
    return *ret ? 0 : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

struct string_field {
    const char *key;
    char **to;
};

static int copy_strings(const json_t *obj, const struct string_field *fields, size_t n,
                        struct imgc_err *reterr)
{
    for (size_t i = 0; i < n; i++) {
        int r = copy_string(obj, fields[i].key, fields[i].to, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int check_labels(json_t *labels, struct imgc_err *reterr)
{
    const char *key;
    json_t *value;

    json_object_foreach(labels, key, value)
    {
        if (!json_is_string(value)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "label '%.64s' is not a string", key);
        }
    }
    return 0;
}

static int read_lists(const json_t *obj, struct image_config *c, struct imgc_err *reterr)
{
    const struct {
        const char *key;
        char ***to;
    } lists[] = { { "Env", &c->env }, { "Entrypoint", &c->entrypoint }, { "Cmd", &c->cmd } };
    const struct {
        const char *key;
        json_t **to;
    } maps[] = { { "Labels", &c->labels },
                 { "ExposedPorts", &c->exposed_ports },
                 { "Volumes", &c->volumes } };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        int r = json_get_strings(obj, lists[i].key, lists[i].to, NULL, reterr);
        if (r < 0) {
            return r;
        }
    }
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        int r = copy_object(obj, maps[i].key, maps[i].to, reterr);
        if (r < 0) {
            return r;
        }
    }
    return check_labels(c->labels, reterr);
}

static int read_execution(const json_t *doc, struct image_config *c, struct imgc_err *reterr)
{
    const struct string_field fields[] = { { "User", &c->user },
                                           { "WorkingDir", &c->working_dir },
                                           { "StopSignal", &c->stop_signal } };
    const json_t *obj;
    int r = json_get_object(doc, "config", &obj, reterr);
    if (r < 0 || !obj) {
        return r;
    }
    r = copy_strings(obj, fields, sizeof fields / sizeof *fields, reterr);
    if (r < 0) {
        return r;
    }
    return read_lists(obj, c, reterr);
}

static int read_platform(const json_t *doc, struct image_config *c, struct imgc_err *reterr)
{
    const char *os, *arch, *variant;
    int r = json_get_string(doc, "os", &os, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(doc, "architecture", &arch, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(doc, "variant", &variant, reterr);
    if (r < 0) {
        return r;
    }
    platform_set(&c->platform, os, arch, variant);
    return 0;
}

static int read_diff_ids(const json_t *list, struct image_config *c, struct imgc_err *reterr)
{
    size_t n = json_array_size(list);

    if (n > LIMIT_LAYERS) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "%zu diff_ids; at most %d are allowed", n,
                         LIMIT_LAYERS);
    }
    if (n == 0) {
        return 0;
    }
    c->diff_ids = calloc(n, sizeof *c->diff_ids);
    if (!c->diff_ids) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->n_diff_ids = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_string(v)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "a diff_id is not a string");
        }
        int r = digest_parse(imgc_str_of(json_string_value(v)), &c->diff_ids[i], reterr);
        if (r < 0) {
            return imgc_context(reterr, "diff_id %zu of %zu", i + 1, n);
        }
    }
    return 0;
}

static int read_rootfs(const json_t *doc, struct image_config *c, struct imgc_err *reterr)
{
    const json_t *rootfs, *list;
    const char *type;
    int r = json_get_object(doc, "rootfs", &rootfs, reterr);
    if (r < 0) {
        return r;
    }
    r = json_get_string(rootfs, "type", &type, reterr);
    if (r < 0) {
        return r;
    }
    if (!type || strcmp(type, "layers") != 0) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "rootfs.type is '%.64s', not 'layers'",
                         type ? type : "");
    }
    r = json_get_array(rootfs, "diff_ids", &list, reterr);
    if (r < 0) {
        return r;
    }
    return read_diff_ids(list, c, reterr);
}

static int read_history(const json_t *doc, struct image_config *c, struct imgc_err *reterr)
{
    const json_t *list;
    int r = json_get_array(doc, "history", &list, reterr);
    if (r < 0 || json_array_size(list) == 0) {
        return r;
    }
    c->history = calloc(json_array_size(list), sizeof *c->history);
    if (!c->history) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->n_history = json_array_size(list);
    for (size_t i = 0; i < c->n_history; i++) {
        struct config_history *h = &c->history[i];
        const struct string_field fields[] = { { "created", &h->created },
                                               { "created_by", &h->created_by },
                                               { "author", &h->author },
                                               { "comment", &h->comment } };
        const json_t *obj = json_array_get(list, i);
        if (!json_is_object(obj)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "an entry of 'history' is not an object");
        }
        r = copy_strings(obj, fields, sizeof fields / sizeof *fields, reterr);
        if (r < 0) {
            return r;
        }
        r = json_get_bool(obj, "empty_layer", &h->empty_layer, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int read_config(const json_t *doc, struct image_config *c, struct imgc_err *reterr)
{
    const struct string_field fields[] = { { "created", &c->created }, { "author", &c->author } };
    int64_t ns;
    int r = copy_strings(doc, fields, sizeof fields / sizeof *fields, reterr);
    if (r < 0) {
        return r;
    }
    if (c->created && clock_parse_rfc3339(imgc_str_of(c->created), &ns)) {
        c->created_s = ns / 1000000000;
    }
    r = read_platform(doc, c, reterr);
    if (r < 0) {
        return r;
    }
    r = read_execution(doc, c, reterr);
    if (r < 0) {
        return r;
    }
    r = read_rootfs(doc, c, reterr);
    if (r < 0) {
        return r;
    }
    return read_history(doc, c, reterr);
}

int config_parse(struct imgc_str text, struct image_config *ret, struct imgc_err *reterr)
{
    config_auto struct image_config c = CONFIG_INIT;
    json_auto_free json_t *doc = NULL;

    if (text.len > LIMIT_CONFIG_BYTES) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "a config of %zu bytes; at most %u are read",
                         text.len, LIMIT_CONFIG_BYTES);
    }
    int r = json_parse(text, "config", &doc, reterr);
    if (r < 0) {
        return r;
    }
    if (!json_is_object(doc)) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "config: not a JSON object");
    }
    r = read_config(doc, &c, reterr);
    if (r < 0) {
        return imgc_context(reterr, "config");
    }
    *ret = c;
    c = (struct image_config)CONFIG_INIT;
    return 0;
}
