/* SPDX-License-Identifier: Apache-2.0 */
/* labels: threads */
/* Pulling from a registry that misbehaves on demand (tests/lib/registry.py). */
#include "schema/base/clock.h"
#include "tests/lib/pulling.h"

static int setup_group(void **state)
{
    static struct pulling p;

    serving_begin(&p.srv);
    *state = &p;
    return serving_start_registry(&p.srv) ? 0 : 1;
}

static int teardown_group(void **state)
{
    serving_end(&((struct pulling *)*state)->srv);
    return 0;
}

/* Each test has a store of its own. */
static int setup(void **state)
{
    static unsigned n;
    char name[32];

    (void)snprintf(name, sizeof name, "store%u", n++);
    pulling_open_store(*state, name);
    FILE *log = fopen(((struct pulling *)*state)->srv.log, "we");
    return !log || fclose(log) != 0;
}

static int teardown(void **state)
{
    pulling_close_store(*state);
    return 0;
}

/* Pull @repo; the image and all its layers are in the store. */
static void check_whole(struct pulling *p, const char *repo, size_t n_layers)
{
    image_auto struct image image = { .n_diff_ids = 0 };
    const struct platform amd64 = { .os = "linux", .arch = "amd64" };
    const struct pull_args args = { .tls_verify = true, .platform = &amd64 };
    struct pull_result result;
    struct imgc_err err;

    assert_ok(pulling_pull(p, repo, &args, &result, &err), err);
    assert_false(result.is_unchanged);
    assert_ok(image_find_id(p->store, &result.id, &image, &err), err);
    assert_int_equal(image.n_diff_ids, n_layers);
    for (size_t k = 0; k < image.n_diff_ids; k++) {
        imgc_autoclose int fd = -1;
        int r = layer_open_tar(p->store, &image.diff_ids[k], &fd, &err);
        assert_int_equal(r, 0);
    }
}

static void images_arrive_whole(void **state)
{
    static const struct {
        const char *repo;
        size_t n_layers;
    } rows[] = { { "good", 3 },  { "plain", 2 },      { "empty", 0 },    { "big", 4 },
                 { "twice", 3 }, { "multi", 1 },      { "odd-type", 1 }, { "flaky", 3 },
                 { "reset", 3 }, { "private", 3 },    { "scope", 3 },    { "moved", 3 },
                 { "busy", 3 },  { "broken-once", 3 } };
    struct pulling *p = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_whole(p, rows[i].repo, rows[i].n_layers);
        assert_int_equal(pulling_n_images(p), i + 1);
    }
    /* A blob listed twice is fetched once. */
    assert_int_equal(serving_count(&p->srv, "/v2/twice/blobs/", "GET"), 3);
    /* The redirect's target, on another port, saw no token. */
    assert_int_equal(serving_count(&p->srv, "/elsewhere/", " 200 -"), 3);
    assert_int_equal(serving_count(&p->srv, "/elsewhere/", "auth"), 0);
    /* One token serves all requests of a pull; the one with too small a scope costs two. */
    assert_int_equal(serving_count(&p->srv, "GET /token", "repository:private:pull"), 1);
    assert_int_equal(serving_count(&p->srv, "GET /token", "repository:scope:pull"), 2);
}

static void unchanged_image_costs_one_request(void **state)
{
    struct pulling *p = *state;
    struct pull_result first, second;
    struct imgc_err err;

    assert_ok(pulling_pull(p, "nested", NULL, &first, &err), err);
    serving_forget_log(&p->srv);
    assert_ok(pulling_pull(p, "nested", NULL, &second, &err), err);
    assert_true(second.is_unchanged);
    assert_true(digest_eq(&first.id, &second.id));
    assert_int_equal(serving_count(&p->srv, "", ""), 1);
    assert_int_equal(serving_count(&p->srv, "GET /v2/nested/manifests/latest", " 200 "), 1);
}

static void known_digest_costs_no_request(void **state)
{
    struct pulling *p = *state;
    struct pull_result first, second;
    char name[256], digest[DIGEST_TEXT_MAX];
    struct imgc_err err;

    assert_ok(pulling_pull(p, "multi", NULL, &first, &err), err);
    (void)snprintf(name, sizeof name, "multi@%s", digest_text(&first.top, digest));
    assert_ok(pulling_pull(p, name, NULL, &second, &err), err);
    serving_forget_log(&p->srv);
    assert_ok(pulling_pull(p, name, NULL, &second, &err), err);
    assert_true(second.is_unchanged);
    assert_true(digest_eq(&first.id, &second.id));
    assert_int_equal(second.bytes, 0);
    assert_int_equal(serving_count(&p->srv, "", ""), 0);
}

static void another_platform_is_a_change(void **state)
{
    const struct platform amd64 = { .os = "linux", .arch = "amd64" };
    const struct platform arm64 = { .os = "linux", .arch = "arm64" };
    const struct pull_args amd = { .tls_verify = true, .platform = &amd64 };
    const struct pull_args arm = { .tls_verify = true, .platform = &arm64 };
    struct pulling *p = *state;
    struct pull_result first, second;
    struct imgc_err err;

    assert_ok(pulling_pull(p, "multi", &amd, &first, &err), err);
    assert_ok(pulling_pull(p, "multi", &arm, &second, &err), err);
    assert_false(second.is_unchanged);
    assert_false(digest_eq(&first.id, &second.id));
    assert_true(digest_eq(&first.top, &second.top));
    assert_ok(pulling_pull(p, "multi", &arm, &second, &err), err);
    assert_true(second.is_unchanged);
}

static void what_the_store_lost_is_fetched_again(void **state)
{
    struct pulling *p = *state;
    image_auto struct image image = { .n_diff_ids = 0 };
    struct pull_result result;
    char path[256], hex[DIGEST_HEX_MAX];
    struct imgc_err err;

    assert_ok(pulling_pull(p, "good", NULL, &result, &err), err);
    assert_ok(image_find_id(p->store, &result.id, &image, &err), err);
    (void)snprintf(path, sizeof path, "layers/%s/tar", digest_hex(&image.diff_ids[1], hex));
    assert_int_equal(unlinkat(store_root_fd(p->store), path, 0), 0);
    (void)snprintf(path, sizeof path, "blobs/sha256/%s", digest_hex(&image.manifest, hex));
    assert_int_equal(unlinkat(store_root_fd(p->store), path, 0), 0);
    serving_forget_log(&p->srv);
    assert_ok(pulling_pull(p, "good", NULL, &result, &err), err);
    assert_int_equal(serving_count(&p->srv, "/v2/good/blobs/", "GET"), 1);
    serving_forget_log(&p->srv);
    assert_ok(pulling_pull(p, "good", NULL, &result, &err), err);
    assert_true(result.is_unchanged);
    assert_int_equal(serving_count(&p->srv, "", ""), 1);
}

static void failures_say_what_happened(void **state)
{
    static const struct {
        const char *name;
        enum imgc_code code;
        const char *part; /* of the message */
    } rows[] = {
        { "good:nope", IMGC_E_NOIMAGE, "no such image 'good:nope'" },
        { "missing", IMGC_E_NOIMAGE, "NAME_UNKNOWN" },
        { "html", IMGC_E_NOIMAGE, "<html>\\x1b[31m no such page" },
        { "denied", IMGC_E_AUTH, "may not exist" },
        { "basic", IMGC_E_AUTH, "login" },
        { "closed", IMGC_E_REGISTRY, "come back in 3600 s" },
        { "corrupt", IMGC_E_DIGEST, "" },
        { "mixed", IMGC_E_DIGEST, "" },
        { "short", IMGC_E_DIGEST, "fewer" },
        { "long", IMGC_E_DIGEST, "more" },
        { "lie", IMGC_E_DIGEST, "" },
        { "wrong-size", IMGC_E_DIGEST, "" },
        { "counts", IMGC_E_DOCUMENT, "2 layers, the config 1 diff_ids" },
        { "diffid", IMGC_E_DIGEST, "" },
        { "huge", IMGC_E_NOSPACE, "" },
        { "foreign", IMGC_E_UNSUPPORTED, "foreign" },
        { "foreign-os", IMGC_E_PLATFORM, "windows/amd64" },
        { "deep", IMGC_E_LIMIT, "nested" },
        { "big-manifest", IMGC_E_LIMIT, "4194304" },
    };
    struct pulling *p = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pull_result result;
        struct imgc_err err = { .msg = "" };

        int r = pulling_pull(p, rows[i].name, NULL, &result, &err);
        if (r != -(int)rows[i].code || !strstr(err.msg, rows[i].part)) {
            fail_msg("%s: %d %s", rows[i].name, r, err.msg);
        }
        assert_int_equal(pulling_n_images(p), 0);
    }
    /* Damaged content is asked for once more, refusals are not. */
    assert_int_equal(serving_count(&p->srv, "/v2/good/manifests/nope", ""), 1);
    assert_int_equal(serving_count(&p->srv, "/v2/denied/manifests/", ""), 2);
    assert_int_equal(serving_count(&p->srv, "/v2/closed/manifests/", ""), 1);
    assert_in_range(serving_count(&p->srv, "/v2/corrupt/blobs/", ""), 2, 1 + 2 * 3);
}

static void registry_that_is_down_is_named(void **state)
{
    struct pulling *p = *state, down = *p;
    struct pull_result result;
    struct imgc_err err;

    down.srv.port = 1; /* nobody listens there */
    assert_err(pulling_pull(&down, "good", NULL, &result, &err), IMGC_E_NETWORK);
    assert_non_null(strstr(err.msg, "127.0.0.1:1/v2/good/manifests/latest"));
}

static void server_errors_are_tried_again_and_reported(void **state)
{
    struct pulling *p = *state;
    struct pull_result result;
    struct imgc_err err;

    assert_err(pulling_pull(p, "gone", NULL, &result, &err), IMGC_E_REGISTRY);
    assert_non_null(strstr(err.msg, "HTTP 503"));
    assert_int_equal(serving_count(&p->srv, "/v2/gone/manifests/", " 503 "), 6);
}

struct watch {
    unsigned n_ticks, n_layers, n_resolved;
    unsigned n_stage[PULL_EXISTS + 1];
    uint64_t most;
};

static void on_layer(void *arg, const struct pull_layer *layer)
{
    struct watch *w = arg;

    assert_true(layer->index < layer->n_layers);
    assert_true(layer->done <= layer->size);
    w->n_layers++;
    w->n_stage[layer->stage]++;
    w->most = layer->done > w->most ? layer->done : w->most;
}

static void on_tick(void *arg)
{
    ((struct watch *)arg)->n_ticks++;
}

static void on_resolved(void *arg, const struct digest *top)
{
    assert_true(digest_is_set(top));
    ((struct watch *)arg)->n_resolved++;
}

static bool after_five_ticks(void *arg)
{
    return ((struct watch *)arg)->n_ticks >= 5;
}

static void interruption_leaves_nothing(void **state)
{
    struct watch w = { .n_ticks = 0 };
    const struct pull_events events = {
        .layer = on_layer, .tick = on_tick, .interrupted = after_five_ticks, .arg = &w
    };
    const struct pull_args args = { .tls_verify = true, .events = &events };
    struct pulling *p = *state;
    struct pull_result result;
    struct imgc_err err;

    assert_err(pulling_pull(p, "endless", &args, &result, &err), IMGC_E_INTERRUPTED);
    assert_int_equal(w.most, 1000);
    assert_int_equal(w.n_stage[PULL_DOWNLOADING] > 0, true);
    assert_int_equal(pulling_n_images(p), 0);
}

struct failed {
    const char *paths[4];
    enum imgc_code codes[4];
    size_t n;
};

static void on_mirror_failed(void *arg, const struct pull_source *mirror,
                             const struct imgc_err *err)
{
    struct failed *f = arg;

    assert_true(f->n < 4);
    f->paths[f->n] = mirror->ref->path;
    f->codes[f->n++] = err->code;
}

/* Pull "good" with another repository of the same registry as its mirror. @return how long it
 * took. */
static uint64_t pull_with_mirror(struct pulling *p, const char *mirror, struct failed *failed,
                                 int want)
{
    char domain[32], path[32], own[] = "good", tag[] = "latest";
    struct ref there = { .domain = domain, .path = path, .tag = tag };
    struct ref ref = { .domain = domain, .path = own, .tag = tag };
    const struct pull_source sources[] = {
        { .ref = &there, .tls_verify = true, .is_mirror = true },
        { .ref = &ref, .tls_verify = true },
    };
    const struct pull_events events = { .mirror_failed = on_mirror_failed, .arg = failed };
    const struct pull_args args = {
        .ref = &ref, .sources = sources, .n_sources = 2, .mirror_patience_s = 2, .events = &events
    };
    struct pull_result result;
    struct imgc_err err;
    int64_t began_ns = clock_monotonic_ns();

    (void)snprintf(domain, sizeof domain, "127.0.0.1:%u", p->srv.port);
    (void)snprintf(path, sizeof path, "%s", mirror);
    *failed = (struct failed){ .n = 0 };
    serving_forget_log(&p->srv);
    int r = pull_image(p->store, p->lease, &args, &result, &err);
    if (r != want) {
        fail_msg("%s: %d %s", mirror, r, r < 0 ? err.msg : "");
    }
    return (uint64_t)(clock_monotonic_ns() - began_ns) / 1000000;
}

static void a_mirror_that_fails_is_gone_around(void **state)
{
    static const struct {
        const char *repo;
        enum imgc_code code;
        size_t n_manifests; /* asked for, of the mirror */
    } rows[] = {
        { "nosuch", IMGC_E_NOIMAGE, 1 },  { "gone", IMGC_E_REGISTRY, 2 },
        { "closed", IMGC_E_REGISTRY, 1 }, { "denied", IMGC_E_AUTH, 2 },
        { "corrupt", IMGC_E_DIGEST, 1 },  { "short", IMGC_E_DIGEST, 1 },
        { "endless", IMGC_E_NETWORK, 1 },
    };
    struct pulling *p = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct failed failed;
        char manifests[64];
        uint64_t ms = pull_with_mirror(p, rows[i].repo, &failed, 0);

        assert_int_equal(failed.n, 1);
        if (failed.codes[0] != rows[i].code || ms > 20000) {
            fail_msg("%s: %s after %llu ms", rows[i].repo, imgc_code_name(failed.codes[0]),
                     (unsigned long long)ms);
        }
        (void)snprintf(manifests, sizeof manifests, "/v2/%s/manifests/", rows[i].repo);
        assert_int_equal(serving_count(&p->srv, manifests, ""), rows[i].n_manifests);
    }
    assert_int_equal(pulling_n_images(p), 1);
}

static void a_mirror_that_works_is_enough(void **state)
{
    struct pulling *p = *state;
    struct failed failed;

    (void)pull_with_mirror(p, "multi", &failed, 0);
    assert_int_equal(failed.n, 0);
    assert_int_equal(serving_count(&p->srv, "/v2/good/", ""), 0);
}

static void progress_is_told(void **state)
{
    struct watch w = { .n_ticks = 0 };
    const struct pull_events events = {
        .resolved = on_resolved, .layer = on_layer, .tick = on_tick, .arg = &w
    };
    const struct pull_args args = { .tls_verify = true, .events = &events, .parallel = 2 };
    struct pulling *p = *state;
    struct pull_result result;
    struct imgc_err err;

    assert_ok(pulling_pull(p, "slow", &args, &result, &err), err);
    assert_int_equal(w.n_resolved, 1);
    assert_in_range(w.n_ticks, 5, 1000);
    assert_int_equal(w.n_stage[PULL_DONE], 4);
    assert_int_equal(w.n_stage[PULL_EXISTS], 0);
    w = (struct watch){ .n_ticks = 0 };
    assert_ok(pulling_pull(p, "slow", &args, &result, &err), err);
    assert_true(result.is_unchanged);
    assert_int_equal(w.n_stage[PULL_EXISTS], 4);
    assert_int_equal(w.n_layers, 4);
}

struct started {
    uint64_t sizes[8];
    size_t n;
};

static void on_layer_started(void *arg, const struct pull_layer *layer)
{
    struct started *s = arg;

    if (layer->stage == PULL_DOWNLOADING && layer->done == 0 && s->n < 8) {
        s->sizes[s->n++] = layer->size;
    }
}

static void the_largest_layer_is_begun_first(void **state)
{
    struct pulling *p = *state;
    struct started started = { .n = 0 };
    const struct pull_events events = { .layer = on_layer_started, .arg = &started };
    const struct pull_args args = { .tls_verify = true, .parallel = 1, .events = &events };
    struct pull_result result;
    struct imgc_err err;

    assert_ok(pulling_pull(p, "sizes", &args, &result, &err), err);
    assert_true(started.n >= 4);
    for (size_t i = 1; i < started.n; i++) {
        assert_true(started.sizes[i - 1] >= started.sizes[i]);
    }
    assert_true(started.sizes[0] > 90000);
}

/* Pull @repo, whose connections are slow. @return how long it took. */
static int64_t pull_slowly(struct pulling *p, const char *repo)
{
    struct pull_result result;
    struct imgc_err err;
    int64_t began_ns = clock_monotonic_ns();

    serving_forget_log(&p->srv);
    int r = pulling_pull(p, repo, NULL, &result, &err);
    if (r < 0) {
        fail_msg("%s: %s", repo, err.msg);
    }
    return clock_monotonic_ns() - began_ns;
}

static void a_slow_layer_comes_in_several_requests(void **state)
{
    struct pulling *p = *state;

    int64_t whole_ns = pull_slowly(p, "whole");
    assert_int_equal(serving_count(&p->srv, "/whole/blobs/", " 206 "), 0);
    int64_t ranged_ns = pull_slowly(p, "ranged");
    assert_in_range(serving_count(&p->srv, "/ranged/blobs/", " 206 "), 4, 8);
    print_message("  %.1f s instead of %.1f s\n", (double)ranged_ns / 1e9, (double)whole_ns / 1e9);
    assert_true(ranged_ns < whole_ns); /* half of it and less, where nobody else has work */
}

static void a_fast_layer_comes_in_one_request(void **state)
{
    struct pulling *p = *state;
    struct pull_result result;
    struct imgc_err err;

    serving_forget_log(&p->srv);
    assert_ok(pulling_pull(p, "quick", NULL, &result, &err), err);
    assert_int_equal(serving_count(&p->srv, "/quick/blobs/", " 200 "), 2); /* with the config */
    assert_int_equal(serving_count(&p->srv, "/quick/blobs/", " 206 "), 0);
}

static void servers_that_give_wrong_parts_are_asked_for_the_whole(void **state)
{
    struct pulling *p = *state;
    static const struct {
        const char *repo;
        unsigned n_whole; /* requests for the whole layer, at most */
    } rows[] = {
        { "part-200", 1 },   { "part-lies", 1 },    { "part-gone", 1 },
        { "part-short", 1 }, { "part-changed", 2 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[64];
        (void)pull_slowly(p, rows[i].repo);
        (void)snprintf(path, sizeof path, "/%s/blobs/", rows[i].repo);
        /* One more is the config's; of part-200 each part is one too. */
        if (strcmp(rows[i].repo, "part-200") != 0) {
            assert_int_equal(serving_count(&p->srv, path, " 200 "), rows[i].n_whole + 1);
        }
    }
    assert_true(serving_count(&p->srv, "/part-changed/blobs/", " 206 ") > 0);
}

static void a_broken_connection_goes_on_where_it_stood(void **state)
{
    struct pulling *p = *state;

    (void)pull_slowly(p, "resumed");
    assert_int_equal(serving_count(&p->srv, "/resumed/blobs/", " 200 "), 2);
    assert_in_range(serving_count(&p->srv, "/resumed/blobs/", " 206 "), 1, 9);
}

static void two_processes_download_once(void **state)
{
    struct pulling *p = *state;
    pid_t pids[2];

    pulling_close_store(p); /* SQLite handles do not survive fork() */
    for (size_t i = 0; i < 2; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct pull_result result;
            struct imgc_err err = { .msg = "" };
            pulling_open_store(p, "shared");
            int r = pulling_pull(p, "slow", NULL, &result, &err);
            if (r < 0) {
                (void)fprintf(stderr, "%s\n", err.msg);
            }
            pulling_close_store(p);
            _exit(r < 0);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    pulling_open_store(p, "shared");
    assert_int_equal(pulling_n_images(p), 1);
    /* Four layers; the small config may be asked for by both. */
    assert_in_range(serving_count(&p->srv, "/v2/slow/blobs/", "GET"), 5, 6);
}

int main(void)
{
#define pull_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        pull_test(images_arrive_whole),
        pull_test(unchanged_image_costs_one_request),
        pull_test(known_digest_costs_no_request),
        pull_test(another_platform_is_a_change),
        pull_test(what_the_store_lost_is_fetched_again),
        pull_test(failures_say_what_happened),
        pull_test(registry_that_is_down_is_named),
        pull_test(server_errors_are_tried_again_and_reported),
        pull_test(interruption_leaves_nothing),
        pull_test(a_mirror_that_fails_is_gone_around),
        pull_test(a_mirror_that_works_is_enough),
        pull_test(progress_is_told),
        pull_test(the_largest_layer_is_begun_first),
        pull_test(a_slow_layer_comes_in_several_requests),
        pull_test(a_fast_layer_comes_in_one_request),
        pull_test(servers_that_give_wrong_parts_are_asked_for_the_whole),
        pull_test(a_broken_connection_goes_on_where_it_stood),
        pull_test(two_processes_download_once),
    };

    return serving_has("python3") && serving_has("openssl")
               ? cmocka_run_group_tests(tests, setup_group, teardown_group)
               : 77;
}
