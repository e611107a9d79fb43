/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/describe.h"

#include <stdio.h>

#include "cmd/units.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_freeze.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "store/blob.h"

#define SECOND_NS INT64_C(1000000000)
#define NEVER "0001-01-01T00:00:00Z" /* Go's zero time, as docker shows what has not happened */

const char *const describe_maps[] = { "Labels", "Annotations", "ExposedPorts", "Volumes", NULL };

const char *describe_id(const struct digest *id, bool full, char out[DESCRIBE_ID_MAX])
{
    char hex[DIGEST_HEX_MAX];

    if (full) {
        return digest_text(id, out);
    }
    (void)snprintf(out, DESCRIBE_ID_MAX, "%.12s", digest_hex(id, hex));
    return out;
}

const char *describe_ago(int64_t ns, int64_t now_ns, char out[DESCRIBE_TIME_MAX])
{
    char text[UNITS_TEXT_MAX];

    if (ns == 0) {
        return "N/A";
    }
    /* Dates before 1970 and clocks that went back must not overflow. */
    int64_t seconds = now_ns / SECOND_NS - ns / SECOND_NS;
    (void)snprintf(out, DESCRIBE_TIME_MAX, "%s ago", units_human_duration(seconds, text));
    return out;
}

/* As Go prints a time: "2024-01-02 15:04:05 +0000 UTC". */
static const char *created_at(int64_t ns, char out[DESCRIBE_TIME_MAX])
{
    char text[CLOCK_TEXT_MAX];

    (void)clock_rfc3339(ns, false, text);
    (void)snprintf(out, DESCRIBE_TIME_MAX, "%.10s %.8s +0000 UTC", text,
                   strlen(text) > 11 ? text + 11 : "");
    return out;
}

const char *describe_familiar(const char *name)
{
    struct imgc_str s = imgc_str_of(name);

    if (!imgc_str_skip(&s, IMGC_STR("docker.io/"))) {
        return name;
    }
    struct imgc_str official = s;
    if (imgc_str_skip(&official, IMGC_STR("library/")) &&
        imgc_str_find(official, '/') == official.len) {
        return official.ptr;
    }
    return s.ptr;
}

/* json_pack's "O" takes a counted reference, which needs the value not const. */
static json_t *not_const(const json_t *j)
{
    union {
        const json_t *in;
        json_t *out;
    } u = { .in = j };
    return u.out;
}

static int no_memory(struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
}

/* ---- configs ---- */

int describe_config(struct store *s, const struct image *image, json_t **ret,
                    struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf bytes = IMGC_BUF_INIT(LIMIT_CONFIG_BYTES);
    struct imgc_str text = { NULL, 0 };
    char id[DESCRIBE_ID_MAX];

    int r = blob_get(s, &image->id, &bytes, reterr);
    if (r == BLOB_MISSING) {
        return imgc_fail(reterr, IMGC_E_STORE, "image %s has lost its config",
                         describe_id(&image->id, false, id));
    }
    if (r == 0) {
        r = imgc_buf_finish(&bytes, &text, reterr);
    }
    return r < 0 ? r : json_parse(text, "config", ret, reterr);
}

/* An array of familiar names. */
static json_t *familiar_names(char **names)
{
    json_t *list = json_array();

    for (char **n = names; list && n && *n; n++) {
        (void)json_array_append_new(list, json_string(describe_familiar(*n)));
    }
    return list;
}

static json_t *full_names(char **names)
{
    json_t *list = json_array();

    for (char **n = names; list && n && *n; n++) {
        (void)json_array_append_new(list, json_string(*n));
    }
    return list;
}

static json_t *layers(const struct image *image)
{
    json_t *list = json_array();
    char text[DIGEST_TEXT_MAX];

    for (size_t i = 0; list && i < image->n_diff_ids; i++) {
        (void)json_array_append_new(list, json_string(digest_text(&image->diff_ids[i], text)));
    }
    return list;
}

/* The config's "config", with the fields that it has not as docker shows them. */
static json_t *run_config(const json_t *config)
{
    static const char *const strings[] = { "User", "WorkingDir", "StopSignal" };
    static const char *const others[] = { "Env",    "Cmd",     "Entrypoint",
                                          "Labels", "Volumes", "ExposedPorts" };
    const json_t *have = json_object_get(config, "config");
    json_t *c = json_is_object(have) ? json_deep_copy(have) : json_object();

    for (size_t i = 0; c && i < sizeof strings / sizeof *strings; i++) {
        if (!json_is_string(json_object_get(c, strings[i]))) {
            (void)json_object_set_new(c, strings[i], json_string(""));
        }
    }
    for (size_t i = 0; c && i < sizeof others / sizeof *others; i++) {
        if (!json_object_get(c, others[i])) {
            (void)json_object_set_new(c, others[i], json_null());
        }
    }
    return c;
}

static const char *string_or_empty(const json_t *obj, const char *key)
{
    const char *z = json_string_value(json_object_get(obj, key));
    return z ? z : "";
}

int describe_image(struct store *s, const struct image *image, json_t **ret,
                   struct imgc_err *reterr)
{
    json_auto_free json_t *config = NULL;
    char hex[DIGEST_HEX_MAX], manifest[DIGEST_TEXT_MAX];
    char created[CLOCK_TEXT_MAX], added[CLOCK_TEXT_MAX];

    int r = describe_config(s, image, &config, reterr);
    if (r < 0) {
        return r;
    }
    json_t *run = run_config(config);
    json_t *labels = json_object_get(run, "Labels");
    json_t *history = json_object_get(config, "history");
    const char *created_text = string_or_empty(config, "created");
    json_t *doc = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:O, s:s, s:s, s:s, s:I, s:I, "
        "s:I, s:{s:s, s:o}, s:O, s:s, s:I}",
        "Id", digest_hex(&image->id, hex), "Digest", digest_text(&image->manifest, manifest),
        "RepoTags", familiar_names(image->tags), "RepoDigests", familiar_names(image->repo_digests),
        "Names", full_names(image->tags), "Parent", "", "Comment",
        string_or_empty(config, "comment"), "Author", string_or_empty(config, "author"), "Created",
        *created_text ? created_text : clock_rfc3339(image->created_ns, true, created), "Added",
        clock_rfc3339(image->added_ns, true, added), "Config", run, "Labels",
        labels ? labels : json_null(), "Architecture", image->platform.arch, "Os",
        image->platform.os, "Variant", image->platform.variant, "Size", (json_int_t)image->size,
        "VirtualSize", (json_int_t)image->size, "UniqueSize", (json_int_t)image->unique_size,
        "RootFS", "Type", "layers", "Layers", layers(image), "History",
        history ? history : json_null(), "User", string_or_empty(run, "User"), "Containers",
        (json_int_t)image->n_containers);
    if (!doc) {
        return no_memory(reterr);
    }
    *ret = doc;
    return 0;
}

/* ---- rows of `images` ---- */

/* The digest that the tag's repository knows the image by, or its manifest's. */
static const char *digest_of_tag(const struct image *image, struct imgc_str repository,
                                 char out[DIGEST_TEXT_MAX])
{
    for (char **d = image->repo_digests; repository.len && d && *d; d++) {
        struct imgc_str rest = imgc_str_of(*d);
        if (imgc_str_skip(&rest, repository) && imgc_str_skip(&rest, IMGC_STR("@"))) {
            return rest.ptr;
        }
    }
    return digest_text(&image->manifest, out);
}

static int add_row(const struct image *image, const struct describe_rows_args *args,
                   const char *tag, json_t *rows, struct imgc_err *reterr)
{
    char id[DESCRIBE_ID_MAX], ago[DESCRIBE_TIME_MAX], at[DESCRIBE_TIME_MAX];
    char size[UNITS_TEXT_MAX], digest[DIGEST_TEXT_MAX], platform[PLATFORM_TEXT_MAX];
    struct imgc_str repository = { NULL, 0 }, version = IMGC_STR("<none>");
    json_auto_free json_t *none = json_object(); /* a template shows "map[]" */
    json_t *labels = json_is_object(args->labels) ? not_const(args->labels) : none;

    if (tag) {
        (void)imgc_str_rsplit(imgc_str_of(tag), ':', &repository, &version);
    }
    struct imgc_str shown = IMGC_STR("<none>");
    if (tag) {
        const char *familiar = describe_familiar(tag);
        shown = imgc_str_first(imgc_str_of(familiar), repository.len - (size_t)(familiar - tag));
    }
    (void)units_human_size(image->size, size);
    (void)describe_ago(image->created_ns, args->now_ns, ago);
    const char *since = image->created_ns ? ago : "N/A";
    json_t *row =
        json_pack("{s:s%, s:s%, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:o, s:o, s:o, s:I, "
                  "s:b}",
                  "Repository", shown.ptr, shown.len, "Tag", version.ptr, version.len, "ID",
                  describe_id(&image->id, args->no_trunc, id), "Digest",
                  digest_of_tag(image, repository, digest), "CreatedSince", since, "CreatedAt",
                  created_at(image->created_ns, at), "Created", since, "Platform",
                  platform_text(&image->platform, platform), "Size", size, "VirtualSize", size,
                  "Labels", labels, "Names", full_names(image->tags), "RepoTags",
                  familiar_names(image->tags), "RepoDigests", familiar_names(image->repo_digests),
                  "Containers", (json_int_t)image->n_containers, "Dangling", tag == NULL);
    if (!row || json_array_append_new(rows, row) < 0) {
        return no_memory(reterr);
    }
    return 0;
}

int describe_rows(const struct image *image, const struct describe_rows_args *args, json_t *rows,
                  struct imgc_err *reterr)
{
    int r = 0;

    if (!image->tags || !image->tags[0]) {
        bool wanted = !args->wants || args->wants(args->arg, NULL);
        return wanted ? add_row(image, args, NULL, rows, reterr) : 0;
    }
    for (char **tag = image->tags; r == 0 && *tag; tag++) {
        if (!args->wants || args->wants(args->arg, *tag)) {
            r = add_row(image, args, *tag, rows, reterr);
        }
    }
    return r;
}

int describe_summary(const struct image *image, const json_t *labels, json_t **ret,
                     struct imgc_err *reterr)
{
    char hex[DIGEST_HEX_MAX], manifest[DIGEST_TEXT_MAX], created[CLOCK_TEXT_MAX];
    json_t *doc = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:O, s:I, s:b, s:I, s:s, s:s, s:s, s:s}",
        "Id", digest_hex(&image->id, hex), "ParentId", "", "RepoTags", familiar_names(image->tags),
        "RepoDigests", familiar_names(image->repo_digests), "Names", full_names(image->tags),
        "Digest", digest_text(&image->manifest, manifest), "Size", (json_int_t)image->size,
        "VirtualSize", (json_int_t)image->size, "UniqueSize", (json_int_t)image->unique_size,
        "Labels", labels ? not_const(labels) : json_null(), "Containers",
        (json_int_t)image->n_containers, "Dangling", !image->tags || !image->tags[0], "Created",
        (json_int_t)(image->created_ns / SECOND_NS), "CreatedAt",
        clock_rfc3339(image->created_ns, true, created), "Os", image->platform.os, "Architecture",
        image->platform.arch, "Variant", image->platform.variant);
    if (!doc) {
        return no_memory(reterr);
    }
    *ret = doc;
    return 0;
}

/* ---- containers ---- */

bool describe_is_paused(const struct container *c)
{
    return c->status == CONTAINER_RUNNING && cgroup_freeze_is_frozen(c->cgroup);
}

const char *describe_status(const struct container *c)
{
    switch (c->status) {
    case CONTAINER_CREATED:
        return "created";
    case CONTAINER_RUNNING:
        return describe_is_paused(c) ? "paused" : "running";
    case CONTAINER_EXITED:
        return "exited";
    }
    return "unknown";
}

static const char *time_or_never(int64_t ns, char out[CLOCK_TEXT_MAX])
{
    return ns ? clock_rfc3339(ns, true, out) : NEVER;
}

/* Of one that runs the kernel knows; of one that has ended it was written down. */
static bool is_oom_killed(const struct container *c)
{
    cgroup_auto struct cgroup *cg = NULL;
    struct imgc_err ignored;

    if (c->status != CONTAINER_RUNNING) {
        return c->oom_killed;
    }
    return c->cgroup && cgroup_open(c->cgroup, &cg, &ignored) == 0 && cgroup_oom_killed(cg);
}

static json_t *state_of(const struct container *c)
{
    char started[CLOCK_TEXT_MAX], finished[CLOCK_TEXT_MAX];
    bool running = c->status == CONTAINER_RUNNING;

    return json_pack("{s:s, s:b, s:b, s:I, s:i, s:b, s:s, s:s}", "Status", describe_status(c),
                     "Running", running, "Paused", describe_is_paused(c), "Pid",
                     (json_int_t)(running ? c->init.pid : 0), "ExitCode",
                     c->status == CONTAINER_EXITED ? c->exit_code : 0, "OOMKilled",
                     is_oom_killed(c), "StartedAt", time_or_never(c->started_ns, started),
                     "FinishedAt", time_or_never(c->finished_ns, finished));
}

/* The words after the first one. */
static json_t *arguments(const json_t *command)
{
    json_t *list = json_array();

    for (size_t i = 1; list && i < json_array_size(command); i++) {
        (void)json_array_append(list, json_array_get(command, i));
    }
    return list;
}

int describe_container(const struct container *c, json_t **ret, struct imgc_err *reterr)
{
    json_auto_free json_t *spec = NULL;
    char hex[DIGEST_HEX_MAX] = "", created[CLOCK_TEXT_MAX];

    int r = json_parse(imgc_str_of(c->spec_json), "container", &spec, reterr);
    if (r < 0) {
        return r;
    }
    const json_t *command = json_object_get(spec, "Cmd");
    const char *path = json_string_value(json_array_get(command, 0));
    if (digest_is_set(&c->image_id)) {
        (void)digest_hex(&c->image_id, hex);
    }
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:b, s:O}", "Id", c->id, "Created",
                  time_or_never(c->created_ns, created), "Name", c->name, "Path", path ? path : "",
                  "Args", arguments(command), "State", state_of(c), "Image", hex, "ImageName",
                  c->image_name, "AutoRemove", c->auto_remove, "Config", spec);
    if (!doc) {
        return no_memory(reterr);
    }
    *ret = doc;
    return 0;
}
