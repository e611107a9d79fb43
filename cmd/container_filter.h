/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --filter KEY=VALUE of ps and `container prune`. Different keys must all hold; of one key's values
 * any, except label and label!, where all must (docker's and podman's rule).
 */
#ifndef IMGC_CMD_CONTAINER_FILTER_H
#define IMGC_CMD_CONTAINER_FILTER_H

#include <regex.h>

#include "cmd/app.h"
#include "cmd/options.h"
#include "store/container.h"
#include "store/network.h"

enum container_filter_key {
    CONTAINER_FILTER_NAME = 1u << 0, /* extended regular expression */
    CONTAINER_FILTER_ID = 1u << 1,   /* first digits */
    CONTAINER_FILTER_STATUS = 1u << 2,
    CONTAINER_FILTER_LABEL = 1u << 3,
    CONTAINER_FILTER_LABEL_NOT = 1u << 4,
    CONTAINER_FILTER_ANCESTOR = 1u << 5, /* image by name or ID */
    CONTAINER_FILTER_EXITED = 1u << 6,   /* with this code */
    CONTAINER_FILTER_BEFORE = 1u << 7,   /* made before this container */
    CONTAINER_FILTER_SINCE = 1u << 8,
    CONTAINER_FILTER_UNTIL = 1u << 9,    /* made before this time */
    CONTAINER_FILTER_VOLUME = 1u << 10,  /* name, source or target of a mount */
    CONTAINER_FILTER_NETWORK = 1u << 11, /* name or ID; or host, none, container:NAME */
};

struct container_filter_item {
    enum container_filter_key key;
    struct imgc_str value;  /* borrowed from the command line: NUL-terminated */
    int64_t number;         /* EXITED: the code; BEFORE, SINCE, UNTIL: ns */
    struct digest image;    /* ANCESTOR, where there is one */
    struct network network; /* NETWORK, where there is one */
    regex_t regex;          /* NAME */
};

struct container_filter {
    struct container_filter_item *items;
    size_t n;
    unsigned keys; /* those that are used */
};

void container_filter_done(struct container_filter *f);
#define container_filter_auto imgc_auto(container_filter_done)

/** @allowed  keys that the command takes. The store is open.
 * @return 0; -USAGE that names the keys that there are; -NOTFOUND (before=, since=). */
IMGC_CHECK int container_filter_parse(struct app *app, const struct option_list *list,
                                      unsigned allowed, struct container_filter *ret,
                                      struct imgc_err *reterr);

/** Whether @c matches. @return 0; -SYS, -DOCUMENT (its spec). */
IMGC_CHECK int container_filter_match(struct app *app, const struct container_filter *f,
                                      const struct container *c, bool *ret,
                                      struct imgc_err *reterr);

#endif
