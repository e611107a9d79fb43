/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/kept_spec.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/spec_json.h"
#include "schema/base/fd.h"
#include "schema/limits.h"

#define NAME "config.json"
#define STAGED_NAME ".config.json"

int kept_spec_save(struct store *s, const char *id, const struct spec *spec, bool synced,
                   struct imgc_err *reterr)
{
    imgc_autofree char *text = NULL;
    imgc_autoclose int dir_fd = -1, fd = -1;

    int r = spec_json_write(spec, &text, reterr);
    r = r < 0 ? r : container_open_dir(s, id, &dir_fd, reterr);
    r = r < 0 ? r
              : fd_open_at(dir_fd, STAGED_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600,
                           &fd, reterr);
    r = r < 0 ? r : fd_write_all(fd, text, strlen(text), reterr);
    if (r == 0 && synced && fdatasync(fd) < 0) {
        r = imgc_fail_sys(reterr, errno, "sync '%s'", STAGED_NAME);
    }
    if (r == 0 && renameat(dir_fd, STAGED_NAME, dir_fd, NAME) < 0) {
        r = imgc_fail_sys(reterr, errno, "rename '%s'", STAGED_NAME);
    }
    return r < 0 ? imgc_context(reterr, "keep the spec of container %.12s", id) : 0;
}

int kept_spec_load(struct store *s, const char *id, struct spec *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(LIMIT_SPEC_BYTES);
    imgc_autoclose int dir_fd = -1, fd = -1;
    struct imgc_str text;

    int r = container_open_dir(s, id, &dir_fd, reterr);
    if (r < 0) {
        return r;
    }
    r = fd_open_at(dir_fd, NAME, O_RDONLY | O_NOFOLLOW, 0, &fd, reterr);
    if (r < 0 && reterr->sys == ENOENT) {
        return imgc_fail(reterr, IMGC_E_NOTFOUND, "container %.12s has no spec yet", id);
    }
    r = r < 0 ? r : fd_read_all(fd, &b, reterr);
    r = r < 0 ? r : imgc_buf_finish(&b, &text, reterr);
    r = r < 0 ? r : spec_json_parse(text, ret, reterr);
    return r < 0 ? imgc_context(reterr, "the spec of container %.12s", id) : 0;
}
