/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --filter KEY=VALUE of images and prune: dangling, label, label!, before, since, reference, until,
 * id. Different keys must all hold; of one key's values any, except label and label!, where all
 * must.
 *
 * "until" takes the later of build time and the time when the image came into the store: images
 * that are built reproducibly are dated 1970, and one that came a minute ago is not old.
 */
#ifndef IMGC_CMD_FILTER_H
#define IMGC_CMD_FILTER_H

#include <jansson.h>

#include "cmd/options.h"
#include "store/image.h"

enum filter_key {
    FILTER_DANGLING = 1u << 0,
    FILTER_LABEL = 1u << 1,
    FILTER_LABEL_NOT = 1u << 2,
    FILTER_BEFORE = 1u << 3,
    FILTER_SINCE = 1u << 4,
    FILTER_REFERENCE = 1u << 5,
    FILTER_UNTIL = 1u << 6,
    FILTER_ID = 1u << 7,
};

struct filter_item {
    enum filter_key key;
    struct imgc_str value; /* borrowed from the command line */
    int64_t time_ns;       /* BEFORE and SINCE after filter_resolve(); UNTIL */
    bool flag;             /* DANGLING */
};

struct filter {
    struct filter_item *items;
    size_t n;
    unsigned keys; /* those that are used */
};

void filter_done(struct filter *f);
#define filter_auto imgc_auto(filter_done)

struct filter_args {
    const struct option_list *list; /* borrowed; outlives the filter */
    unsigned allowed;               /* keys that the command takes */
    int64_t now_ns;
};

/** @return 0; -USAGE that names the keys that there are; -NOMEM. */
IMGC_CHECK int filter_parse(const struct filter_args *args, struct filter *ret,
                            struct imgc_err *reterr);

/** A date (UTC where no zone is written), Unix seconds, or how long ago ("24h", "7d"). Pure.
 * @return whether it was a time. */
bool filter_parse_time(struct imgc_str s, int64_t now_ns, int64_t *ret_ns);

/** Find when the images of before= and since= were built: @created is asked once for each. */
IMGC_CHECK int filter_resolve(struct filter *f,
                              int (*created)(void *arg, struct imgc_str name, int64_t *ret_ns,
                                             struct imgc_err *reterr),
                              void *arg, struct imgc_err *reterr);

/** @labels  of the image's config; NULL: it has none (or none of the keys is a label). */
bool filter_match(const struct filter *f, const struct image *image, const json_t *labels);

/** Whether @labels (NULL: there are none) has @wanted: "key" or "key=value". */
bool filter_label(const json_t *labels, struct imgc_str wanted);

/** Whether @reference ("debian", "debian:bookworm", globs of them; a full name too) names @tag, a
 * full name with tag. */
bool filter_reference(const char *reference, const char *tag);

#endif
