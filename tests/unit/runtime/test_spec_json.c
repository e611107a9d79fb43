/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include <signal.h>

#include "runtime/spec_json.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOT_UTF8 "caf\xe9 \x80\xff\n\x01"

static char *word(const char *z)
{
    char *copy = strdup(z);

    assert_non_null(copy);
    return copy;
}

static char **words(const char *a, const char *b)
{
    char **list = calloc(3, sizeof *list);

    assert_non_null(list);
    list[0] = a ? word(a) : NULL;
    list[1] = b ? word(b) : NULL;
    return list;
}

static void fill_mounts(struct spec *s)
{
    s->mounts = calloc(3, sizeof *s->mounts);
    assert_non_null(s->mounts);
    s->n_mounts = 3;
    s->mounts[0] = (struct spec_mount){ .kind = SPEC_MOUNT_BIND,
                                        .source = word("/src " NOT_UTF8),
                                        .target = word("/target"),
                                        .read_only = true,
                                        .nosuid = true,
                                        .dev = true,
                                        .propagation = SPEC_PROPAGATION_SHARED,
                                        .no_submounts = true,
                                        .submounts_writable = true,
                                        .must_exist = true,
                                        .idmap = true,
                                        .chown = true };
    s->mounts[1] = (struct spec_mount){ .kind = SPEC_MOUNT_TMPFS,
                                        .target = word("/t"),
                                        .size_bytes = UINT64_MAX,
                                        .size_percent = 50,
                                        .inodes = (uint64_t)INT64_MAX + 1,
                                        .mode = 01777,
                                        .uid = UINT32_MAX,
                                        .gid = 7,
                                        .noexec = true };
    s->mounts[2] = (struct spec_mount){ .kind = SPEC_MOUNT_VOLUME,
                                        .source = word("name"),
                                        .target = word("/v"),
                                        .subpath = word("/in/it"),
                                        .host_dir = word("/root/volumes/name/data"),
                                        .is_anonymous = true,
                                        .no_copy = true };
}

/* Every field has a value of its own that is not the zero value. */
static void fill(struct spec *s)
{
    s->id = word(ID);
    s->hostname = word("host");
    s->lowerdirs = words("/lower/1", "/lower/2");
    s->erofs_image = word("/view");
    s->erofs_devices = words("/tar/1", "/tar/2");
    s->upper_dir = word("/upper");
    s->work_dir = word("/work");
    s->upper_is_disposable = true;
    s->root_dir = word("/root");
    s->mountpoint = word("/mnt");
    s->state_dir = word("/state");
    s->read_only = true;
    s->log_max_bytes = 1234567;
    s->timeout_s = 77;
    s->log_max_files = 7;
    s->n_entrypoint = 1;
    s->argv = words("sh", NOT_UTF8);
    s->env = words("A=" NOT_UTF8, "B=\"\\\t");
    s->cwd = word("/w\xc3\xa9");
    s->user = word("1:2");
    s->no_home = s->no_hostname = true;
    s->terminal = true;
    s->interactive = true;
    s->stop_signal = SIGUSR1;
    s->network = SPEC_NETWORK_BRIDGE;
    s->net_want = (struct net_want){ .is_asked = true,
                                     .network = word("net"),
                                     .helper = word("pasta"),
                                     .helper_options = words("-T", "5432"),
                                     .aliases = words("a", "b"),
                                     .ports = words("80", "1:2/udp"),
                                     .expose = words("5/tcp", "6"),
                                     .publish_all = true,
                                     .ip4 = word("10.0.0.2"),
                                     .ip6 = word("fd00::2"),
                                     .mac = word("02:00:00:00:00:01"),
                                     .servers = words("1.1.1.1", "9.9.9.9"),
                                     .search = words("x", "y"),
                                     .options = words("o", "p"),
                                     .hosts = words("h:1.2.3.4", "g:host-gateway") };
    s->net_want.more = calloc(1, sizeof *s->net_want.more);
    assert_non_null(s->net_want.more);
    s->net_want.n_more = 1;
    s->net_want.more[0] = (struct net_want_link){ .network = word("second"),
                                                  .aliases = words("c", "d"),
                                                  .ip4 = word("10.0.1.2"),
                                                  .ip6 = word("fd01::2"),
                                                  .mac = word("02:00:00:00:00:02") };
    s->capabilities = UINT64_MAX - 5;
    s->no_seccomp = true;
    s->isolation.no_new_privs = s->isolation.systemd = true;
    fill_mounts(s);
    s->volumes = words("/v1", "/v2");
    s->limits = (struct spec_limits){ .memory_bytes = 1,
                                      .memory_swap_bytes = -1,
                                      .memory_reservation_bytes = 2,
                                      .swappiness_and_one = 101,
                                      .oom_kill_disable = true,
                                      .cpu_quota_us = 3,
                                      .cpu_period_us = 4,
                                      .cpu_shares = 5,
                                      .cpuset_cpus = word("0-3,7"),
                                      .cpuset_mems = word("0"),
                                      .pids = -1,
                                      .io_weight = 500,
                                      .io_max = words("8:0 rbps=1", "8:16 wiops=2"),
                                      .cgroup_conf = words("memory.high=1", "pids.max=2") };
    s->cgroup_name = word("imgc-x");
    s->cgroup_parent = word("/parent");
    s->no_cgroup = true;
}

static void same_words(char *const *a, char *const *b)
{
    size_t i = 0;

    for (; a[i] && b[i]; i++) {
        assert_string_equal(a[i], b[i]);
    }
    assert_true(!a[i] && !b[i]);
}

static void same_mounts(const struct spec *a, const struct spec *b)
{
    assert_int_equal(a->n_mounts, b->n_mounts);
    for (size_t i = 0; i < a->n_mounts; i++) {
        const struct spec_mount *x = &a->mounts[i], *y = &b->mounts[i];
        assert_int_equal(x->kind, y->kind);
        assert_string_equal(x->source ? x->source : "none", y->source ? y->source : "none");
        assert_string_equal(x->target, y->target);
        assert_string_equal(x->host_dir ? x->host_dir : "none", y->host_dir ? y->host_dir : "none");
        assert_true(x->read_only == y->read_only && x->noexec == y->noexec);
        assert_true(x->nosuid == y->nosuid && x->dev == y->dev);
        assert_int_equal(x->propagation, y->propagation);
        assert_true(x->no_submounts == y->no_submounts && x->must_exist == y->must_exist);
        assert_true(x->submounts_writable == y->submounts_writable && x->no_copy == y->no_copy);
        assert_true(x->idmap == y->idmap && x->chown == y->chown);
        assert_string_equal(x->subpath ? x->subpath : "", y->subpath ? y->subpath : "");
        assert_int_equal(x->is_anonymous, y->is_anonymous);
        assert_true(x->size_bytes == y->size_bytes && x->inodes == y->inodes);
        assert_int_equal(x->size_percent, y->size_percent);
        assert_int_equal(x->mode, y->mode);
        assert_true(x->uid == y->uid && x->gid == y->gid);
    }
}

static void same_limits(const struct spec_limits *a, const struct spec_limits *b)
{
    assert_int_equal(a->memory_bytes, b->memory_bytes);
    assert_int_equal(a->memory_swap_bytes, b->memory_swap_bytes);
    assert_int_equal(a->memory_reservation_bytes, b->memory_reservation_bytes);
    assert_int_equal(a->swappiness_and_one, b->swappiness_and_one);
    assert_true(a->oom_kill_disable == b->oom_kill_disable);
    assert_int_equal(a->cpu_quota_us, b->cpu_quota_us);
    assert_int_equal(a->cpu_period_us, b->cpu_period_us);
    assert_int_equal(a->cpu_shares, b->cpu_shares);
    assert_string_equal(a->cpuset_cpus, b->cpuset_cpus);
    assert_string_equal(a->cpuset_mems, b->cpuset_mems);
    assert_int_equal(a->pids, b->pids);
    assert_int_equal(a->io_weight, b->io_weight);
    same_words(a->io_max, b->io_max);
    same_words(a->cgroup_conf, b->cgroup_conf);
}

static void same_net_want(const struct net_want *a, const struct net_want *b)
{
    assert_true(a->is_asked == b->is_asked && a->publish_all == b->publish_all);
    assert_string_equal(a->network, b->network);
    assert_string_equal(a->helper, b->helper);
    same_words(a->helper_options, b->helper_options);
    same_words(a->aliases, b->aliases);
    same_words(a->ports, b->ports);
    same_words(a->expose, b->expose);
    assert_string_equal(a->ip4, b->ip4);
    assert_string_equal(a->ip6, b->ip6);
    assert_string_equal(a->mac, b->mac);
    same_words(a->servers, b->servers);
    same_words(a->search, b->search);
    same_words(a->options, b->options);
    same_words(a->hosts, b->hosts);
    assert_int_equal(a->n_more, b->n_more);
    for (size_t i = 0; i < a->n_more; i++) {
        assert_string_equal(a->more[i].network, b->more[i].network);
        same_words(a->more[i].aliases, b->more[i].aliases);
        assert_string_equal(a->more[i].ip4, b->more[i].ip4);
        assert_string_equal(a->more[i].ip6, b->more[i].ip6);
        assert_string_equal(a->more[i].mac, b->more[i].mac);
    }
}

static void same(const struct spec *a, const struct spec *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->hostname, b->hostname);
    same_words(a->lowerdirs, b->lowerdirs);
    assert_string_equal(a->erofs_image, b->erofs_image);
    same_words(a->erofs_devices, b->erofs_devices);
    assert_string_equal(a->upper_dir, b->upper_dir);
    assert_string_equal(a->work_dir, b->work_dir);
    assert_string_equal(a->root_dir, b->root_dir);
    assert_string_equal(a->mountpoint, b->mountpoint);
    assert_true(a->isolation.no_new_privs == b->isolation.no_new_privs);
    assert_true(a->isolation.systemd == b->isolation.systemd);
    assert_string_equal(a->state_dir, b->state_dir);
    assert_true(a->timeout_s == b->timeout_s);
    assert_true(a->log_max_bytes == b->log_max_bytes && a->log_max_files == b->log_max_files);
    assert_int_equal(a->n_entrypoint, b->n_entrypoint);
    assert_true(a->upper_is_disposable == b->upper_is_disposable && a->read_only == b->read_only);
    same_words(a->argv, b->argv);
    same_words(a->env, b->env);
    assert_string_equal(a->cwd, b->cwd);
    assert_string_equal(a->user, b->user);
    assert_true(a->no_home == b->no_home && a->no_hostname == b->no_hostname);
    assert_true(a->terminal == b->terminal && a->interactive == b->interactive);
    assert_int_equal(a->stop_signal, b->stop_signal);
    assert_int_equal(a->network, b->network);
    same_net_want(&a->net_want, &b->net_want);
    assert_true(a->capabilities == b->capabilities && a->no_seccomp == b->no_seccomp);
    same_mounts(a, b);
    same_words(a->volumes, b->volumes);
    same_limits(&a->limits, &b->limits);
    assert_string_equal(a->cgroup_name, b->cgroup_name);
    assert_string_equal(a->cgroup_parent, b->cgroup_parent);
    assert_true(a->no_cgroup == b->no_cgroup);
}

static void test_round_trip(void **state)
{
    spec_auto struct spec spec = SPEC_INIT, again = SPEC_INIT;
    imgc_autofree char *text = NULL, *second = NULL;
    struct imgc_err err;
    (void)state;

    fill(&spec);
    assert_ok(spec_json_write(&spec, &text, &err), err);
    assert_ok(spec_json_parse(imgc_str_of(text), &again, &err), err);
    same(&spec, &again);
    assert_ok(spec_json_write(&again, &second, &err), err);
    assert_string_equal(text, second);
}

#define LEAST \
    "\"id\":\"" ID "\",\"hostname\":\"\",\"argv\":[\"sh\"],\"env\":[],\"cwd\":\"/\",\"user\":\"\""

static void test_absent_is_zero(void **state)
{
    spec_auto struct spec spec = SPEC_INIT;
    struct imgc_err err;
    (void)state;

    assert_ok(spec_json_parse(IMGC_STR("{" LEAST "}"), &spec, &err), err);
    assert_null(spec.lowerdirs);
    assert_null(spec.root_dir);
    assert_null(spec.mounts);
    assert_non_null(spec.env);
    assert_null(spec.env[0]);
    assert_int_equal(spec.limits.pids, 0);
    assert_int_equal(spec.network, SPEC_NETWORK_NONE);
}

static void test_refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{" LEAST ",\"new_restriction\":true}",
        "{" LEAST ",\"limits\":{\"new_restriction\":1}}",
        "{" LEAST ",\"mounts\":[{\"kind\":\"overlay\",\"target\":\"/x\"}]}",
        "{" LEAST ",\"mounts\":[{\"kind\":\"bind\",\"target\":\"/x\"}]}",
        "{" LEAST ",\"mounts\":[{\"kind\":\"tmpfs\",\"target\":\"x\"}]}",
        "{" LEAST ",\"mounts\":[{\"kind\":\"volume\",\"target\":\"/x\",\"source\":\"../x\"}]}",
        "{" LEAST ",\"mounts\":[7]}",
        "{" LEAST ",\"mounts\":{}}",
        "{" LEAST ",\"network\":1}",
        "{" LEAST ",\"network\":\"hos\"}",
        "{" LEAST ",\"terminal\":1}",
        "{" LEAST ",\"capabilities\":-1}",
        "{" LEAST ",\"capabilities\":\"18446744073709551616\"}",
        "{" LEAST ",\"capabilities\":1.5}",
        "{" LEAST ",\"stop_signal\":2147483648}",
        "{" LEAST ",\"volumes\":\"/v\"}",
        "{" LEAST ",\"volumes\":[null]}",
        "{" LEAST ",\"volumes\":[{\"hex\":\"0\"}]}",
        "{" LEAST ",\"volumes\":[{\"hex\":\"00\"}]}",
        "{" LEAST ",\"volumes\":[{\"hex\":\"4G\"}]}",
        "{" LEAST ",\"volumes\":[{\"hex\":\"41\",\"x\":1}]}",
        "{" LEAST ",\"volumes\":[\"a\\u0000b\"]}",
        "{" LEAST ",\"limits\":[]}",
        "{" LEAST "} x",
        "{" LEAST ",\"cwd\":\"/\"}",
        "{\"id\":\"x\",\"hostname\":\"\",\"argv\":[\"sh\"],\"env\":[],\"cwd\":\"/\",\"user\":\"\"}",
        "{\"id\":\"" ID "\",\"hostname\":\"\",\"argv\":[],\"env\":[],\"cwd\":\"/\",\"user\":\"\"}",
        "{\"id\":\"" ID
        "\",\"hostname\":\"\",\"argv\":[\"a\"],\"env\":[],\"cwd\":\"\",\"user\":\"\"}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spec_auto struct spec spec = SPEC_INIT;
        struct imgc_err err;
        int r = spec_json_parse(imgc_str_of(cases[i]), &spec, &err);
        if (r != -(int)IMGC_E_DOCUMENT) {
            fail_msg("taken: %s", cases[i]);
        }
        assert_null(spec.id);
    }
}

static void test_too_many(void **state)
{
    enum { N = 70000, ITEM = 3 };
    spec_auto struct spec spec = SPEC_INIT;
    imgc_autofree char *text = calloc(1, N * ITEM + 1000);
    struct imgc_err err;
    size_t len;
    (void)state;

    assert_non_null(text);
    len = (size_t)sprintf(text, "{" LEAST ",\"mounts\":[{}");
    for (size_t i = 0; i < N; i++, len += ITEM) {
        memcpy(text + len, ",{}", ITEM);
    }
    memcpy(text + len, "]}", 3);
    assert_err(spec_json_parse(imgc_str_of(text), &spec, &err), IMGC_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_absent_is_zero),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
