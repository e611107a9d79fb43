/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/pull.h"

#include "fetch/resolve.h"
#include "fetch/transfer.h"
#include "schema/config.h"
#include "store/image.h"

#define NS_PER_S 1000000000
#define MIRROR_PATIENCE_S 15 /* half of what the registry itself gets */

/* As many layers as DiffIDs, or the two documents do not belong together. */
static int check_counts(const struct manifest *m, const struct image_config *c,
                        struct imgc_err *reterr)
{
    if (m->n_layers != c->n_diff_ids) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT,
                         "the manifest lists %zu layers, the config %zu diff_ids", m->n_layers,
                         c->n_diff_ids);
    }
    return 0;
}

/* An index has been searched for the platform; an image alone is taken as it is, unless its user
 * said what it has to be. */
static int check_platform(const struct pull_args *args, const struct resolved *resolved,
                          const struct image_config *config, struct imgc_err *reterr)
{
    char want[PLATFORM_TEXT_MAX], have[PLATFORM_TEXT_MAX];

    if (!args->platform || resolved->has_platform || config->platform.os[0] == '\0' ||
        platform_match(args->platform, &config->platform) > 0) {
        return 0;
    }
    return imgc_fail(reterr, IMGC_E_PLATFORM, "the image is for %s, not for %s",
                     platform_text(&config->platform, have), platform_text(args->platform, want));
}

static int64_t created_ns(const struct image_config *c)
{
    int64_t ns;

    return __builtin_mul_overflow(c->created_s, (int64_t)NS_PER_S, &ns) ? 0 : ns;
}

/* Before the image is listed: layers that do not fit together, or a full disk, leave nothing. */
static int build_root(const struct document_source *from, enum rootfs_form form,
                      const struct image_config *config, struct pull_result *ret,
                      struct imgc_err *reterr)
{
    const struct rootfs_args args = { .store = from->store,
                                      .lease = from->lease,
                                      .diff_ids = config->diff_ids,
                                      .n_diff_ids = config->n_diff_ids,
                                      .form = form };
    int r = rootfs_build(&args, &ret->built, reterr);
    ret->is_unmountable = r == ROOTFS_UNMOUNTABLE;
    return r < 0 ? imgc_context(reterr, "unpack") : 0;
}

/* Make the image visible, all its parts being held by the lease. */
static int publish(const struct document_source *from, const struct ref *ref,
                   const struct resolved *resolved, const struct image_config *config,
                   struct pull_result *ret, struct imgc_err *reterr)
{
    struct digest blobs[LIMIT_INDEX_DEPTH + 2];
    size_t n = resolved->n_documents;

    memcpy(blobs, resolved->documents, n * sizeof *blobs);
    blobs[n++] = resolved->manifest.config.digest;

    const struct image_add add = {
        .id = resolved->manifest.config.digest,
        .manifest = resolved->manifest_digest,
        .top = resolved->top,
        .blobs = blobs,
        .n_blobs = n,
        .diff_ids = config->diff_ids,
        .n_diff_ids = config->n_diff_ids,
        .platform = config->platform.os[0] || !resolved->has_platform ? config->platform
                                                                      : resolved->platform,
        .created_ns = created_ns(config),
        .ref = ref,
    };
    int r = image_add(from->store, from->lease, &add, reterr);
    if (r < 0) {
        return r;
    }
    ret->id = add.id;
    ret->top = add.top;
    ret->is_unchanged = r == IMAGE_UNCHANGED;
    return 0;
}

/* A pull from one place. */
struct pulling {
    const struct document_source *from;
    struct http *http;
    const struct pull_args *args;
    const struct pull_source *source;
};

/* Everything after the manifest, until the image is listed. */
static int pull_resolved(const struct pulling *p, const struct resolved *resolved,
                         struct image_config *config, struct pull_result *ret,
                         struct imgc_err *reterr)
{
    const struct document_source *from = p->from;
    document_auto struct document config_doc = DOCUMENT_INIT(LIMIT_CONFIG_BYTES);

    const struct descriptor *d = &resolved->manifest.config;
    int r = document_by_digest(from, &d->digest, d->size, false, &config_doc, reterr);
    if (r == 0) {
        r = config_parse(document_text(&config_doc), config, reterr);
    }
    if (r < 0) {
        return imgc_context(reterr, "config");
    }
    r = check_counts(&resolved->manifest, config, reterr);
    if (r == 0) {
        r = check_platform(p->args, resolved, config, reterr);
    }
    if (r < 0) {
        return r;
    }
    const struct transfer_args transfer = { .store = from->store,
                                            .lease = from->lease,
                                            .http = p->http,
                                            .registry = from->registry,
                                            .layers = resolved->manifest.layers,
                                            .diff_ids = config->diff_ids,
                                            .n_layers = resolved->manifest.n_layers,
                                            .parallel = p->args->parallel,
                                            .is_mirror = p->source->is_mirror,
                                            .events = p->args->events };
    r = transfer_layers(&transfer, reterr);
    if (r == 0) {
        r = build_root(from, p->args->form, config, ret, reterr);
    }
    return r < 0 ? r : publish(from, p->args->ref, resolved, config, ret, reterr);
}

static void tell_top(const struct pull_args *args, const struct digest *top)
{
    if (args->events && args->events->resolved) {
        args->events->resolved(args->events->arg, top);
    }
}

static int pull_one(const struct pulling *p, struct pull_result *ret, struct imgc_err *reterr)
{
    const struct pull_args *args = p->args;
    resolve_auto struct resolved resolved = RESOLVED_INIT;
    config_auto struct image_config config = CONFIG_INIT;
    struct platform want;

    platform_host(&want);
    if (args->platform) {
        want = *args->platform;
    }
    int r = resolve_image(p->from, p->source->ref, &want, &resolved, reterr);
    if (r < 0) {
        return r;
    }
    tell_top(args, &resolved.top);
    return pull_resolved(p, &resolved, &config, ret, reterr);
}

/* One of all platforms. *best  how well what *ret tells of suits this host. */
static int pull_next(const struct pulling *p, const struct resolved *resolved, int *best,
                     struct pull_result *ret, struct imgc_err *reterr)
{
    const struct pull_events *events = p->args->events;
    config_auto struct image_config config = CONFIG_INIT;
    struct pull_result result = { .bytes = 0 };
    char text[PLATFORM_TEXT_MAX];
    struct platform host;

    if (events && events->platform && resolved->has_platform) {
        events->platform(events->arg, &resolved->platform);
    }
    int r = pull_resolved(p, resolved, &config, &result, reterr);
    if (r < 0) {
        return resolved->has_platform
                   ? imgc_context(reterr, "%s", platform_text(&resolved->platform, text))
                   : r;
    }
    platform_host(&host);
    int match = platform_match(&host, &config.platform);
    bool is_unchanged = result.is_unchanged && (*best < 0 || ret->is_unchanged);
    if (match > *best) {
        *best = match;
        *ret = result;
    }
    ret->is_unchanged = is_unchanged;
    return 0;
}

/* This host's first: each that comes takes its place under the name at once, and until this host's
 * has, the name would stand for what does not run here. */
static void put_own_first(const struct resolved_list *list)
{
    struct platform host;
    size_t first = 0;
    int best = -1;

    platform_host(&host);
    for (size_t i = 0; i < list->n; i++) {
        int match =
            list->items[i].has_platform ? platform_match(&host, &list->items[i].platform) : -1;
        if (match > best) {
            best = match;
            first = i;
        }
    }
    struct resolved own = list->items[first];
    memmove(&list->items[1], &list->items[0], first * sizeof own);
    list->items[0] = own;
}

static int pull_all(const struct pulling *p, struct pull_result *ret, struct imgc_err *reterr)
{
    resolve_list_auto struct resolved_list list = { .n = 0 };
    int best = -1;

    int r = resolve_images(p->from, p->source->ref, &list, reterr);
    if (r < 0) {
        return r;
    }
    put_own_first(&list);
    tell_top(p->args, &list.items[0].top);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        r = pull_next(p, &list.items[i], &best, ret, reterr);
    }
    return r;
}

static int pull_from(const struct document_source *place, struct http *http,
                     const struct pull_args *args, const struct pull_source *source,
                     struct pull_result *ret, struct imgc_err *reterr)
{
    static const struct credentials_source none = { .given = NULL };
    struct credentials_source credentials = args->credentials ? *args->credentials : none;
    struct trust_places trust = { .alone = NULL };
    struct document_source from = *place;
    registry_auto struct registry *registry = NULL;

    if (args->trust) {
        trust = *args->trust;
    }
    if (source->is_mirror) { /* these are for the registry that the user has named */
        credentials.given = NULL;
        trust.alone = NULL;
    }
    const struct registry_args registry_args = {
        .ref = source->ref,
        .tls_verify = source->tls_verify,
        .credentials = &credentials,
        .trust = args->trust ? &trust : NULL,
        .proxy = source->proxy,
        .retry = args->retry,
        .is_mirror = source->is_mirror,
        .patience_s = !source->is_mirror        ? 0
                      : args->mirror_patience_s ? args->mirror_patience_s
                                                : MIRROR_PATIENCE_S,
    };
    int r = registry_new(http, &registry_args, &registry, reterr);
    from.registry = registry;
    if (r < 0) {
        return r;
    }
    const struct pulling p = { &from, http, args, source };
    return args->all_platforms ? pull_all(&p, ret, reterr) : pull_one(&p, ret, reterr);
}

/* Whether another place may do better: not where this host, its user or the image is to blame. */
static bool is_fault_of_place(enum imgc_code code)
{
    switch (code) {
    case IMGC_E_NOIMAGE:
    case IMGC_E_NOTFOUND:
    case IMGC_E_AUTH:
    case IMGC_E_NETWORK:
    case IMGC_E_TLS:
    case IMGC_E_REGISTRY:
    case IMGC_E_DIGEST:
    case IMGC_E_DOCUMENT:
    case IMGC_E_LIMIT:
    case IMGC_E_NOSPACE: /* by sizes that it says, or bytes whose digest was to come */
    case IMGC_E_PLATFORM:
    case IMGC_E_UNSUPPORTED:
    case IMGC_E_USAGE: /* its proxy */
        return true;
    default:
        return false;
    }
}

/* From the first place that has it. What a mirror gave before it failed is in the store, held by
 * the lease, and not asked for again. */
static int pull_from_any(const struct document_source *place, struct http *http,
                         const struct pull_args *args, struct pull_result *ret,
                         struct imgc_err *reterr)
{
    const struct pull_source itself = { .ref = args->ref, .tls_verify = args->tls_verify };
    const struct pull_source *sources = args->sources ? args->sources : &itself;
    size_t n = args->sources ? args->n_sources : 1;

    for (size_t i = 0;; i++) {
        struct pull_result result = { .bytes = 0 };
        int r = pull_from(place, http, args, &sources[i], &result, reterr);
        if (r >= 0) {
            *ret = result;
            return 0;
        }
        if (i + 1 == n || !sources[i].is_mirror || !is_fault_of_place(reterr->code)) {
            return r;
        }
        if (args->events && args->events->mirror_failed) {
            args->events->mirror_failed(args->events->arg, &sources[i], reterr);
        }
    }
}

int pull_image(struct store *s, struct lease *lease, const struct pull_args *args,
               struct pull_result *ret, struct imgc_err *reterr)
{
    const struct pull_events none = { .arg = NULL };
    const struct pull_events *events = args->events ? args->events : &none;
    const struct http_args http_args = { .user_agent = args->user_agent,
                                         .proxies = args->proxies,
                                         .ca_file = args->ca_file,
                                         .ca_dir = args->ca_dir,
                                         .stall_s = args->stall_s,
                                         .interrupted = events->interrupted,
                                         .tick = events->tick,
                                         .arg = events->arg };
    const struct document_source place = { .store = s, .lease = lease };
    http_auto struct http *http = NULL;
    struct pull_result result = { .bytes = 0 };

    int r = http_new(&http_args, &http, reterr);
    r = r < 0 ? r : pull_from_any(&place, http, args, &result, reterr);
    if (r < 0) {
        return r;
    }
    result.bytes = http_bytes(http);
    *ret = result;
    return 0;
}
