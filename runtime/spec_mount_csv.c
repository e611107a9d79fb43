/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "--mount type=...,source=...,target=...": one record of CSV, as docker reads it: a field that
 * begins with '"' ends with one, and may hold commas, and '""' for '"'.
 *
 * Source: docker's and podman's manuals of run, --mount; RFC 4180.
 */
#include <stdio.h>

#include "runtime/spec_mount.h"
#include "schema/base/path.h"
#include "schema/limits.h"
#include "schema/volume_name.h"

struct record {
    struct spec_mount mount;
    struct spec_mount_words words;
    bool has_type, has_source;
    struct imgc_str source; /* until the type is known; borrowed from the field that it is in */
    char source_text[LIMIT_PATH_BYTES + 1];
};

enum { FIELD_END = 1 };

/* The next field of *rest into @text. @return 0; FIELD_END; -USAGE. */
static int next_field(struct imgc_str *rest, char text[LIMIT_PATH_BYTES + 1], struct imgc_str *ret,
                      struct imgc_err *reterr)
{
    bool is_quoted = rest->len > 0 && rest->ptr[0] == '"', is_open = is_quoted;
    size_t i = is_quoted ? 1 : 0, n = 0;

    if (!rest->ptr) {
        return FIELD_END;
    }
    for (; i < rest->len && (is_open || rest->ptr[i] != ','); i++) {
        char c = rest->ptr[i];
        bool is_pair = c == '"' && is_open && i + 1 < rest->len && rest->ptr[i + 1] == '"';
        if (c == '"' && is_open && !is_pair) {
            is_open = false;
            continue;
        }
        if ((is_quoted && !is_open) || (c == '"' && !is_open) || c == '\0' || c == '\n') {
            return imgc_fail(reterr, IMGC_E_USAGE, "a quote or line break in the wrong place");
        }
        if (n == LIMIT_PATH_BYTES) {
            return imgc_fail(reterr, IMGC_E_USAGE, "a field over %d bytes", LIMIT_PATH_BYTES);
        }
        text[n++] = c;
        i += is_pair;
    }
    if (is_open) {
        return imgc_fail(reterr, IMGC_E_USAGE, "a quote is not closed");
    }
    *ret = (struct imgc_str){ text, n };
    *rest = i < rest->len ? imgc_str_from(*rest, i + 1) : (struct imgc_str){ NULL, 0 };
    return 0;
}

static int bad_value(const char *key, struct imgc_str value, const char *want,
                     struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "%s '" IMGC_STR_FMT "': %s", key, IMGC_STR_ARG(value),
                     want);
}

/* Go's: what "ro=" takes. Without a value it is true. */
static int parse_bool(const char *key, struct imgc_str value, bool has_value, bool *ret,
                      struct imgc_err *reterr)
{
    static const char *const yes[] = { "1", "t", "true" }, *const no[] = { "0", "f", "false" };

    if (!has_value) {
        *ret = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        bool is_yes = imgc_str_eq_nocase(value, imgc_str_of(yes[i]));
        if (is_yes || imgc_str_eq_nocase(value, imgc_str_of(no[i]))) {
            *ret = is_yes;
            return 0;
        }
    }
    return bad_value(key, value, "not true or false", reterr);
}

typedef int key_fn(struct record *record, const char *key, struct imgc_str value, bool has_value,
                   struct imgc_err *reterr);

static int set_type(struct record *record, const char *key, struct imgc_str value, bool has_value,
                    struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        enum spec_mount_kind kind;
    } kinds[] = {
        { "bind", SPEC_MOUNT_BIND },
        { "volume", SPEC_MOUNT_VOLUME },
        { "tmpfs", SPEC_MOUNT_TMPFS },
    };
    (void)has_value;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (imgc_str_eq(value, imgc_str_of(kinds[i].name))) {
            record->mount.kind = kinds[i].kind;
            record->has_type = true;
            return 0;
        }
    }
    return bad_value(key, value, "bind, volume or tmpfs", reterr);
}

static int set_source(struct record *record, const char *key, struct imgc_str value, bool has_value,
                      struct imgc_err *reterr)
{
    (void)key;
    (void)has_value;
    (void)reterr;
    memcpy(record->source_text, value.ptr, value.len);
    record->source = (struct imgc_str){ record->source_text, value.len };
    record->has_source = true;
    return 0;
}

static int set_target(struct record *record, const char *key, struct imgc_str value, bool has_value,
                      struct imgc_err *reterr)
{
    (void)key;
    (void)has_value;
    return spec_mount_target(&record->mount, value, reterr);
}

static int set_read_only(struct record *record, const char *key, struct imgc_str value,
                         bool has_value, struct imgc_err *reterr)
{
    bool yes = false;
    int r = parse_bool(key, value, has_value, &yes, reterr);
    return r < 0 ? r
                 : spec_mount_word(&record->mount, yes ? IMGC_STR("ro") : IMGC_STR("rw"),
                                   &record->words, reterr);
}

static int set_propagation(struct record *record, const char *key, struct imgc_str value,
                           bool has_value, struct imgc_err *reterr)
{
    struct spec_mount_words words = { .given = { { .len = 0 } } };
    (void)has_value;

    int r = spec_mount_word(&record->mount, value, &words, reterr);
    if (r == SPEC_MOUNT_UNKNOWN || (r == 0 && words.given[SPEC_MOUNT_PROPAGATION].len == 0)) {
        return bad_value(key, value, "[r]private, [r]slave or [r]shared", reterr);
    }
    return r;
}

/* docker's: readonly is what "ro" means here anyway, down into what is mounted below. */
static int set_recursive(struct record *record, const char *key, struct imgc_str value,
                         bool has_value, struct imgc_err *reterr)
{
    (void)has_value;
    if (imgc_str_eq(value, IMGC_STR("disabled"))) {
        record->mount.no_submounts = true;
    } else if (imgc_str_eq(value, IMGC_STR("writable"))) {
        record->mount.submounts_writable = true;
    } else if (!imgc_str_eq(value, IMGC_STR("enabled")) &&
               !imgc_str_eq(value, IMGC_STR("readonly"))) {
        return bad_value(key, value, "enabled, disabled, writable or readonly", reterr);
    }
    return 0;
}

static int set_non_recursive(struct record *record, const char *key, struct imgc_str value,
                             bool has_value, struct imgc_err *reterr)
{
    return parse_bool(key, value, has_value, &record->mount.no_submounts, reterr);
}

static int set_no_copy(struct record *record, const char *key, struct imgc_str value,
                       bool has_value, struct imgc_err *reterr)
{
    return parse_bool(key, value, has_value, &record->mount.no_copy, reterr);
}

/* podman's: true or nothing, or a map of its own, which imgc has not. */
static int set_idmap(struct record *record, const char *key, struct imgc_str value, bool has_value,
                     struct imgc_err *reterr)
{
    return parse_bool(key, value, has_value, &record->mount.idmap, reterr) < 0
               ? bad_value(key, value, "the container's own map is the only one", reterr)
               : 0;
}

static int set_chown(struct record *record, const char *key, struct imgc_str value, bool has_value,
                     struct imgc_err *reterr)
{
    return parse_bool(key, value, has_value, &record->mount.chown, reterr);
}

static int set_size(struct record *record, const char *key, struct imgc_str value, bool has_value,
                    struct imgc_err *reterr)
{
    (void)has_value;
    return spec_mount_tmpfs_size(&record->mount, value)
               ? 0
               : bad_value(key, value, "not a size such as 64m or 1g", reterr);
}

static int set_mode(struct record *record, const char *key, struct imgc_str value, bool has_value,
                    struct imgc_err *reterr)
{
    (void)has_value;
    return spec_mount_tmpfs_mode(&record->mount, value)
               ? 0
               : bad_value(key, value, "not an octal mode such as 1777", reterr);
}

/* Accepted, for what it asks for is so, or does not matter here (SELinux labels, macOS). */
static int set_nothing(struct record *record, const char *key, struct imgc_str value,
                       bool has_value, struct imgc_err *reterr)
{
    (void)record;
    (void)key;
    (void)value;
    (void)has_value;
    (void)reterr;
    return 0;
}

/* docker's and podman's: below the volume, and never out of it. */
static int set_subpath(struct record *record, const char *key, struct imgc_str value,
                       bool has_value, struct imgc_err *reterr)
{
    struct imgc_str rest = value, word;
    (void)has_value;

    while (imgc_str_token(&rest, '/', &word)) {
        if (imgc_str_eq(word, IMGC_STR(".."))) {
            return bad_value(key, value, "a path below the volume, without ..", reterr);
        }
    }
    if (value.ptr[0] == '/') {
        return bad_value(key, value, "not relative to the volume", reterr);
    }
    record->mount.no_copy = true; /* what it has below is there already */
    free(record->mount.subpath);
    record->mount.subpath = NULL;
    return path_clean(IMGC_STR("/"), value, &record->mount.subpath, reterr);
}

static int set_driver(struct record *record, const char *key, struct imgc_str value, bool has_value,
                      struct imgc_err *reterr)
{
    (void)record;
    (void)has_value;
    return imgc_str_eq(value, IMGC_STR("local"))
               ? 0
               : bad_value(key, value, "the only volume driver is local", reterr);
}

#define OF(kind) (1u << (SPEC_MOUNT_##kind))
#define ANY (OF(BIND) | OF(VOLUME) | OF(TMPFS))

static const struct key {
    const char *name;
    key_fn *set;
    unsigned kinds;
    bool needs_value;
} keys[] = {
    { "type", set_type, ANY, true },
    { "source", set_source, ANY, true },
    { "src", set_source, ANY, true },
    { "target", set_target, ANY, true },
    { "destination", set_target, ANY, true },
    { "dst", set_target, ANY, true },
    { "readonly", set_read_only, ANY, false },
    { "ro", set_read_only, ANY, false },
    { "bind-propagation", set_propagation, OF(BIND), true },
    { "bind-recursive", set_recursive, OF(BIND), true },
    { "bind-nonrecursive", set_non_recursive, OF(BIND), false },
    { "consistency", set_nothing, ANY, true },
    { "relabel", set_nothing, OF(BIND), true },
    { "idmap", set_idmap, OF(BIND) | OF(VOLUME), false },
    { "U", set_chown, OF(BIND) | OF(VOLUME), false },
    { "chown", set_chown, OF(BIND) | OF(VOLUME), false },
    { "volume-subpath", set_subpath, OF(VOLUME), true },
    { "subpath", set_subpath, OF(VOLUME), true },
    { "volume-nocopy", set_no_copy, OF(VOLUME), false },
    { "volume-driver", set_driver, OF(VOLUME), true },
    { "tmpfs-size", set_size, OF(TMPFS), true },
    { "tmpfs-mode", set_mode, OF(TMPFS), true },
};

/* Of docker's and podman's. */
static const char *const missing_keys[] = {
    "volume-opt",      "volume-label", "image-subpath", "tmpfs-copy-up", "tmpcopyup",
    "bind-create-src", "tmpfs-opt",    "volume-mode",   "uid",           "gid",
};

static const char *kind_name(enum spec_mount_kind kind)
{
    return kind == SPEC_MOUNT_BIND ? "bind" : kind == SPEC_MOUNT_TMPFS ? "tmpfs" : "volume";
}

static int set_word(struct record *record, struct imgc_str name, struct imgc_err *reterr)
{
    int r = record->mount.kind == SPEC_MOUNT_TMPFS
                ? SPEC_MOUNT_UNKNOWN
                : spec_mount_word(&record->mount, name, &record->words, reterr);
    return r == SPEC_MOUNT_UNKNOWN
               ? imgc_fail(reterr, IMGC_E_USAGE, "'" IMGC_STR_FMT "' is no option of type=%s",
                           IMGC_STR_ARG(name), kind_name(record->mount.kind))
               : r;
}

static int set_field(struct record *record, struct imgc_str field, struct imgc_err *reterr)
{
    struct imgc_str name, value;
    bool has_value = imgc_str_split(field, '=', &name, &value);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!imgc_str_eq_nocase(name, imgc_str_of(keys[i].name))) {
            continue;
        }
        if (keys[i].needs_value && (!has_value || value.len == 0)) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' needs a value", keys[i].name);
        }
        if ((keys[i].kinds & (1u << record->mount.kind)) == 0) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is no option of type=%s", keys[i].name,
                             kind_name(record->mount.kind));
        }
        return keys[i].set(record, keys[i].name, value, has_value, reterr);
    }
    for (size_t i = 0; i < sizeof missing_keys / sizeof *missing_keys; i++) {
        if (imgc_str_eq(name, imgc_str_of(missing_keys[i]))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "option '%s' is not supported", missing_keys[i]);
        }
    }
    return has_value ? imgc_fail(reterr, IMGC_E_USAGE,
                                 "'" IMGC_STR_FMT "' is no option of a mount (type, source, "
                                 "target, readonly, bind-propagation, bind-recursive, "
                                 "volume-nocopy, tmpfs-size, tmpfs-mode)",
                                 IMGC_STR_ARG(name))
                     : set_word(record, name, reterr);
}

/* The type first, wherever it stands: what the others mean depends on it. */
static int parse_fields(struct imgc_str s, struct record *record, bool is_type,
                        struct imgc_err *reterr)
{
    char text[LIMIT_PATH_BYTES + 1];
    struct imgc_str field;
    int r;

    while ((r = next_field(&s, text, &field, reterr)) == 0) {
        struct imgc_str key;
        struct imgc_str value;
        (void)imgc_str_split(field, '=', &key, &value);
        if (imgc_str_eq_nocase(key, IMGC_STR("type")) != is_type) {
            continue;
        }
        if (is_type && record->has_type) {
            return imgc_fail(reterr, IMGC_E_USAGE, "'type' is there twice");
        }
        r = set_field(record, field, reterr);
        if (r < 0) {
            return r;
        }
    }
    return r < 0 ? r : 0;
}

static int finish_source(struct record *record, struct imgc_err *reterr)
{
    struct spec_mount *m = &record->mount;

    switch (m->kind) {
    case SPEC_MOUNT_BIND:
        if (!record->has_source) {
            return imgc_fail(reterr, IMGC_E_USAGE, "type=bind needs a source");
        }
        m->must_exist = true;
        return spec_mount_path(m, record->source, reterr);
    case SPEC_MOUNT_VOLUME:
        return record->has_source ? spec_mount_name(m, record->source, reterr) : 0;
    case SPEC_MOUNT_TMPFS:
        break;
    }
    return record->has_source ? imgc_fail(reterr, IMGC_E_USAGE, "type=tmpfs has no source") : 0;
}

static int parse(struct imgc_str s, struct record *record, struct imgc_err *reterr)
{
    int r = parse_fields(s, record, true, reterr);
    if (r == 0) {
        record->mount.noexec = record->mount.kind == SPEC_MOUNT_TMPFS;
        r = parse_fields(s, record, false, reterr);
    }
    if (r == 0 && !record->mount.target) {
        r = imgc_fail(reterr, IMGC_E_USAGE, "a target is missing");
    }
    return r < 0 ? r : finish_source(record, reterr);
}

int spec_parse_mount(struct imgc_str s, struct spec_mount *ret, struct imgc_err *reterr)
{
    struct record record = { .mount = { .kind = SPEC_MOUNT_VOLUME } };

    int r = parse(s.ptr ? s : IMGC_STR(""), &record, reterr);
    if (r < 0) {
        spec_mount_done(&record.mount);
        return imgc_context(reterr, "mount '" IMGC_STR_FMT "'", IMGC_STR_ARG(s));
    }
    *ret = record.mount;
    return 0;
}
