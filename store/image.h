/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images (one per config digest), their tags and their repository digests.
 *
 * A name may stand for the images of several platforms: all that came from the same index. Which
 * one is meant is decided when it is looked up: the one that suits this host best, or what is asked
 * for.
 */
#ifndef IMGC_STORE_IMAGE_H
#define IMGC_STORE_IMAGE_H

#include "schema/platform.h"
#include "schema/ref.h"
#include "store/lease.h"

/** What is needed to make an image visible. Blobs and layers must be held by the lease. */
struct image_add {
    struct digest id;           /* digest of the config */
    struct digest manifest;     /* digest of the platform's manifest */
    struct digest top;          /* what the tag resolved to: the index, or the manifest */
    const struct digest *blobs; /* every manifest, index and config that it keeps */
    size_t n_blobs;
    const struct digest *diff_ids; /* bottom first; may be empty */
    size_t n_diff_ids;
    struct platform platform;
    int64_t created_ns;    /* from the config; 0 where unknown */
    const struct ref *ref; /* tag or digest to give it; NULL: none. A ref with a digest and
                              a tag adds both a repository digest and no tag (digest wins) */
};

enum { IMAGE_MISSING = 1, IMAGE_UNCHANGED = 2 };

/** Add or update in one transaction; a tag that stood elsewhere moves here, one that stands for
 * other images of the same @top stands for this one, too.
 * @return 0; IMAGE_UNCHANGED where image, tag and repository digest all stood so already. */
IMGC_CHECK int image_add(struct store *s, struct lease *lease, const struct image_add *add,
                         struct imgc_err *reterr);

struct image {
    struct digest id, manifest;
    struct digest *diff_ids;
    size_t n_diff_ids;
    struct platform platform;
    int64_t created_ns;   /* build time as the config says */
    int64_t added_ns;     /* when it came into the store */
    uint64_t size;        /* sum of its layers' tars */
    uint64_t unique_size; /* disk bytes that would be freed by removing it alone */
    char **tags; /* full names "docker.io/library/debian:bookworm", sorted; NULL-terminated */
    char **repo_digests;   /* full "docker.io/library/debian@sha256:...", sorted; NULL-terminated */
    uint64_t n_containers; /* that use it, running or not */
};

void image_done(struct image *image);
#define image_auto imgc_auto(image_done)

/**
 * Find what a user names: a full or short hex ID (at least 2 digits, "sha256:" allowed before it),
 * a name with tag or digest, a name without (then ":latest"). A name wins over an ID. Of several
 * platforms' images with the name, this host's; else the one that came last.
 * @return 0; IMAGE_MISSING; -AMBIGUOUS; -REFERENCE.
 */
IMGC_CHECK int image_find(struct store *s, struct imgc_str name, struct image *ret,
                          struct imgc_err *reterr);
IMGC_CHECK int image_find_id(struct store *s, const struct digest *id, struct image *ret,
                             struct imgc_err *reterr);

/** image_find() for who runs it: no tags, repository digests, unique size and number of containers,
 * which take most of the time. @want  NULL: this host's platform. One that does not suit is given
 * where there is no other. */
IMGC_CHECK int image_find_stack(struct store *s, struct imgc_str name, const struct platform *want,
                                struct image *ret, struct imgc_err *reterr);

/** What a tag or repository digest was last resolved to. @ret_top the index or manifest digest.
 * @return 0; IMAGE_MISSING. */
IMGC_CHECK int image_resolve(struct store *s, const struct ref *ref, struct digest *ret_id,
                             struct digest *ret_top, struct imgc_err *reterr);

/** The images of all platforms that a tag or repository digest stands for, in one read; the one
 * that came last first. @ret caller frees. @return 0; IMAGE_MISSING where there is none. */
IMGC_CHECK int image_list_named(struct store *s, const struct ref *ref, struct digest **ret,
                                size_t *ret_n, struct imgc_err *reterr);

struct image_list {
    struct image *items;
    size_t n;
};
void image_list_done(struct image_list *list);
#define image_list_auto imgc_auto(image_list_done)

/** All images, newest build first. Never waits for writers. */
IMGC_CHECK int image_list(struct store *s, struct image_list *ret, struct imgc_err *reterr);

/** The same with nothing but what a row of images itself says: ID, manifest, platform and times. A
 * tenth of the time, which matters for ten thousand images. */
IMGC_CHECK int image_list_brief(struct store *s, struct image_list *ret, struct imgc_err *reterr);

/** Give image @id, and no other, the tag of @ref; it moves where it stood elsewhere. */
IMGC_CHECK int image_tag(struct store *s, const struct digest *id, const struct ref *ref,
                         struct imgc_err *reterr);

/** Take away one tag or repository digest from image @id; NULL: from the images of all platforms.
 * @return 0; IMAGE_MISSING where there is no such name. */
IMGC_CHECK int image_untag(struct store *s, const struct ref *ref, const struct digest *id,
                           struct imgc_err *reterr);

/** For gc_remove(). Inside a write transaction: delete the image with all its names.
 * @return 0; IMAGE_MISSING; -INUSE that names a container. */
IMGC_CHECK int image_delete_row(struct store *s, const struct digest *id, struct imgc_err *reterr);

/** Note that it was used now (for prune by last use). */
IMGC_CHECK int image_touch(struct store *s, const struct digest *id, struct imgc_err *reterr);

#endif
