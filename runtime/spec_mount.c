/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec_mount.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "schema/base/path.h"
#include "schema/volume_name.h"

int spec_mount_target(struct spec_mount *m, struct imgc_str s, struct imgc_err *reterr)
{
    if (s.len == 0 || s.ptr[0] != '/') {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'" IMGC_STR_FMT "' is not an absolute path in the container",
                         IMGC_STR_ARG(s));
    }
    free(m->target);
    m->target = NULL;
    int r = path_clean(IMGC_STR(""), s, &m->target, reterr);
    if (r < 0) {
        return r;
    }
    if (strcmp(m->target, "/") == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "nothing can be mounted over '/' of a container");
    }
    return 0;
}

int spec_mount_path(struct spec_mount *m, struct imgc_str s, struct imgc_err *reterr)
{
    char cwd[PATH_MAX];

    if (s.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the source is empty");
    }
    if (s.ptr[0] != '/' && !getcwd(cwd, sizeof cwd)) {
        return imgc_fail_sys(reterr, errno, "find the current directory");
    }
    free(m->source);
    m->source = NULL;
    return path_clean(imgc_str_of(s.ptr[0] == '/' ? "" : cwd), s, &m->source, reterr);
}

int spec_mount_name(struct spec_mount *m, struct imgc_str s, struct imgc_err *reterr)
{
    if (!volume_name_is_good(s)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'" IMGC_STR_FMT
                         "' includes invalid characters, and is no name of a volume: "
                         "letters, digits, '_', '.' and '-' (a path begins with '/' or './')",
                         IMGC_STR_ARG(s));
    }
    free(m->source);
    m->source = NULL;
    return imgc_str_dup(s, &m->source, reterr);
}

struct word {
    const char *name;
    enum spec_mount_group group;
    int value;
};

static const struct word known[] = {
    { "ro", SPEC_MOUNT_ACCESS, true },
    { "rw", SPEC_MOUNT_ACCESS, false },
    { "noexec", SPEC_MOUNT_EXEC, true },
    { "exec", SPEC_MOUNT_EXEC, false },
    { "dev", SPEC_MOUNT_DEV, true },
    { "nodev", SPEC_MOUNT_DEV, false },
    { "nosuid", SPEC_MOUNT_SUID, true },
    { "suid", SPEC_MOUNT_SUID, false },
    /* What is mounted below the source is cloned with the propagation that it has, so with and
     * without r is the same, as it is in docker, where the kernel's default decides. */
    { "private", SPEC_MOUNT_PROPAGATION, SPEC_PROPAGATION_PRIVATE },
    { "rprivate", SPEC_MOUNT_PROPAGATION, SPEC_PROPAGATION_PRIVATE },
    { "slave", SPEC_MOUNT_PROPAGATION, SPEC_PROPAGATION_SLAVE },
    { "rslave", SPEC_MOUNT_PROPAGATION, SPEC_PROPAGATION_SLAVE },
    { "shared", SPEC_MOUNT_PROPAGATION, SPEC_PROPAGATION_SHARED },
    { "rshared", SPEC_MOUNT_PROPAGATION, SPEC_PROPAGATION_SHARED },
    { "rbind", SPEC_MOUNT_RECURSION, false },
    { "bind", SPEC_MOUNT_RECURSION, true },
    { "nocopy", SPEC_MOUNT_COPY, true },
    { "copy", SPEC_MOUNT_COPY, false },
    { "idmap", SPEC_MOUNT_OWNERS, true },
    { "U", SPEC_MOUNT_CHOWN, true },
    { "chown", SPEC_MOUNT_CHOWN, true },
    /* A container of imgc is not confined by SELinux, which these label the files for. */
    { "z", SPEC_MOUNT_LABEL, 0 },
    { "Z", SPEC_MOUNT_LABEL, 0 },
};

/* Of podman's, with what to do instead. */
static const struct {
    const char *name, *why;
} missing[] = {
    { "O", "an overlay over the source is not there; copy it, or mount it 'ro'" },
};

static const struct word *find_word(struct imgc_str name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (imgc_str_eq(name, imgc_str_of(known[i].name))) {
            return &known[i];
        }
    }
    return NULL;
}

static void apply(struct spec_mount *m, const struct word *w)
{
    switch (w->group) {
    case SPEC_MOUNT_ACCESS:
        m->read_only = w->value;
        break;
    case SPEC_MOUNT_EXEC:
        m->noexec = w->value;
        break;
    case SPEC_MOUNT_DEV:
        m->dev = w->value;
        break;
    case SPEC_MOUNT_SUID:
        m->nosuid = w->value;
        break;
    case SPEC_MOUNT_PROPAGATION:
        m->propagation = (enum spec_propagation)w->value;
        break;
    case SPEC_MOUNT_RECURSION:
        m->no_submounts = w->value;
        break;
    case SPEC_MOUNT_COPY:
        m->no_copy = w->value;
        break;
    case SPEC_MOUNT_OWNERS:
        m->idmap = w->value;
        break;
    case SPEC_MOUNT_CHOWN:
        m->chown = w->value;
        break;
    case SPEC_MOUNT_LABEL:
    case SPEC_MOUNT_GROUPS:
        break;
    }
}

int spec_mount_word(struct spec_mount *m, struct imgc_str word, struct spec_mount_words *words,
                    struct imgc_err *reterr)
{
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        if (imgc_str_eq(word, imgc_str_of(missing[i].name))) {
            return imgc_fail(reterr, IMGC_E_USAGE, "option '%s' is not supported: %s",
                             missing[i].name, missing[i].why);
        }
    }
    const struct word *w = find_word(word);
    if (!w) {
        return SPEC_MOUNT_UNKNOWN;
    }
    struct imgc_str *given = &words->given[w->group];
    if (given->len > 0 && !imgc_str_eq(*given, word)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'" IMGC_STR_FMT "' and '%s' contradict each other",
                         IMGC_STR_ARG(*given), w->name);
    }
    if (w->group == SPEC_MOUNT_COPY && m->kind != SPEC_MOUNT_VOLUME) {
        return imgc_fail(reterr, IMGC_E_USAGE, "'%s' is for volumes, not for host paths", w->name);
    }
    *given = word;
    apply(m, w);
    return 0;
}

static int parse_options(struct imgc_str s, struct spec_mount *m, struct imgc_err *reterr)
{
    struct spec_mount_words words = { .given = { { .len = 0 } } };
    struct imgc_str word;

    while (imgc_str_token(&s, ',', &word)) {
        int r = spec_mount_word(m, word, &words, reterr);
        if (r == SPEC_MOUNT_UNKNOWN) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "option '" IMGC_STR_FMT
                             "' is not supported (ro, rw, nocopy, z, Z, [no]exec, [no]dev, "
                             "[no]suid, [r]private, [r]slave, [r]shared, [r]bind)",
                             IMGC_STR_ARG(word));
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* What begins with a '/' or a '.' is a path; everything else is a volume's name, for docker too. */
static bool is_path(struct imgc_str s)
{
    return s.len > 0 && (s.ptr[0] == '/' || s.ptr[0] == '.');
}

static int parse_source(struct imgc_str s, struct spec_mount *m, struct imgc_err *reterr)
{
    if (s.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "the source is empty (write DST alone for a volume "
                         "without a name)");
    }
    m->kind = is_path(s) ? SPEC_MOUNT_BIND : SPEC_MOUNT_VOLUME;
    return is_path(s) ? spec_mount_path(m, s, reterr) : spec_mount_name(m, s, reterr);
}

int spec_parse_volume(struct imgc_str s, struct spec_mount *ret, struct imgc_err *reterr)
{
    imgc_auto(spec_mount_done) struct spec_mount m = { .kind = SPEC_MOUNT_VOLUME };
    struct imgc_str source, target = s, options, rest;
    bool has_options = false;
    int r = 0;

    if (imgc_str_split(s, ':', &source, &rest)) {
        has_options = imgc_str_split(rest, ':', &target, &options);
        r = parse_source(source, &m, reterr);
    }
    if (r == 0) {
        r = spec_mount_target(&m, target, reterr);
    }
    if (r == 0 && has_options) {
        r = parse_options(options, &m, reterr);
    }
    if (r < 0) {
        return imgc_context(reterr, "volume '" IMGC_STR_FMT "'", IMGC_STR_ARG(s));
    }
    *ret = m;
    m = (struct spec_mount){ .source = NULL };
    return 0;
}
