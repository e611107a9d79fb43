/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/registry_conf.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/settings.h"
#include "schema/base/fd.h"
#include "schema/json.h"
#include "schema/limits.h"

#define HOST_FILE "/etc/containers/registries.conf"
#define HOST_DIR "/etc/containers/registries.conf.d"
#define NOTED "/containers/short-name-aliases.conf"

void registry_conf_done(struct registry_conf *c)
{
    registries_conf_done(&c->conf);
    c->files = json_strings_free(c->files);
    c->n_files = 0;
}

static int note_file(struct registry_conf *c, const char *path, struct imgc_err *reterr)
{
    char **files = reallocarray((void *)c->files, c->n_files + 2, sizeof *files);

    if (!files) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    c->files = files;
    files[c->n_files] = NULL;
    int r = imgc_str_dup(imgc_str_of(path), &files[c->n_files], reterr);
    if (r == 0) {
        files[++c->n_files] = NULL;
    }
    return r;
}

/* One file; @may_miss: it need not be there. */
static int add_file(struct registry_conf *c, const char *path, bool may_miss,
                    struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_REGISTRIES_BYTES);
    imgc_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct imgc_str text = IMGC_STR("");

    if (fd < 0) {
        return may_miss && (errno == ENOENT || errno == ENOTDIR)
                   ? 0
                   : imgc_fail_sys(reterr, errno, "open '%s'", path);
    }
    int r = fd_read_all(fd, &b, reterr);
    r = r < 0 ? r : imgc_buf_finish(&b, &text, reterr);
    if (r < 0) {
        return imgc_context(reterr, "'%s'", path);
    }
    r = registries_conf_add(&c->conf, text, path, reterr);
    return r < 0 ? r : note_file(c, path, reterr);
}

static int is_conf(const struct dirent *entry)
{
    return imgc_str_ends(imgc_str_of(entry->d_name), IMGC_STR(".conf"));
}

/* All drop-ins of a folder, by name. */
static int add_folder(struct registry_conf *c, const char *dir, struct imgc_err *reterr)
{
    struct dirent **entries = NULL;
    int r = 0, n = scandir(dir, &entries, is_conf, alphasort);

    if (n < 0) {
        return errno == ENOENT || errno == ENOTDIR ? 0
                                                   : imgc_fail_sys(reterr, errno, "read '%s'", dir);
    }
    for (int i = 0; i < n; i++) {
        imgc_autobuf struct imgc_buf path = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
        struct imgc_str text;
        imgc_buf_printf(&path, "%s/%s", dir, entries[i]->d_name);
        r = r < 0 ? r : imgc_buf_finish(&path, &text, reterr);
        if (r == 0 && entries[i]->d_type != DT_DIR) {
            r = add_file(c, text.ptr, true, reterr);
        }
        free(entries[i]);
    }
    free((void *)entries);
    return r;
}

/* The main file. @ret_is_own  it is the user's, and the host's drop-ins do not count. */
static int add_main(struct registry_conf *c, bool *ret_is_own, struct imgc_err *reterr)
{
    imgc_autofree char *own = NULL;
    const char *given = settings_env(SETTINGS_REGISTRIES_CONF);

    *ret_is_own = false;
    if (given && *given) {
        return add_file(c, given, false, reterr);
    }
    int r = settings_user_config("/containers/registries.conf", &own, reterr);
    if (r < 0) {
        return r;
    }
    *ret_is_own = own && access(own, F_OK) == 0;
    return add_file(c, *ret_is_own ? own : HOST_FILE, true, reterr);
}

/* What podman's user has answered when it asked which registry was meant. */
static int add_noted(struct registry_conf *c, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf path = IMGC_BUF_INIT(LIMIT_PATH_BYTES);
    const char *cache = settings_env("XDG_CACHE_HOME"), *home = settings_env("HOME");
    struct imgc_str text;

    if (settings_uid() == 0) {
        return add_file(c, "/var/cache" NOTED, true, reterr);
    }
    if (cache && *cache == '/') {
        imgc_buf_printf(&path, "%s" NOTED, cache);
    } else if (home && *home == '/') {
        imgc_buf_printf(&path, "%s/.cache" NOTED, home);
    } else {
        return 0;
    }
    int r = imgc_buf_finish(&path, &text, reterr);
    return r < 0 ? r : add_file(c, text.ptr, true, reterr);
}

int registry_conf_load(struct registry_conf *ret, struct imgc_err *reterr)
{
    imgc_autofree char *own = NULL;
    bool is_own = false;

    int r = add_main(ret, &is_own, reterr);
    if (r == 0 && !is_own) {
        r = add_folder(ret, HOST_DIR, reterr);
    }
    r = r < 0 ? r : settings_user_config("/containers/registries.conf.d", &own, reterr);
    if (r == 0 && own) {
        r = add_folder(ret, own, reterr);
    }
    return r < 0 ? r : add_noted(ret, reterr);
}

int registry_conf_names(const char *name, char ***ret, struct imgc_err *reterr)
{
    registry_conf_auto struct registry_conf c = { .files = NULL };

    int r = registry_conf_load(&c, reterr);
    return r < 0 ? r : registries_conf_names(&c.conf, imgc_str_of(name), ret, reterr);
}
