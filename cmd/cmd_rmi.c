/* SPDX-License-Identifier: Apache-2.0 */
/* imgc rmi: remove names and images. */
#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/describe.h"
#include "cmd/lookup.h"
#include "cmd/mounting.h"
#include "cmd/sweep.h"
#include "store/container.h"
#include "store/gc.h"

struct rmi_options {
    bool force, all, ignore;
};

static const struct option rmi_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct rmi_options, force), NULL,
      "also an ID with several tags, stopped containers, and what is mounted" },
    { 'a', "all", OPT_FLAG, offsetof(struct rmi_options, all), NULL, "remove all images" },
    { 'i', "ignore", OPT_FLAG, offsetof(struct rmi_options, ignore), NULL,
      "a missing image is no error" },
    { .name = NULL },
};

struct rmi {
    struct app *app;
    struct store *store;
    const struct rmi_options *options;
    bool failed, in_use;
    const char *remedy; /* for the failure that comes next; NULL: the usual one */
};

static size_t count(char **names)
{
    size_t n = 0;

    while (names && names[n]) {
        n++;
    }
    return n;
}

static void print_untagged(struct rmi *m, char **names)
{
    for (size_t i = 0; names && names[i]; i++) {
        output_print(&m->app->out, "Untagged: %s\n", describe_familiar(names[i]));
    }
}

/* ---- containers that use the image ---- */

static int refuse_in_use(const struct container *c, const char *name, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_INUSE, "image %s is used by the %s container %s (%.12s)", name,
                     c->status == CONTAINER_RUNNING ? "running" : "stopped", c->name, c->id);
}

static int remove_container(struct rmi *m, const struct container *c, struct imgc_err *reterr)
{
    int r = 0;

    if (sweep_is_due(c)) {
        r = sweep_remains(m->app, c, true, reterr);
    }
    return r < 0 ? r : container_discard(m->store, c->id, reterr);
}

/* With --force the stopped containers go, unless one runs: then nothing is touched. */
static int remove_containers(struct rmi *m, const struct image *image, const char *name,
                             struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };

    int r = image->n_containers ? container_list(m->store, &list, reterr) : 0;
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        const struct container *c = &list.items[i];
        bool ours = digest_eq(&c->image_id, &image->id);
        if (ours && (c->status == CONTAINER_RUNNING || !m->options->force)) {
            return refuse_in_use(c, name, reterr);
        }
    }
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        if (digest_eq(&list.items[i].image_id, &image->id)) {
            r = remove_container(m, &list.items[i], reterr);
        }
    }
    return r;
}

/* ---- images ---- */

static int remove_image(struct rmi *m, const struct image *image, const char *name,
                        struct imgc_err *reterr)
{
    char text[DESCRIBE_ID_MAX];

    int r = remove_containers(m, image, name, reterr);
    if (r == 0) {
        r = mounting_release(m->app, &image->id, m->options->force, reterr);
        m->remedy = r == -(int)IMGC_E_INUSE ? "imgc umount it first, or use --force" : NULL;
    }
    if (r == 0) {
        r = gc_remove(m->store, &image->id, NULL, reterr);
    }
    if (r != 0) {
        return r < 0 ? r : 0; /* gone meanwhile: as wanted */
    }
    chores_note(m->app);
    print_untagged(m, image->tags);
    print_untagged(m, image->repo_digests);
    output_print(&m->app->out, "Deleted: %s\n", describe_id(&image->id, true, text));
    return 0;
}

static int untag(struct rmi *m, const struct ref *ref, const struct image *image,
                 struct imgc_err *reterr)
{
    imgc_autofree char *text = NULL;

    int r = ref_familiar(ref, &text, reterr);
    if (r == 0) {
        r = image_untag(m->store, ref, &image->id, reterr);
    }
    if (r == 0) {
        output_print(&m->app->out, "Untagged: %s\n", text);
    }
    return r < 0 ? r : 0;
}

/* A name that is not the image's last one is taken away from it; else the image goes. */
static int remove_named(struct rmi *m, const struct ref *ref, const struct image *image,
                        const char *name, struct imgc_err *reterr)
{
    size_t others = count(image->tags);

    if (digest_is_set(&ref->digest)) {
        others += count(image->repo_digests);
    }
    return others > 1 ? untag(m, ref, image, reterr) : remove_image(m, image, name, reterr);
}

/* A name stands for the images of several platforms. Which ones is asked once, before the first is
 * gone: after that the same word may mean an ID, or a name in another registry. This host's goes
 * first, and where it cannot, none does. */
static int remove_ref(struct rmi *m, const struct ref *ref, const struct image *image,
                      const char *name, struct imgc_err *reterr)
{
    imgc_autofree struct digest *ids = NULL;
    size_t n = 0;

    int r = image_list_named(m->store, ref, &ids, &n, reterr);
    if (r != 0) {
        return r < 0 ? r : 0; /* gone meanwhile: as wanted */
    }
    r = remove_named(m, ref, image, name, reterr);
    for (size_t i = 0; r == 0 && i < n; i++) {
        image_auto struct image other = { .tags = NULL };
        if (digest_eq(&ids[i], &image->id)) {
            continue;
        }
        r = image_find_id(m->store, &ids[i], &other, reterr);
        r = r == 0 ? remove_named(m, ref, &other, name, reterr) : r < 0 ? r : 0;
    }
    return r;
}

/* An image by its ID. */
static int remove_id(struct rmi *m, const struct image *image, const char *name,
                     struct imgc_err *reterr)
{
    if (count(image->tags) > 1 && !m->options->force) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "image %s has %zu tags (%s, %s%s): remove it by name, or use --force",
                         name, count(image->tags), describe_familiar(image->tags[0]),
                         describe_familiar(image->tags[1]), image->tags[2] ? ", ..." : "");
    }
    return remove_image(m, image, name, reterr);
}

static int remove_one(struct rmi *m, const char *name, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };
    ref_auto struct ref ref = REF_INIT;

    int r = lookup_find(m->store, name, &image, reterr);
    if (r == IMAGE_MISSING) {
        return m->options->ignore ? 0
                                  : imgc_fail(reterr, IMGC_E_NOTFOUND, "no such image: %s", name);
    }
    r = r < 0 ? r : lookup_ref(m->store, name, &image, &ref, reterr);
    if (r == LOOKUP_IS_ID) {
        return remove_id(m, &image, name, reterr);
    }
    if (r == 0 && digest_is_set(&ref.digest)) {
        /* "name:tag@digest" names the digest. */
        free(ref.tag);
        ref.tag = NULL;
    }
    return r < 0 ? r : remove_ref(m, &ref, &image, name, reterr);
}

/* A failure stops only its own image. */
static void note_failure(struct rmi *m, const struct imgc_err *err)
{
    m->in_use = m->in_use || err->code == IMGC_E_INUSE;
    m->failed = true;
    if (err->code == IMGC_E_USAGE) {
        output_error_remedy(&m->app->out, err, NULL); /* says what to do itself */
    } else if (m->remedy) {
        output_error_remedy(&m->app->out, err, m->remedy);
        m->remedy = NULL;
    } else if (err->code == IMGC_E_INUSE && m->options->force) {
        output_error_remedy(&m->app->out, err, "end it first: imgc rm --force CONTAINER");
    } else {
        output_error(&m->app->out, err);
    }
}

static int remove_all(struct rmi *m, struct imgc_err *reterr)
{
    image_list_auto struct image_list list = { .items = NULL };

    int r = image_list(m->store, &list, reterr);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        char id[DESCRIBE_ID_MAX];
        const struct image *image = &list.items[i];
        const char *name = count(image->tags) ? describe_familiar(image->tags[0])
                                              : describe_id(&image->id, false, id);
        struct imgc_err err;
        if (remove_image(m, image, name, &err) < 0) {
            note_failure(m, &err);
        }
    }
    return r;
}

static int rmi_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    struct rmi m = { .app = app, .options = options };

    if (m.options->all == (args.n > 0)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "rmi takes images, or --all");
    }
    int r = app_store(app, &m.store, reterr);
    if (r == 0) {
        r = sweep_dead(app, NULL, reterr);
    }
    if (r == 0 && m.options->all) {
        r = remove_all(&m, reterr);
    }
    for (size_t i = 0; r == 0 && i < args.n; i++) {
        struct imgc_err err;
        if (remove_one(&m, args.v[i], &err) < 0) {
            note_failure(&m, &err);
        }
    }
    if (r < 0) {
        return r;
    }
    return m.in_use ? imgc_code_status(IMGC_E_INUSE) : m.failed;
}

const struct command cmd_rmi = {
    .name = "rmi",
    .args = "IMAGE...",
    .summary = "remove images",
    .help =
        "A name that is not the image's last one is only taken away (Untagged); with the last "
        "one,\n"
        "or named by its ID, the image goes (Deleted) with what no other image needs. An image\n"
        "that a container uses stays, and the status is 2; --force removes stopped containers "
        "with\n"
        "it, running ones never, and takes a mounted image off first.\n"
        "\n"
        "  imgc rmi debian:bookworm\n"
        "  imgc rmi -f 4b5a\n"
        "  imgc rmi $(imgc images -q --filter dangling=true)\n",
    .options = rmi_options,
    .options_size = sizeof(struct rmi_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .ids = IDS_WANTED,
    .run = rmi_run,
};
