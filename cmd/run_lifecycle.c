/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_lifecycle.h"

#include <errno.h>

#include "runtime/spec.h"
#include "schema/base/fd.h"
#include "schema/limits.h"
#include "store/container_name.h"

#define STOP_TIMEOUT_S 10
#define STOP_TIMEOUT_MAX_S 31536000u /* a year */

void run_lifecycle_done(struct run_lifecycle *l)
{
    free(l->labels);
    l->labels = NULL;
}

static int parse_timeout(const char *text, int64_t *ret, struct imgc_err *reterr)
{
    uint64_t n = STOP_TIMEOUT_S;

    if (text && strcmp(text, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    if (text && (!imgc_str_u64(imgc_str_of(text), &n) || n > STOP_TIMEOUT_MAX_S)) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--stop-timeout '%s': a number of seconds, or -1 for no end", text);
    }
    *ret = (int64_t)n;
    return 0;
}

int run_lifecycle_parse_timeout(const char *text, uint64_t *ret, struct imgc_err *reterr)
{
    *ret = 0;
    if (text && (!imgc_str_u64(imgc_str_of(text), ret) || *ret > STOP_TIMEOUT_MAX_S)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--timeout '%s': a number of seconds", text);
    }
    return 0;
}

int run_lifecycle_check(const struct run_lifecycle_options *o, struct imgc_err *reterr)
{
    int64_t timeout_s;
    int signal;

    if (o->restart && strcmp(o->restart, "no") != 0) {
        return imgc_fail(
            reterr, IMGC_E_UNSUPPORTED,
            "--restart %s: no daemon watches over imgc's containers; let systemd, cron "
            "or a loop around 'imgc start -a' do it",
            o->restart);
    }
    if (o->stop_signal && !spec_parse_signal(imgc_str_of(o->stop_signal), &signal)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--stop-signal '%s': not a signal", o->stop_signal);
    }
    if (o->replace && !(o->name && *o->name)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--replace needs --name");
    }
    int r = parse_timeout(o->stop_timeout, &timeout_s, reterr);
    if (r == 0 && o->name && *o->name) {
        r = container_name_check(imgc_str_of(o->name), reterr);
    }
    return r;
}

/* "name=value", or a name alone, whose value is empty. */
static int add_label(json_t *labels, struct imgc_str word, struct imgc_err *reterr)
{
    struct imgc_str name, value;

    (void)imgc_str_split(word, '=', &name, &value);
    if (name.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "label '" IMGC_STR_FMT "' has no name",
                         IMGC_STR_ARG(word));
    }
    json_auto_free json_t *text = json_stringn(value.ptr ? value.ptr : "", value.len);
    imgc_autofree char *key = NULL;
    int r = imgc_str_dup(name, &key, reterr);
    if (r < 0) {
        return r;
    }
    if (!text || json_object_set(labels, key, text) < 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "label '%s' is not valid UTF-8", key);
    }
    return 0;
}

static int add_file(json_t *labels, const char *path, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    imgc_autobuf struct imgc_buf buf = IMGC_BUF_INIT(LIMIT_ENV_FILE_BYTES);

    int r = fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, reterr);
    r = r < 0 ? r : fd_read_all(fd, &buf, reterr);
    struct imgc_str rest = { buf.ptr, buf.len }, line;
    while (r == 0 && imgc_str_token(&rest, '\n', &line)) {
        line = imgc_str_trim(line);
        if (line.len > 0 && line.ptr[0] != '#') {
            r = add_label(labels, line, reterr);
        }
    }
    return r < 0 ? imgc_context(reterr, "--label-file '%s'", path) : 0;
}

static int make_labels(const struct run_lifecycle_options *o, const struct image_config *config,
                       char **ret, struct imgc_err *reterr)
{
    if (o->labels.n == 0 && o->label_files.n == 0 && (!config || !config->labels)) {
        return imgc_str_dup(IMGC_STR("{}"), ret, reterr);
    }
    json_auto_free json_t *labels =
        config && config->labels ? json_deep_copy(config->labels) : json_object();
    if (!labels) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    int r = 0;
    for (size_t i = 0; i < o->label_files.n && r == 0; i++) {
        r = add_file(labels, o->label_files.items[i], reterr);
    }
    for (size_t i = 0; i < o->labels.n && r == 0; i++) {
        r = add_label(labels, imgc_str_of(o->labels.items[i]), reterr);
    }
    return r < 0 ? r : json_dump(labels, true, ret, reterr);
}

int run_lifecycle_parse(const struct run_lifecycle_options *o, const struct image_config *config,
                        struct run_lifecycle *ret, struct imgc_err *reterr)
{
    run_lifecycle_auto struct run_lifecycle l = { .stop_signal = 0 };

    int r = run_lifecycle_check(o, reterr);
    r = r < 0 ? r : parse_timeout(o->stop_timeout, &l.stop_timeout_s, reterr);
    r = r < 0 ? r : make_labels(o, config, &l.labels, reterr);
    if (r < 0) {
        return r;
    }
    if (o->stop_signal) {
        (void)spec_parse_signal(imgc_str_of(o->stop_signal), &l.stop_signal);
    }
    *ret = l;
    l.labels = NULL;
    return 0;
}

int run_lifecycle_write_id(const struct run_lifecycle_options *o, const char *id,
                           struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;

    if (!o->cidfile) {
        return 0;
    }
    int r = fd_open_at(AT_FDCWD, o->cidfile, O_WRONLY | O_CREAT | O_EXCL, 0644, &fd, reterr);
    if (r < 0 && reterr->sys == EEXIST) {
        return imgc_fail(reterr, IMGC_E_EXISTS,
                         "--cidfile '%s' exists: remove it when its container is gone", o->cidfile);
    }
    r = r < 0 ? r : fd_write_all(fd, id, strlen(id), reterr);
    return r < 0 ? imgc_context(reterr, "--cidfile '%s'", o->cidfile) : 0;
}
