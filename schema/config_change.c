/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "schema/base/buf.h"
#include "schema/base/path.h"
#include "schema/limits.h"
#include "schema/words.h"

#define PORT_MAX 65535

/* The instruction's arguments, and the config that they change. */
typedef int change_fn(struct image_config *c, struct imgc_str args, struct imgc_err *reterr);

static void strings_freep(char ***strings)
{
    *strings = json_strings_free(*strings);
}

/* Append @take_z to a NULL-terminated list, which may be NULL. */
static int append(char ***list, char *take_z, struct imgc_err *reterr)
{
    size_t n = 0;

    while (*list && (*list)[n]) {
        n++;
    }
    char **more = realloc(*list, (n + 2) * sizeof *more);
    if (!more) {
        free(take_z);
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    more[n] = take_z;
    more[n + 1] = NULL;
    *list = more;
    return 0;
}

static int append_copy(char ***list, struct imgc_str s, struct imgc_err *reterr)
{
    char *z = NULL;
    int r = imgc_str_dup(s, &z, reterr);
    return r < 0 ? r : append(list, z, reterr);
}

/* ["a", "b"]: *ret is NULL where @args is no JSON array, which is then the other form. */
static int parse_exec_form(struct imgc_str args, char ***ret, struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **list = NULL;
    json_auto_free json_t *array = NULL;

    *ret = NULL;
    if (!imgc_str_starts(args, IMGC_STR("["))) {
        return 0;
    }
    int r = json_parse(args, "arguments", &array, reterr);
    if (r < 0) {
        return r == -(int)IMGC_E_NOMEM ? r : 0;
    }
    list = calloc(1, sizeof *list);
    if (!list) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *z = json_string_value(json_array_get(array, i));
        if (!z) {
            return imgc_fail(reterr, IMGC_E_USAGE, "the array may hold strings only");
        }
        r = append_copy(&list, imgc_str_of(z), reterr);
        if (r < 0) {
            return r;
        }
    }
    *ret = imgc_take(list);
    return 0;
}

static int shell_form(struct imgc_str args, char ***list, struct imgc_err *reterr)
{
    const struct imgc_str words[] = { IMGC_STR("/bin/sh"), IMGC_STR("-c"), args };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        int r = append_copy(list, words[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int parse_command(struct imgc_str args, char ***to, struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **list = NULL;
    int r = parse_exec_form(args, &list, reterr);
    if (r == 0 && !list) {
        r = shell_form(args, &list, reterr);
    }
    if (r < 0) {
        return r;
    }
    json_strings_free(*to);
    *to = imgc_take(list);
    return 0;
}

static int change_cmd(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return parse_command(args, &c->cmd, reterr);
}

static int change_entrypoint(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return parse_command(args, &c->entrypoint, reterr);
}

/* One "KEY=VALUE" of ENV or LABEL. */
typedef int pair_fn(struct image_config *c, const char *key, const char *value,
                    struct imgc_err *reterr);

static int set_env(struct image_config *c, const char *key, const char *value,
                   struct imgc_err *reterr)
{
    char *entry = NULL;
    size_t len = strlen(key);

    if (asprintf(&entry, "%s=%s", key, value) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; c->env && c->env[i]; i++) {
        if (strncmp(c->env[i], entry, len + 1) == 0) {
            free(c->env[i]);
            c->env[i] = entry;
            return 0;
        }
    }
    return append(&c->env, entry, reterr);
}

/* Set @key of the object *to, which is made where it is not there yet. */
static int set_member(json_t **to, const char *key, json_t *take_value, struct imgc_err *reterr)
{
    if (!*to) {
        *to = json_object();
    }
    /* The key comes from a command line, which may hold any bytes. */
    if (!take_value || json_object_set_new(*to, key, take_value) < 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "text that is not UTF-8");
    }
    return 0;
}

static int set_label(struct image_config *c, const char *key, const char *value,
                     struct imgc_err *reterr)
{
    return set_member(&c->labels, key, json_string(value), reterr);
}

/* Append what a key or a value stands for. */
static int append_expanded(char ***list, struct imgc_str s, char *const *env,
                           struct imgc_err *reterr)
{
    char *z = NULL;
    int r = words_expand(s, env, &z, reterr);
    return r < 0 ? r : append(list, z, reterr);
}

/* "K=V K2=V2", or the old form "K the rest is the value", to a list of keys and values in turn. */
static int parse_pairs(struct imgc_str args, char *const *env, char ***list,
                       struct imgc_err *reterr)
{
    struct imgc_str word = { NULL, 0 }, key, value, rest = args;
    int r = 0;

    (void)words_next(&rest, &word);
    bool old_form = imgc_str_find(word, '=') == word.len;
    for (; r == 0 && word.len > 0; (void)words_next(&rest, &word)) {
        if (old_form) {
            key = word;
            value = imgc_str_trim(rest);
            rest.len = 0;
        }
        if (old_form ? value.len == 0 : !imgc_str_split(word, '=', &key, &value)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'" IMGC_STR_FMT "' is not KEY=VALUE",
                             IMGC_STR_ARG(word));
        }
        r = append_expanded(list, key, env, reterr);
        if (r == 0) {
            r = append_expanded(list, value, env, reterr);
        }
    }
    return r;
}

/* All are read before the first is set: in "A=1 B=$A" the second has the former value of A. */
static int change_pairs(struct image_config *c, struct imgc_str args, pair_fn *set,
                        struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **list = NULL;
    int r = parse_pairs(args, c->env, &list, reterr);
    for (size_t i = 0; r == 0 && list && list[i]; i += 2) {
        if (list[i][0] == '\0' || (set == set_env && strchr(list[i], '='))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%.64s' is not a name", list[i]);
        }
        r = set(c, list[i], list[i + 1], reterr);
    }
    return r;
}

static int change_env(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return change_pairs(c, args, set_env, reterr);
}

static int change_label(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return change_pairs(c, args, set_label, reterr);
}

static bool parse_port(struct imgc_str s, uint64_t *ret)
{
    return imgc_str_u64(s, ret) && *ret >= 1 && *ret <= PORT_MAX;
}

/* "80", "80/udp", "8000-8002/tcp" */
static int expose(struct image_config *c, struct imgc_str spec, struct imgc_err *reterr)
{
    static const char *const protocols[] = { "tcp", "udp", "sctp" };
    struct imgc_str ports, protocol, first, last;
    const char *proto = NULL;
    uint64_t from, to;

    if (!imgc_str_split(spec, '/', &ports, &protocol)) {
        protocol = IMGC_STR("tcp");
    }
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (imgc_str_eq_nocase(protocol, imgc_str_of(protocols[i]))) {
            proto = protocols[i];
        }
    }
    if (!imgc_str_split(ports, '-', &first, &last)) {
        last = first;
    }
    if (!proto || !parse_port(first, &from) || !parse_port(last, &to) || from > to) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'" IMGC_STR_FMT "' is not PORT[-PORT][/PROTOCOL]",
                         IMGC_STR_ARG(spec));
    }
    for (int r = 0; from <= to; from++) {
        char key[32]; /* five digits and "/sctp" */
        (void)snprintf(key, sizeof key, "%u/%s", (unsigned)from, proto);
        r = set_member(&c->exposed_ports, key, json_object(), reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int add_volume(struct image_config *c, struct imgc_str path, struct imgc_err *reterr)
{
    imgc_autofree char *z = NULL;
    int r = imgc_str_dup(path, &z, reterr);
    if (r < 0) {
        return r;
    }
    if (z[0] == '\0') {
        return imgc_fail(reterr, IMGC_E_USAGE, "a volume needs a path");
    }
    return set_member(&c->volumes, z, json_object(), reterr);
}

/* Call @each for every word, expanded. */
static int change_words(struct image_config *c, struct imgc_str args, change_fn *each,
                        struct imgc_err *reterr)
{
    struct imgc_str word;

    while (words_next(&args, &word)) {
        imgc_autofree char *text = NULL;
        int r = words_expand(word, c->env, &text, reterr);
        if (r < 0) {
            return r;
        }
        r = each(c, imgc_str_of(text), reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int change_expose(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return change_words(c, args, expose, reterr);
}

static int change_volume(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **list = NULL;
    int r = parse_exec_form(args, &list, reterr);
    if (r < 0) {
        return r;
    }
    if (!list) {
        return change_words(c, args, add_volume, reterr);
    }
    for (size_t i = 0; list[i] && r == 0; i++) {
        r = add_volume(c, imgc_str_of(list[i]), reterr);
    }
    return r;
}

/* The one argument of USER and the like, without blanks in it. */
static int one_word(struct image_config *c, struct imgc_str args, char **ret,
                    struct imgc_err *reterr)
{
    struct imgc_str word;

    if (!words_next(&args, &word) || imgc_str_trim(args).len > 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "takes exactly one argument");
    }
    int r = words_expand(word, c->env, ret, reterr);
    if (r == 0 && (*ret)[0] == '\0') {
        return imgc_fail(reterr, IMGC_E_USAGE, "takes exactly one argument");
    }
    return r;
}

static int replace_word(struct image_config *c, struct imgc_str args, char **to,
                        struct imgc_err *reterr)
{
    imgc_autofree char *z = NULL;
    int r = one_word(c, args, &z, reterr);
    if (r < 0) {
        return r;
    }
    free(*to);
    *to = imgc_take(z);
    return 0;
}

static int change_user(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return replace_word(c, args, &c->user, reterr);
}

static int change_stop_signal(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    return replace_word(c, args, &c->stop_signal, reterr);
}

static int change_workdir(struct image_config *c, struct imgc_str args, struct imgc_err *reterr)
{
    imgc_autofree char *z = NULL;
    char *clean = NULL;
    int r = words_expand(args, c->env, &z, reterr);
    if (r < 0) {
        return r;
    }
    if (z[0] == '\0') {
        return imgc_fail(reterr, IMGC_E_USAGE, "takes a path");
    }
    r = path_clean(imgc_str_of(c->working_dir), imgc_str_of(z), &clean, reterr);
    if (r < 0) {
        return r;
    }
    free(c->working_dir);
    c->working_dir = clean;
    return 0;
}

int config_change(struct image_config *c, struct imgc_str change, struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        change_fn *fn;
    } instructions[] = {
        { "CMD", change_cmd },
        { "ENTRYPOINT", change_entrypoint },
        { "ENV", change_env },
        { "EXPOSE", change_expose },
        { "LABEL", change_label },
        { "USER", change_user },
        { "VOLUME", change_volume },
        { "WORKDIR", change_workdir },
        { "STOPSIGNAL", change_stop_signal },
    };
    struct imgc_str args = imgc_str_trim(change), name;

    if (imgc_str_find(args, '\n') < args.len || imgc_str_find(args, '\0') < args.len) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'" IMGC_STR_FMT "': one instruction on one line",
                         IMGC_STR_ARG(args));
    }
    if (!words_next(&args, &name)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "an empty change");
    }
    args = imgc_str_trim(args);
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++) {
        if (!imgc_str_eq_nocase(name, imgc_str_of(instructions[i].name))) {
            continue;
        }
        if (args.len == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE, "%s: takes an argument", instructions[i].name);
        }
        int r = instructions[i].fn(c, args, reterr);
        return r < 0 ? imgc_context(reterr, "%s", instructions[i].name) : 0;
    }
    return imgc_fail(reterr, IMGC_E_USAGE,
                     "'" IMGC_STR_FMT "' cannot be changed here; allowed are "
                     "CMD ENTRYPOINT ENV EXPOSE LABEL USER VOLUME WORKDIR STOPSIGNAL",
                     IMGC_STR_ARG(name));
}
