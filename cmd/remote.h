/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to registries that leave nothing in the store: a name is made one place, or several,
 * by registries.conf, and each of them is asked until one answers.
 */
#ifndef IMGC_CMD_REMOTE_H
#define IMGC_CMD_REMOTE_H

#include "cmd/app.h"
#include "cmd/registry_access.h"
#include "fetch/registry.h"
#include "fetch/resolve.h"

/* Options that the commands share. */
struct remote_options {
    const char *platform;
    struct registry_options registry;
};

/* Rows of a command's table; @base is the offset of a struct remote_options in its own. */
/* clang-format off */
#define REMOTE_PLATFORM_ROW(base, text) \
    { 0, "platform", OPT_STRING, (base) + offsetof(struct remote_options, platform), \
      "OS/ARCH[/VARIANT]", (text) }
#define REMOTE_ACCESS_ROWS(base) \
    REGISTRY_ACCESS_AUTH_ROWS((base) + offsetof(struct remote_options, registry)), \
    REGISTRY_ACCESS_TLS_ROWS((base) + offsetof(struct remote_options, registry))
/* clang-format on */

struct remote_args {
    const char *name; /* as typed; without tag and digest it gets "latest" */
    bool repository;  /* it is to have neither, and mirrors are not asked: they need not have all */
    bool is_push;     /* nor are they sent anything */
    const char *const *read_too;      /* see struct registry_args */
    const struct retry_policy *retry; /* NULL: the usual */
    void (*tick)(void *arg);          /* see struct http_args; may be NULL */
    void *tick_arg;
    const struct registry_options *registry;
};

/* One place. All borrowed. */
struct remote_place {
    const struct ref *name;  /* what the user means, in full */
    const struct ref *there; /* what it is called at this place */
    struct registry *registry;
};

/** Ask each place in turn. @ask gets @arg, and is called again where it failed and there is another
 * place. @return 0; -REFERENCE; -HOST for a blocked registry; what @ask returned last. */
IMGC_CHECK int remote_each(struct app *app, const struct remote_args *args,
                           int (*ask)(const struct remote_place *place, void *arg,
                                      struct imgc_err *reterr),
                           void *arg, struct imgc_err *reterr);

/**
 * Get what @name stands for itself or, with @o's platform, the manifest for that.
 *
 * @ret    initialised by the caller.
 * @return as remote_each() and resolve_document(); -USAGE for a platform that is none.
 */
IMGC_CHECK int remote_manifest(struct app *app, const char *name, const struct remote_options *o,
                               struct document *ret, struct imgc_err *reterr);

/** Print a document as it came. On a terminal, what would not be shown but obeyed is escaped. */
void remote_print_raw(struct app *app, const struct document *d);

#endif
