/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registries.conf, version 2: which server really serves an image, through which mirrors, and what
 * a short name stands for. Pure: whoever reads the files adds their texts in order.
 *
 * Source: containers-registries.conf(5), containers-registries.conf.d(5).
 */
#ifndef IMGC_SCHEMA_REGISTRIES_CONF_H
#define IMGC_SCHEMA_REGISTRIES_CONF_H

#include "schema/ref.h"

/* Which requests a mirror is for. */
enum registries_conf_use {
    REGISTRIES_CONF_ALL,
    REGISTRIES_CONF_DIGEST_ONLY,
    REGISTRIES_CONF_TAG_ONLY,
};

enum registries_conf_mode {
    REGISTRIES_CONF_UNSET, /* as permissive */
    REGISTRIES_CONF_PERMISSIVE,
    REGISTRIES_CONF_ENFORCING,
    REGISTRIES_CONF_DISABLED,
};

struct registries_conf_place {
    char *location; /* what the prefix is replaced with; NULL: nothing ("*.example.com" only) */
    char *proxy;    /* NULL: as the environment says */
    bool insecure;  /* plain HTTP and any certificate will do */
    enum registries_conf_use use; /* of a mirror */
};

struct registries_conf_registry {
    char *prefix;
    struct registries_conf_place primary;
    struct registries_conf_place *mirrors;
    size_t n_mirrors;
    bool blocked, mirror_by_digest_only;
    char *file; /* that says so */
};

struct registries_conf_alias {
    char *name, *value; /* value "": none, whatever an earlier file said */
};

/* Zeroed: empty. */
struct registries_conf {
    struct registries_conf_registry *registries; /* each prefix once */
    size_t n_registries;
    struct registries_conf_alias *aliases; /* the last one of a name counts */
    size_t n_aliases;
    char **search;     /* unqualified-search-registries, NULL-terminated; NULL: not set */
    char *search_file; /* that sets it */
    enum registries_conf_mode mode;
};

void registries_conf_done(struct registries_conf *c);
#define registries_conf_auto imgc_auto(registries_conf_done)

/**
 * Add a file's text to what earlier ones said: a prefix, an alias, the list of search registries
 * and the mode each replace the earlier one; keys that are not known are passed over.
 *
 * @c  stays as it was on failure. @return 0; -DOCUMENT that names the file, also for version 1 of
 * the format; -LIMIT; -NOMEM.
 */
IMGC_CHECK int registries_conf_add(struct registries_conf *c, struct imgc_str text,
                                   const char *file, struct imgc_err *reterr);

/** The registry with the longest prefix of @name ("host[:port][/path[:tag][@digest]]"), or NULL.
 * Borrowed. */
const struct registries_conf_registry *registries_conf_find(const struct registries_conf *c,
                                                            struct imgc_str name);

/* Where an image may come from. */
struct registries_conf_source {
    struct ref ref; /* what to ask for there */
    bool insecure, is_mirror;
    const char *proxy; /* borrowed from the configuration; NULL: none of its own */
};

struct registries_conf_sources {
    struct registries_conf_source *items; /* mirrors in order, then the registry itself */
    size_t n;
};

void registries_conf_sources_done(struct registries_conf_sources *s);
#define registries_conf_sources_auto imgc_auto(registries_conf_sources_done)

/** All of them for @ref. @ret zeroed; caller frees, on failure too. @return 0; -HOST where it is
 * blocked; -DOCUMENT for a location that gives no valid name; -NOMEM. */
IMGC_CHECK int registries_conf_sources(const struct registries_conf *c, const struct ref *ref,
                                       struct registries_conf_sources *ret,
                                       struct imgc_err *reterr);

/**
 * What a name on the command line may stand for: a name with a registry for itself, a short one
 * for its alias, else for one in each search registry, else for Docker Hub's.
 *
 * @ret    NULL-terminated full names in the order to try; free with json_strings_free().
 * @return 0; -REFERENCE where short names are to be unambiguous and this one is not, or where
 *         there are no search registries on purpose; -NOMEM.
 */
IMGC_CHECK int registries_conf_names(const struct registries_conf *c, struct imgc_str name,
                                     char ***ret, struct imgc_err *reterr);

#endif
