/* SPDX-License-Identifier: Apache-2.0 */
/* imgc info: this host and this store, for people and for bug reports. */
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/info_fs.h"
#include "cmd/listing.h"
#include "cmd/program.h"
#include "cmd/registry_info.h"
#include "layers/rootfs_form.h"
#include "runtime/net_nft.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/platform.h"
#include "store/gc.h"
#include "store/network.h"

struct info_options {
    const char *format;
};

static const struct option info_options[] = {
    { 'f', "format", OPT_STRING, offsetof(struct info_options, format), "FORMAT",
      "a template, or json" },
    { .name = NULL },
};

static const char *cgroup_mode(void)
{
    struct statfs fs;

    if (statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
        return "hybrid";
    }
    if (statfs("/sys/fs/cgroup", &fs) != 0) {
        return "none";
    }
    if (fs.f_type == CGROUP2_SUPER_MAGIC) {
        return "v2";
    }
    return access("/sys/fs/cgroup/memory", F_OK) == 0 ? "v1" : "none";
}

static bool has_nftables(void)
{
    netlink_auto struct netlink nl = NETLINK_INIT;
    struct imgc_err ignored;
    bool exists = false;

    return net_nft_open(&nl, &ignored) == 0 && net_nft_exists(&nl, "imgc", &exists, &ignored) == 0;
}

/* What a container is on that names none. */
static const char *default_network(void)
{
    const char *usual = settings_env("IMGC_NETWORK");

    if (usual && *usual) {
        return usual;
    }
    return geteuid() == 0 && has_nftables() ? NETWORK_DEFAULT : "none";
}

static int collect(struct app *app, json_t **ret, struct imgc_err *reterr)
{
    struct store *store;
    struct gc_usage u = { 0 };
    struct rootfs_choice layers = { .form = ROOTFS_DIRECTORY };
    struct utsname host = { .sysname = "" };
    struct platform platform;
    char platform_name[PLATFORM_TEXT_MAX];
    network_list_auto struct network_list networks = { .n = 0 };

    int r = app_store(app, &store, reterr);
    if (r == 0) {
        r = gc_usage(store, &u, reterr);
    }
    if (r == 0) {
        r = rootfs_form_choose(store, app->settings.form, &layers, reterr);
    }
    if (r == 0) {
        r = network_list(store, &networks, reterr);
    }
    if (r < 0) {
        return r;
    }
    (void)uname(&host);
    platform_host(&platform);
    json_t *doc = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:s}",
        "Version", program_version(), "Root", store_root_path(store), "Runroot",
        store_runroot_path(store), "Layers", rootfs_form_name(layers.form), "LayersReason",
        layers.reason, "Kernel", host.release, "Platform", platform_text(&platform, platform_name),
        "Cgroup", cgroup_mode(), "Rootless", geteuid() != 0, "Images", (json_int_t)u.images,
        "ImagesSize", (json_int_t)u.images_bytes, "Containers", (json_int_t)u.containers,
        "ContainersRunning", (json_int_t)u.containers_running, "ContainersSize",
        (json_int_t)u.containers_bytes, "Volumes", (json_int_t)u.volumes, "VolumesSize",
        (json_int_t)u.volumes_bytes, "Networks", (json_int_t)networks.n, "DefaultNetwork",
        default_network());
    if (!doc) {
        return imgc_fail(reterr, IMGC_E_USAGE, "the paths of the store are not UTF-8");
    }
    json_t *registries = NULL;
    r = json_put(doc, "Filesystem", info_fs_json(store_root_path(store)), reterr);
    r = r < 0 ? r : registry_info(&registries, reterr);
    if (r == 0) {
        r = json_put(doc, "Registries", registries, reterr);
    }
    if (r < 0) {
        json_decref(doc);
        return r;
    }
    *ret = doc;
    return 0;
}

static void print_value(struct app *app, json_t *value, int depth);

/* "Key: value" lines, in the order of the document; what is empty is left out. */
static void print_members(struct app *app, json_t *doc, int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(doc, key, value)
    {
        if (json_array_size(value) == 0 && json_object_size(value) == 0 &&
            (json_is_array(value) || json_is_object(value) || json_is_null(value))) {
            continue;
        }
        output_print(&app->out, "%*s%s:", 2 * depth, "", key);
        print_value(app, value, depth + 1);
    }
}

/* What is no object and no array of them, behind the key. */
static void print_plain(struct app *app, const json_t *value)
{
    imgc_autobuf struct imgc_buf safe = IMGC_BUF_INIT(LIMIT_REGISTRIES_BYTES);
    size_t i;
    json_t *item;

    json_array_foreach(value, i, item)
    {
        output_safe(&safe, json_string_value(item));
        imgc_buf_puts(&safe, i + 1 < json_array_size(value) ? ", " : "");
    }
    if (json_is_string(value)) {
        output_safe(&safe, json_string_value(value));
    } else if (json_is_integer(value)) {
        imgc_buf_printf(&safe, "%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        imgc_buf_puts(&safe, json_is_true(value) ? "true" : "false");
    }
    output_print(&app->out, " %s\n", safe.ptr ? safe.ptr : "");
}

static void print_value(struct app *app, json_t *value, int depth)
{
    size_t i;
    json_t *item;

    if (json_is_object(value)) {
        output_print(&app->out, "\n");
        print_members(app, value, depth);
        return;
    }
    if (!json_is_object(json_array_get(value, 0))) {
        print_plain(app, value);
        return;
    }
    output_print(&app->out, "\n");
    json_array_foreach(value, i, item)
    {
        output_print(&app->out, "%*s-\n", 2 * depth, "");
        print_members(app, item, depth + 1);
    }
}

static int info_run(struct app *app, const void *options, struct args args, struct imgc_err *reterr)
{
    const struct info_options *o = options;
    json_auto_free json_t *doc = NULL;
    (void)args;

    int r = collect(app, &doc, reterr);
    if (r < 0) {
        return r;
    }
    if (o->format) {
        return listing_document(app, o->format, doc, NULL, reterr);
    }
    print_members(app, doc, 0);
    return 0;
}

const struct command cmd_info = {
    .name = "info",
    .args = "",
    .summary = "show this host and this store",
    .help = "  imgc info\n"
            "  imgc info -f '{{.Root}}'\n",
    .options = info_options,
    .options_size = sizeof(struct info_options),
    .min_args = 0,
    .max_args = 0,
    .run = info_run,
};
