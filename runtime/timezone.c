/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/timezone.h"

#include <sys/stat.h>

#include "schema/base/fd.h"

#define ZONE_BYTES_MAX 65536 /* the largest have a few KiB */

bool timezone_is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_+-/";
    return name[0] != '\0' && name[0] != '/' && name[strspn(name, letters)] == '\0';
}

static int read_zone(const char *name, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf path = IMGC_BUF_INIT(512);
    imgc_autoclose int fd = -1;
    struct imgc_str text;
    struct stat st;

    if (strcmp(name, "local") == 0) {
        imgc_buf_puts(&path, "/etc/localtime");
    } else {
        imgc_buf_printf(&path, "/usr/share/zoneinfo/%s", name);
    }
    int r = imgc_buf_finish(&path, &text, reterr);
    if (r < 0) {
        return r;
    }
    if (fd_open_at(AT_FDCWD, text.ptr, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, reterr) < 0 ||
        fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--tz '%s': the host has no such zone (%s)", name,
                         text.ptr);
    }
    return fd_read_all(fd, b, reterr);
}

int timezone_write(const struct spec *spec, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf zone = IMGC_BUF_INIT(ZONE_BYTES_MAX);
    imgc_autoclose int dir_fd = -1, fd = -1;

    if (!spec->isolation.timezone || !spec->state_dir) {
        return 0;
    }
    int r = read_zone(spec->isolation.timezone, &zone, reterr);
    if (r == 0) {
        r = fd_open_at(AT_FDCWD, spec->state_dir, O_PATH | O_DIRECTORY, 0, &dir_fd, reterr);
    }
    if (r == 0) {
        r = fd_open_at(dir_fd, TIMEZONE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, &fd,
                       reterr);
    }
    if (r < 0) {
        return r;
    }
    (void)fchmod(fd, 0644); /* whatever the umask is */
    return fd_write_all(fd, zone.ptr, zone.len, reterr);
}
