/* SPDX-License-Identifier: Apache-2.0 */
/* imgc volume create, rm: make and remove volumes. */
#include <stdio.h>

#include "cmd/chores.h"
#include "cmd/commands.h"
#include "cmd/container_end.h"
#include "cmd/label_list.h"
#include "cmd/sweep.h"
#include "schema/json.h"
#include "store/volume.h"

#define USERS_BYTES 400 /* of a message; the rest is not said */

/* ---- create ---- */

struct create_options {
    struct option_list labels;
    const char *driver, *name;
    bool ignore;
};

static const struct option create_options[] = {
    { 0, "label", OPT_LIST, offsetof(struct create_options, labels), "K=V", "give it a label" },
    { 'd', "driver", OPT_STRING, offsetof(struct create_options, driver), "local",
      "the only one there is" },
    { 0, "name", OPT_STRING, offsetof(struct create_options, name), "NAME", NULL },
    { 0, "ignore", OPT_FLAG, offsetof(struct create_options, ignore), NULL, NULL },
    { .name = NULL },
};

static int choose_name(const struct create_options *o, struct args args,
                       char made[VOLUME_MADE_NAME_MAX], struct volume_args *ret,
                       struct imgc_err *reterr)
{
    ret->name = args.n > 0 ? args.v[0] : o->name;
    if (o->name && args.n > 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "one name: '%s' or '%s'", o->name, args.v[0]);
    }
    if (!ret->name) {
        ret->name = made;
        ret->is_anonymous = true;
        return volume_make_name(made, reterr);
    }
    return volume_name_is_good(imgc_str_of(ret->name))
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE,
                           "'%s' is no name of a volume: letters, digits, '_', '.' and '-'",
                           ret->name);
}

static int create_run(struct app *app, const void *options, struct args args,
                      struct imgc_err *reterr)
{
    const struct create_options *o = options;
    lease_auto struct lease *lease = NULL;
    imgc_autofree char *labels = NULL;
    char made[VOLUME_MADE_NAME_MAX];
    struct volume_args volume = { .name = NULL };
    struct store *store;

    if (o->driver && strcmp(o->driver, "local") != 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--driver '%s': the only one is local", o->driver);
    }
    int r = choose_name(o, args, made, &volume, reterr);
    r = r < 0 ? r : label_list_json("label", &o->labels, &labels, reterr);
    r = r < 0 ? r : app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    r = r < 0 ? r : lease_begin(store, &lease, reterr);
    if (r < 0) {
        return r;
    }
    volume.labels_json = labels;
    r = volume_create(store, lease, &volume, reterr); /* docker: one that is there is fine */
    if (r < 0) {
        return r;
    }
    output_print(&app->out, "%s\n", volume.name);
    return 0;
}

const struct command cmd_volume_create = {
    .name = "volume create",
    .args = "[NAME]",
    .summary = "make a volume",
    .help = "Prints its name, which is made up where none is given. One that is there stays as it\n"
            "is. 'run -v NAME:DIR' makes volumes as well.\n"
            "\n"
            "  imgc volume create --label app=db data\n",
    .options = create_options,
    .options_size = sizeof(struct create_options),
    .min_args = 0,
    .max_args = 1,
    .run = create_run,
};

/* ---- rm ---- */

struct rm_options {
    bool force;
};

static const struct option rm_options[] = {
    { 'f', "force", OPT_FLAG, offsetof(struct rm_options, force), NULL,
      "with the containers that use it; a missing one is no error" },
    { .name = NULL },
};

static int in_use(struct store *store, const char *name, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(USERS_BYTES);
    char **users = NULL;
    struct imgc_str s;
    struct imgc_err ignored;

    int r = volume_users(store, name, &users, reterr);
    if (r < 0) {
        return r;
    }
    for (char **u = users; *u; u++) {
        imgc_buf_printf(&text, "%s%s", u > users ? ", " : "", *u);
    }
    (void)json_strings_free(users);
    bool is_whole = imgc_buf_finish(&text, &s, &ignored) == 0;
    return imgc_fail(reterr, IMGC_E_INUSE, "volume %s is used by %s", name,
                     is_whole && text.len > 0 ? s.ptr : "containers");
}

/* podman's: a volume that is removed by force takes its containers with it. */
static int remove_users(struct app *app, const char *name, struct imgc_err *reterr)
{
    char **users = NULL;

    int r = volume_users(app->store, name, &users, reterr);
    for (char **u = users; r == 0 && *u; u++) {
        container_auto struct container c = { .name = NULL };
        r = container_find(app->store, imgc_str_of(*u), &c, reterr);
        r = r == 0                   ? container_end_remove(app, &c, true, false, reterr)
            : r == CONTAINER_MISSING ? 0
                                     : r;
    }
    (void)json_strings_free(users);
    return r;
}

static int remove_one(struct app *app, const char *name, bool force, struct imgc_err *reterr)
{
    int r = volume_remove(app->store, name, reterr);
    if (r == VOLUME_MISSING) {
        return force ? 0 : imgc_fail(reterr, IMGC_E_NOTFOUND, "no such volume: %s", name);
    }
    if (r == VOLUME_USED && force) {
        r = remove_users(app, name, reterr);
        r = r < 0 ? r : volume_remove(app->store, name, reterr);
    }
    if (r == VOLUME_USED) {
        return in_use(app->store, name, reterr);
    }
    if (r == 0) {
        chores_note(app);
        output_print(&app->out, "%s\n", name);
    }
    return r;
}

/* All are tried; the first failure is returned, the others are told at once. */
static int rm_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct rm_options *o = options;
    struct store *store;
    struct imgc_err err;
    int failed = 0;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : sweep_dead(app, NULL, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < args.n; i++) {
        r = remove_one(app, args.v[i], o->force, &err);
        if (r < 0 && failed < 0) {
            output_error(&app->out, &err);
        } else if (r < 0) {
            failed = r;
            *reterr = err;
        }
    }
    return failed;
}

const struct command cmd_volume_rm = {
    .name = "volume rm",
    .args = "VOLUME...",
    .summary = "remove volumes and what is in them",
    .help = "A volume that a container uses, running or not, stays: the status is 2.\n"
            "With --force those containers are killed and removed first, as in podman.\n"
            "\n"
            "  imgc volume rm data\n",
    .options = rm_options,
    .options_size = sizeof(struct rm_options),
    .min_args = 1,
    .max_args = SIZE_MAX,
    .run = rm_run,
};
