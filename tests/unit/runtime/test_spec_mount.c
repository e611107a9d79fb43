/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <unistd.h>

#include "runtime/spec.h"
#include "schema/limits.h"

/* What a text means, on one line; "" for what is refused. */
static const char *meaning(int (*parse)(struct imgc_str, struct spec_mount *, struct imgc_err *),
                           const char *text, char *out, size_t size)
{
    static const char *const kinds[] = { "bind", "tmpfs", "volume" };
    static const char *const propagations[] = { "", " slave", " shared" };
    struct spec_mount m;
    struct imgc_err err;

    out[0] = '\0';
    if (parse(imgc_str_of(text), &m, &err) < 0) {
        if (err.code != IMGC_E_USAGE || err.msg[0] == '\0') {
            fail_msg("'%s' failed with code %d: %s", text, (int)err.code, err.msg);
        }
        return out;
    }
    (void)snprintf(out, size, "%s %s %s%s%s%s%s%s%s%s%s%s%s%s", kinds[m.kind],
                   m.source ? m.source : "-", m.target, m.read_only ? " ro" : "",
                   m.noexec ? " noexec" : "", m.nosuid ? " nosuid" : "", m.dev ? " dev" : "",
                   propagations[m.propagation], m.no_submounts ? " alone" : "",
                   m.submounts_writable ? " below-rw" : "", m.must_exist ? " must" : "",
                   m.no_copy ? " nocopy" : "", m.idmap ? " idmap" : "", m.chown ? " U" : "");
    if (m.subpath) {
        size_t len = strlen(out);
        (void)snprintf(out + len, size - len, " sub=%s", m.subpath);
    }
    if (m.size_bytes || m.mode) {
        size_t len = strlen(out);
        (void)snprintf(out + len, size - len, " size=%llu mode=%o",
                       (unsigned long long)m.size_bytes, m.mode);
    }
    spec_mount_done(&m);
    return out;
}

struct meant {
    const char *text, *want; /* NULL: refused */
};

static void check(int (*parse)(struct imgc_str, struct spec_mount *, struct imgc_err *),
                  const struct meant *cases, size_t n)
{
    char out[512];

    assert_int_equal(chdir("/tmp"), 0);
    for (size_t i = 0; i < n; i++) {
        const char *got = meaning(parse, cases[i].text, out, sizeof out);
        const char *want = cases[i].want ? cases[i].want : "";
        if (strcmp(got, want) != 0) {
            fail_msg("'%s' is '%s' instead of '%s'", cases[i].text, got, want);
        }
    }
}

static void test_volumes(void **state)
{
    static const struct meant cases[] = {
        { "/a:/b", "bind /a /b" },
        { "/a:/b:ro", "bind /a /b ro" },
        { "/a:/b:rw", "bind /a /b" },
        { "/a:/b:ro,rprivate", "bind /a /b ro" },
        { "/a//x/../y/:/b/./c/", "bind /a/y /b/c" },
        { "./rel:/b", "bind /tmp/rel /b" },
        { "../rel:/b", "bind /rel /b" },
        { ".:/b", "bind /tmp /b" },
        { "./sub/dir:/b", "bind /tmp/sub/dir /b" },
        { "sub/dir:/b", NULL },
        { "/:/host", "bind / /host" },
        { "/a:/b:z", "bind /a /b" },
        { "/a:/b:ro,Z", "bind /a /b ro" },
        { "/a:/b:rshared", "bind /a /b shared" },
        { "/a:/b:ro,slave,noexec,nosuid,dev,bind", "bind /a /b ro noexec nosuid dev slave alone" },
        { "/a:/b:exec,suid,nodev,rbind,private", "bind /a /b" },
        { "/a:/b:ro,ro", "bind /a /b ro" },
        { "name:/b", "volume name /b" },
        { "n:/b:ro,nocopy,z", "volume n /b ro nocopy" },
        { "My_vol-1.x:/b", "volume My_vol-1.x /b" },
        { "/b", "volume - /b" },
        { "/b/", "volume - /b" },
        { "", NULL },
        { ":/b", NULL },
        { "b", NULL },
        { "/", NULL },
        { "/a:", NULL },
        { "/a:b", NULL },
        { "/b:ro", NULL },
        { "/a:/", NULL },
        { "/a:/x/..", NULL },
        { "/a:/b:", NULL },
        { "/a:/b:ro:x", NULL },
        { "/a:/b:ro,rw", NULL },
        { "/a:/b:z,Z", NULL },
        { "/a:/b:shared,slave", NULL },
        { "/a:/b:nocopy", NULL },
        { "/a:/b:U,idmap", "bind /a /b idmap U" },
        { "/a:/b:O", NULL },
        { "/a:/b:ro,", NULL },
        { "-x:/b", NULL },
        { "na me:/b", NULL },
        { "n\xc3\xa4me:/b", NULL },
    };
    (void)state;

    check(spec_parse_volume, cases, sizeof cases / sizeof *cases);
}

static void test_mounts(void **state)
{
    static const struct meant cases[] = {
        { "type=bind,source=/a,target=/b", "bind /a /b must" },
        { "type=bind,src=/a,dst=/b,ro", "bind /a /b ro must" },
        { "target=/b,source=./x,type=bind,readonly=true", "bind /tmp/x /b ro must" },
        { "type=bind,src=/a,destination=/b,ro=0", "bind /a /b must" },
        { "TYPE=bind,Src=/a,DST=/b,ReadOnly=T", "bind /a /b ro must" },
        { "type=bind,\"src=/a,b\",dst=/b", "bind /a,b /b must" },
        { "type=bind,\"src=/a\"\"b\",dst=/b", "bind /a\"b /b must" },
        { "type=bind,src=/a=b,dst=/b", "bind /a=b /b must" },
        { "type=bind,src=/a,dst=/b,bind-propagation=rslave", "bind /a /b slave must" },
        { "type=bind,src=/a,dst=/b,bind-recursive=disabled", "bind /a /b alone must" },
        { "type=bind,src=/a,dst=/b,bind-nonrecursive", "bind /a /b alone must" },
        { "type=bind,src=/a,dst=/b,ro,bind-recursive=writable", "bind /a /b ro below-rw must" },
        { "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", "bind /a /b ro must" },
        { "type=bind,src=/a,dst=/b,consistency=cached,relabel=shared", "bind /a /b must" },
        { "type=bind,src=/a,dst=/b,noexec,nosuid", "bind /a /b noexec nosuid must" },
        { "src=name,dst=/b", "volume name /b" },
        { "type=volume,dst=/b", "volume - /b" },
        { "type=volume,src=n,dst=/b,volume-nocopy,ro", "volume n /b ro nocopy" },
        { "type=volume,src=n,dst=/b,volume-nocopy=false,volume-driver=local", "volume n /b" },
        { "type=tmpfs,dst=/b", "tmpfs - /b noexec" },
        { "tmpfs-size=64m,type=tmpfs,dst=/b,tmpfs-mode=0700,ro",
          "tmpfs - /b ro noexec size=67108864 mode=700" },
        { "", NULL },
        { "type=bind", NULL },
        { "type=bind,dst=/b", NULL },
        { "type=bind,src=/a", NULL },
        { "type=bind,src=,dst=/b", NULL },
        { "type=bind,src=/a,dst=b", NULL },
        { "type=bind,src=/a,dst=/", NULL },
        { "type=bind,src=/a,dst=/b,", NULL },
        { "type=bind,src=/a,dst=/b,ro=maybe", NULL },
        { "type=bind,src=/a,dst=/b,ro,ro=false", NULL },
        { "type=bind,src=/a,dst=/b,bind-propagation=ro", NULL },
        { "type=bind,src=/a,dst=/b,bind-recursive=yes", NULL },
        { "type=bind,src=/a,dst=/b,volume-nocopy", NULL },
        { "type=bind,src=/a,dst=/b,tmpfs-size=1m", NULL },
        { "type=bind,src=/a,dst=/b,colour=red", NULL },
        { "type=bind,src=/a,dst=/b,U=true,idmap", "bind /a /b must idmap U" },
        { "type=bind,src=/a,dst=/b,idmap=uids=0-1-10", NULL },
        { "src=a,dst=/b,volume-subpath=c/./d", "volume a /b nocopy sub=/c/d" },
        { "src=a,dst=/b,subpath=../d", NULL },
        { "src=a,dst=/b,subpath=/d", NULL },
        { "type=bind,src=/a,dst=/b,volume-subpath=c", NULL },
        { "type=bind,type=bind,src=/a,dst=/b", NULL },
        { "type=image,src=x,dst=/b", NULL },
        { "type=volume,src=/a,dst=/b", NULL },
        { "type=volume,src=n,dst=/b,volume-driver=nfs", NULL },
        { "type=tmpfs,src=/a,dst=/b", NULL },
        { "type=tmpfs,dst=/b,tmpfs-size=x", NULL },
        { "type=tmpfs,dst=/b,tmpfs-mode=9", NULL },
        { "type=tmpfs,dst=/b,bind-propagation=shared", NULL },
        { "type=bind,\"src=/a,dst=/b", NULL },
        { "type=bind,\"src=/a\"x,dst=/b", NULL },
        { "type=bind,src=\"/a\",dst=/b", NULL },
        { "type=bind,src=/a\n,dst=/b", NULL },
    };
    (void)state;

    check(spec_parse_mount, cases, sizeof cases / sizeof *cases);
}

static void test_long(void **state)
{
    char text[LIMIT_PATH_BYTES + 100];
    struct spec_mount m;
    struct imgc_err err;
    (void)state;

    (void)snprintf(text, sizeof text, "type=bind,dst=/b,src=/%0*d", LIMIT_PATH_BYTES, 0);
    assert_err(spec_parse_mount(imgc_str_of(text), &m, &err), IMGC_E_USAGE);
}

static void test_tmpfs(void **state)
{
    static const struct meant cases[] = {
        { "/t", "tmpfs - /t noexec" },
        { "/t:size=64m", "tmpfs - /t noexec size=67108864 mode=0" },
        { "/t:size=4096,mode=0755,ro,exec", "tmpfs - /t ro size=4096 mode=755" },
        { "/t:size=2G,mode=1777", "tmpfs - /t noexec size=2147483648 mode=1777" },
        { "/t:rw,noexec,nosuid,nodev", "tmpfs - /t noexec" },
        { "t", NULL },
        { "/", NULL },
        { "/t:size=", NULL },
        { "/t:size=0", NULL },
        { "/t:size=-1", NULL },
        { "/t:size=1x", NULL },
        { "/t:size=18446744073709551615k", NULL },
        { "/t:mode=8", NULL },
        { "/t:mode=10000", NULL },
        { "/t:dev", NULL },
        { "/t:suid", NULL },
        { "/t:uid=-1", NULL },
        { "/t:uid=4294967295", NULL },
        { "/t:gid=x", NULL },
        { "/t:size=0%", NULL },
        { "/t:size=101%", NULL },
        { "/t:nr_inodes=", NULL },
        { "/t:nr_inodes=5,mpol=x", NULL },
    };
    (void)state;

    check(spec_parse_tmpfs, cases, sizeof cases / sizeof *cases);
}

static void test_tmpfs_owner_and_share(void **state)
{
    struct imgc_err err;
    struct spec_mount m;
    (void)state;

    assert_ok(spec_parse_tmpfs(IMGC_STR("/t:uid=5,gid=6,size=50%,nr_inodes=1k"), &m, &err), err);
    assert_int_equal(m.uid, 5);
    assert_int_equal(m.gid, 6);
    assert_int_equal(m.size_percent, 50);
    assert_int_equal(m.size_bytes, 0);
    assert_int_equal(m.inodes, 1024);
    spec_mount_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_tmpfs),
        cmocka_unit_test(test_tmpfs_owner_and_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
