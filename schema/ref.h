/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references as people type them: "debian", "debian:bookworm", "host:5000/a/b@sha256:...".
 *
 * Source: distribution/reference (normalisation and grammar); the domain is there only when the
 * first component has a '.' or ':', an upper-case letter, or is "localhost"; else docker.io, and a
 * single component gets "library/".
 */
#ifndef IMGC_SCHEMA_REF_H
#define IMGC_SCHEMA_REF_H

#include "schema/digest.h"

struct ref {
    char *domain;         /* "docker.io", "localhost:5000"; never NULL */
    char *path;           /* "library/debian" */
    char *tag;            /* NULL where none was given (see ref_default_tag) */
    struct digest digest; /* DIGEST_NONE where none was given */
};

#define REF_INIT                                                                   \
    {                                                                              \
        .domain = NULL, .path = NULL, .tag = NULL, .digest = {.alg = DIGEST_NONE } \
    }

void ref_done(struct ref *ref);
#define ref_auto imgc_auto(ref_done)

/** Parse and normalise. 64 bare hex digits are refused as a name (they would read as an ID).
 * @ret caller frees with ref_done(). @return 0, -REFERENCE with the reason, -NOMEM. */
IMGC_CHECK int ref_parse(struct imgc_str s, struct ref *ret, struct imgc_err *reterr);

/** Whether the text names its registry: "debian" and "a/b" do not, they are short. */
bool ref_has_domain(struct imgc_str s);

/** Set the tag "latest" where there is neither tag nor digest. */
IMGC_CHECK int ref_default_tag(struct ref *ref, struct imgc_err *reterr);

IMGC_CHECK int ref_copy(const struct ref *ref, struct ref *ret, struct imgc_err *reterr);

/** Full form "domain/path[:tag][@digest]". @ret caller frees. */
IMGC_CHECK int ref_text(const struct ref *ref, char **ret, struct imgc_err *reterr);

/** Form for people: without "docker.io/" and "library/" where they can be left out. */
IMGC_CHECK int ref_familiar(const struct ref *ref, char **ret, struct imgc_err *reterr);

/** "domain/path", the repository alone; familiar form of it with @familiar. */
IMGC_CHECK int ref_repository(const struct ref *ref, bool familiar, char **ret,
                              struct imgc_err *reterr);

#endif
