/* SPDX-License-Identifier: Apache-2.0 */
/* labels: threads */
/* Pulling from Debian's docker-registry what skopeo pushed to it: no code of ours on the other
 * side. The images come from tests/lib/registry.py, and from the test data where they are there. */
#include "tests/lib/data.h"
#include "tests/lib/pulling.h"

#include <arpa/inet.h>
#include <sys/socket.h>

struct peer {
    struct pulling source; /* tests/lib/registry.py */
    struct pulling pull;   /* docker-registry, and the store */
};

static unsigned free_port(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof addr;
    imgc_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.sin_port);
}

static bool can_connect(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    imgc_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
}

static void write_config(const struct serving *s, const char *path)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    (void)fprintf(f,
                  "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n"
                  "    rootdirectory: %s/registry\nhttp:\n  addr: 127.0.0.1:%u\n",
                  s->dir, s->port);
    assert_int_equal(fclose(f), 0);
}

static void start_docker_registry(struct serving *s)
{
    char config[128];
    imgc_autoclose int log_fd = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char *const argv[] = { (char[]){ "docker-registry" }, (char[]){ "serve" }, config, NULL };

    (void)snprintf(config, sizeof config, "%s/config.yml", s->dir);
    s->port = free_port();
    write_config(s, config);
    serving_spawn(s, argv, log_fd, log_fd);
    for (unsigned i = 0; i < 100 && !can_connect(s->port); i++) {
        (void)usleep(100000);
    }
}

static int setup_group(void **state)
{
    static struct peer peer;

    serving_begin(&peer.source.srv);
    serving_begin(&peer.pull.srv);
    *state = &peer;
    start_docker_registry(&peer.pull.srv);
    return serving_start_registry(&peer.source.srv) && can_connect(peer.pull.srv.port) ? 0 : 1;
}

static int teardown_group(void **state)
{
    struct peer *peer = *state;

    serving_end(&peer->source.srv);
    serving_end(&peer->pull.srv);
    return 0;
}

static int setup(void **state)
{
    static unsigned n;
    char name[32];

    (void)snprintf(name, sizeof name, "store%u", n++);
    pulling_open_store(&((struct peer *)*state)->pull, name);
    return 0;
}

static int teardown(void **state)
{
    pulling_close_store(&((struct peer *)*state)->pull);
    return 0;
}

/* skopeo copy @option FROM docker://our-registry/@to */
static void push(const struct peer *peer, const char *option, const char *from, const char *to)
{
    char target[128], source[512], policy[32] = "--insecure-policy";
    char word[64];
    int status = -1;

    (void)snprintf(word, sizeof word, "%s", option);
    (void)snprintf(source, sizeof source, "%s", from);
    (void)snprintf(target, sizeof target, "docker://127.0.0.1:%u/%s", peer->pull.srv.port, to);
    char *const argv[] = { (char[]){ "skopeo" },
                           policy,
                           (char[]){ "copy" },
                           (char[]){ "-q" },
                           (char[]){ "--src-tls-verify=false" },
                           (char[]){ "--dest-tls-verify=false" },
                           word,
                           source,
                           target,
                           NULL };
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void push_made(const struct peer *peer, const char *option, const char *repo, const char *to)
{
    char from[128];

    (void)snprintf(from, sizeof from, "docker://127.0.0.1:%u/%s", peer->source.srv.port, repo);
    push(peer, option, from, to);
}

/* Our requests in the access log, once it has been still for a while: a line is written after the
 * answer. */
static unsigned requests(const struct peer *peer)
{
    unsigned n = 0, last;

    do {
        last = n;
        (void)usleep(100000);
        n = serving_count(&peer->pull.srv, "imgc-test", "HTTP/1.1");
    } while (n != last);
    return n;
}

/* Pull twice: the image arrives, and then one request says that it has not changed. */
static void check_pull(struct peer *peer, const char *name)
{
    struct pull_result first, second;
    struct imgc_err err;

    assert_ok(pulling_pull(&peer->pull, name, NULL, &first, &err), err);
    assert_false(first.is_unchanged);
    unsigned before = requests(peer);
    assert_ok(pulling_pull(&peer->pull, name, NULL, &second, &err), err);
    assert_true(second.is_unchanged);
    assert_true(digest_eq(&first.id, &second.id));
    assert_int_equal(requests(peer), before + 1);
}

static void layers_of_every_kind_arrive(void **state)
{
    static const struct {
        const char *option, *from, *to;
    } rows[] = {
        { "--preserve-digests", "good", "gzip" },
        { "--preserve-digests", "plain", "plain" },
        { "--dest-compress-format=zstd", "plain", "zstd" },
        { "--format=v2s2", "good", "docker" },
        { "--all", "multi", "multi" },
    };
    struct peer *peer = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        push_made(peer, rows[i].option, rows[i].from, rows[i].to);
        check_pull(peer, rows[i].to);
    }
}

static void published_images_arrive(void **state)
{
    static const struct {
        const char *transport, *file, *to;
    } rows[] = {
        { "docker-archive", "test-docker-image.tar", "dive:docker" },
        { "oci-archive", "test-oci-zstd-image.tar", "dive:zstd" },
        { "oci-archive", "test-oci-estargz-image.tar", "dive:estargz" },
        { "oci-archive", "test-oci-uncompressed-image.tar", "dive:plain" },
    };
    struct peer *peer = *state;
    struct pull_result result;
    struct imgc_err err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[128], file[400], from[420];
        (void)snprintf(name, sizeof name, "images/dive/%s", rows[i].file);
        if (!data_path(name, file, sizeof file)) {
            skip();
        }
        (void)snprintf(from, sizeof from, "%s:%s", rows[i].transport, file);
        push(peer, "--dest-compress=false", from, rows[i].to);
        check_pull(peer, rows[i].to);
    }
    assert_err(pulling_pull(&peer->pull, "dive:nope", NULL, &result, &err), IMGC_E_NOIMAGE);
    assert_non_null(strstr(err.msg, "MANIFEST_UNKNOWN"));
}

/* The registry's file of the largest blob of @repo: its first layer, here. */
static void stored_blob(struct peer *peer, const char *repo, char path[256])
{
    image_auto struct image image = { .n_diff_ids = 0 };
    struct pull_result result;
    char hex[DIGEST_HEX_MAX];
    struct imgc_err err;

    /* An uncompressed layer: its blob is called by its DiffID. */
    assert_ok(pulling_pull(&peer->pull, repo, NULL, &result, &err), err);
    assert_ok(image_find_id(peer->pull.store, &result.id, &image, &err), err);
    (void)digest_hex(&image.diff_ids[0], hex);
    (void)snprintf(path, 256, "%s/registry/docker/registry/v2/blobs/sha256/%.2s/%s/data",
                   peer->pull.srv.dir, hex, hex);
    pulling_close_store(&peer->pull);
    pulling_open_store(&peer->pull, repo);
}

static void damage_in_the_registry_is_seen(void **state)
{
    struct peer *peer = *state;
    struct pull_result result;
    char path[256], byte;
    struct imgc_err err;

    push_made(peer, "--preserve-digests", "plain", "damaged");
    stored_blob(peer, "damaged", path);
    imgc_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, 700), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 700), 1);
    assert_err(pulling_pull(&peer->pull, "damaged", NULL, &result, &err), IMGC_E_DIGEST);
    assert_int_equal(pulling_n_images(&peer->pull), 0);

    assert_int_equal(ftruncate(fd, 1000), 0);
    int r = pulling_pull(&peer->pull, "damaged", NULL, &result, &err);
    if (r != -(int)IMGC_E_DIGEST && r != -(int)IMGC_E_NETWORK) {
        fail_msg("truncated blob: %d %s", r, err.msg);
    }
    assert_int_equal(pulling_n_images(&peer->pull), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layers_of_every_kind_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(published_images_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_in_the_registry_is_seen, setup, teardown),
    };

    if (!serving_has("python3") || !serving_has("openssl") || !serving_has("docker-registry") ||
        !serving_has("skopeo")) {
        return 77;
    }
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
