/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commit_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/net_port.h"

#define PORT_KEY_MAX sizeof "65535/sctp"

/* ---- lists of words ---- */

static size_t count(char *const *words)
{
    size_t n = 0;

    while (words && words[n]) {
        n++;
    }
    return n;
}

/* *@list becomes a copy of @n words; none at all where there are none. */
static int set_words(char ***list, char *const *words, size_t n, struct imgc_err *reterr)
{
    char **copy = n ? (char **)calloc(n + 1, sizeof *copy) : NULL;

    if (n && !copy) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        int r = imgc_str_dup(imgc_str_of(words[i]), &copy[i], reterr);
        if (r < 0) {
            (void)json_strings_free(copy);
            return r;
        }
    }
    (void)json_strings_free(*list);
    *list = copy;
    return 0;
}

/* ---- the environment ---- */

static bool is_variable(const char *pair, struct imgc_str name)
{
    struct imgc_str s = imgc_str_of(pair);

    return imgc_str_skip(&s, name) && imgc_str_starts(s, IMGC_STR("="));
}

static bool has_variable(char *const *env, struct imgc_str name)
{
    for (; env && *env; env++) {
        if (is_variable(*env, name)) {
            return true;
        }
    }
    return false;
}

/* Whether @pair is what any container of this kind has, and its image says nothing of it. */
static bool is_of_imgc(const struct spec *spec, const struct image_config *c, const char *pair)
{
    const struct {
        struct imgc_str name;
        const char *value; /* NULL: any */
    } own[] = { { IMGC_STR("PATH"), SPEC_DEFAULT_PATH },
                { IMGC_STR("HOSTNAME"), spec->hostname },
                { IMGC_STR("TERM"), spec->terminal ? "xterm" : "" },
                { IMGC_STR("container"), "imgc" },
                { IMGC_STR("container_uuid"), NULL } };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (is_variable(pair, own[i].name)) {
            return !has_variable(c->env, own[i].name) &&
                   (!own[i].value || strcmp(pair + own[i].name.len + 1, own[i].value) == 0);
        }
    }
    return false;
}

static int apply_env(const struct spec *spec, struct image_config *c, struct imgc_err *reterr)
{
    imgc_autofree char **kept = (char **)calloc(count(spec->env) + 1, sizeof *kept);
    size_t n = 0;

    if (!kept) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (char **e = spec->env; e && *e; e++) {
        if (!is_of_imgc(spec, c, *e)) {
            kept[n++] = *e; /* borrowed */
        }
    }
    return set_words(&c->env, kept, n, reterr);
}

/* ---- objects ---- */

static int set_member(json_t **object, const char *key, json_t *take, struct imgc_err *reterr)
{
    if (!*object) {
        *object = json_object();
    }
    return json_object_set_new(*object, key, take) == 0
               ? 0
               : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

static int apply_labels(const char *labels, struct image_config *c, struct imgc_err *reterr)
{
    json_auto_free json_t *added = NULL;
    const char *key = NULL;
    json_t *value = NULL;

    int r = labels ? json_parse(imgc_str_of(labels), "labels", &added, reterr) : 0;
    if (r < 0 || json_object_size(added) == 0) {
        return r;
    }
    json_object_foreach(added, key, value)
    {
        r = r < 0 ? r : set_member(&c->labels, key, json_incref(value), reterr);
    }
    return r;
}

static int apply_ports(const struct net_want *want, struct image_config *c, struct imgc_err *reterr)
{
    net_port_list_auto struct net_port_list list = { .n = 0 };
    int r = 0;

    for (char *const *p = want->expose; r == 0 && p && *p; p++) {
        r = net_port_expose(imgc_str_of(*p), &list, reterr);
    }
    for (char *const *p = want->ports; r == 0 && p && *p; p++) {
        r = net_port_parse(imgc_str_of(*p), &list, reterr);
    }
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        char key[PORT_KEY_MAX];
        (void)snprintf(key, sizeof key, "%u/%s", (unsigned)list.items[i].port,
                       net_port_protocol(&list.items[i]));
        r = set_member(&c->exposed_ports, key, json_object(), reterr);
    }
    return r;
}

/* ---- */

static int apply_command(const struct spec *spec, struct image_config *c, struct imgc_err *reterr)
{
    size_t n = count(spec->argv);
    size_t n_entrypoint = spec->n_entrypoint < n ? spec->n_entrypoint : n;

    int r = set_words(&c->entrypoint, spec->argv, n_entrypoint, reterr);
    return r < 0 ? r : set_words(&c->cmd, spec->argv + n_entrypoint, n - n_entrypoint, reterr);
}

static int set_text(char **at, const char *text, struct imgc_err *reterr)
{
    char *copy = NULL;
    int r = imgc_str_dup(imgc_str_of(text), &copy, reterr);

    if (r == 0) {
        free(*at);
        *at = copy;
    }
    return r;
}

int commit_config_apply(const struct spec *spec, const char *labels, struct image_config *c,
                        struct imgc_err *reterr)
{
    int r = apply_command(spec, c, reterr);

    r = r < 0 ? r : apply_env(spec, c, reterr);
    if (r == 0 && (c->working_dir || strcmp(spec->cwd, "/") != 0)) {
        r = set_text(&c->working_dir, spec->cwd, reterr);
    }
    if (r == 0 && (c->user || spec->user[0])) {
        r = set_text(&c->user, spec->user, reterr);
    }
    r = r < 0 ? r : apply_ports(&spec->net_want, c, reterr);
    return r < 0 ? r : apply_labels(labels, c, reterr);
}
