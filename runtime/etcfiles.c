/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/etcfiles.h"

#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fd.h"

#define FILE_BYTES_MAX (1u << 20) /* of the host's own hosts and resolv.conf */

static int write_file(int dir_fd, const char *name, struct imgc_buf *b, struct imgc_err *reterr)
{
    imgc_autoclose int fd = -1;
    struct imgc_str text;

    int r = imgc_buf_finish(b, &text, reterr);
    if (r == 0) {
        r = fd_open_at(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644, &fd, reterr);
    }
    if (r == 0) {
        (void)fchmod(fd, 0644); /* every user of the container reads it, whatever the umask is */
        r = fd_write_all(fd, text.ptr, text.len, reterr);
    }
    return r < 0 ? imgc_context(reterr, "write '%s' for the container", name) : 0;
}

/* A host without the file gives an empty one. */
static void read_host(const char *path, struct imgc_buf *b)
{
    imgc_autoclose int fd = -1;
    struct imgc_err ignored;

    if (fd_open_at(AT_FDCWD, path, O_RDONLY, 0, &fd, &ignored) < 0 ||
        fd_read_all(fd, b, &ignored) < 0) {
        imgc_buf_clear(b);
    }
}

static void add_hosts(const struct spec *spec, struct imgc_buf *b)
{
    imgc_buf_puts(b, "127.0.0.1\tlocalhost\n"
                     "::1\tlocalhost ip6-localhost ip6-loopback\n"
                     "fe00::\tip6-localnet\n"
                     "ff00::\tip6-mcastprefix\n"
                     "ff02::1\tip6-allnodes\n"
                     "ff02::2\tip6-allrouters\n");
    if (spec->network != SPEC_NETWORK_BRIDGE && spec->hostname && spec->hostname[0]) {
        imgc_buf_printf(b, "127.0.1.1\t%s\n", spec->hostname);
    }
}

static void add_hostname(const struct spec *spec, struct imgc_buf *b)
{
    char name[65] = "";

    if (spec->hostname && spec->hostname[0]) {
        imgc_buf_puts(b, spec->hostname);
    } else if (gethostname(name, sizeof name - 1) == 0) {
        imgc_buf_puts(b, name);
    }
    imgc_buf_putc(b, '\n');
}

static void fill(const struct spec *spec, const struct etcfiles_net *net, struct imgc_buf *hosts,
                 struct imgc_buf *resolv)
{
    bool has_hosts = spec->network == SPEC_NETWORK_HOST;

    if (has_hosts) {
        read_host("/etc/hosts", hosts);
    } else {
        add_hosts(spec, hosts);
    }
    if (hosts->len > 0 && hosts->ptr[hosts->len - 1] != '\n') {
        imgc_buf_putc(hosts, '\n');
    }
    imgc_buf_puts(hosts, net && net->hosts ? net->hosts : "");
    if (net && net->resolv) {
        imgc_buf_puts(resolv, net->resolv);
    } else if (has_hosts) {
        read_host("/etc/resolv.conf", resolv);
    } else { /* no server could be reached */
        imgc_buf_puts(resolv, "# no network\n");
    }
}

int etcfiles_write(const struct spec *spec, const struct etcfiles_net *net, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf hosts = IMGC_BUF_INIT(FILE_BYTES_MAX);
    imgc_autobuf struct imgc_buf hostname = IMGC_BUF_INIT(FILE_BYTES_MAX);
    imgc_autobuf struct imgc_buf resolv = IMGC_BUF_INIT(FILE_BYTES_MAX);
    imgc_autoclose int dir_fd = -1;

    int r = fd_open_at(AT_FDCWD, spec->state_dir, O_PATH | O_DIRECTORY, 0, &dir_fd, reterr);
    if (r < 0) {
        return r;
    }
    add_hostname(spec, &hostname);
    fill(spec, net, &hosts, &resolv);
    r = write_file(dir_fd, "hosts", &hosts, reterr);
    if (r == 0) {
        r = write_file(dir_fd, "hostname", &hostname, reterr);
    }
    return r < 0 ? r : write_file(dir_fd, "resolv.conf", &resolv, reterr);
}
