/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to one registry, without a store: manifests and small blobs, tokens, refusals. */
#include "tests/lib/serving.h"

#include "fetch/registry.h"
#include "schema/limits.h"
#include "schema/media_type.h"

static int setup(void **state)
{
    static struct serving p;

    serving_begin(&p);
    *state = &p;
    return serving_start_registry(&p) ? 0 : 1;
}

static int teardown(void **state)
{
    serving_end(*state);
    return 0;
}

struct where {
    unsigned port;
    bool is_unverified;
};

/* Get the manifest of @tag from @repo in a session of its own. */
static int get(const struct where *at, const char *repo, const char *tag, struct imgc_buf *body,
               char type[REGISTRY_TYPE_MAX], struct imgc_err *err)
{
    http_auto struct http *http = NULL;
    registry_auto struct registry *registry = NULL;
    char domain[32], path[64];
    const struct http_args args = { .user_agent = "imgc-test" };
    const struct registry_item item = { .is_manifest = true,
                                        .tag = tag,
                                        .max_bytes = LIMIT_MANIFEST_BYTES };

    (void)snprintf(domain, sizeof domain, "127.0.0.1:%u", at->port);
    (void)snprintf(path, sizeof path, "%s", repo);
    const struct ref ref = { .domain = domain, .path = path };
    assert_ok(http_new(&args, &http, err), *err);
    const struct registry_args registry_args = { .ref = &ref, .tls_verify = !at->is_unverified };
    assert_ok(registry_new(http, &registry_args, &registry, err), *err);
    return registry_get(registry, &item, body, type, err);
}

static void check_manifest(const struct where *at, const char *repo, const char *want_type)
{
    imgc_autobuf struct imgc_buf body = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    char type[REGISTRY_TYPE_MAX];
    struct imgc_err err;

    assert_ok(get(at, repo, "latest", &body, type, &err), err);
    assert_string_equal(type, want_type);
    assert_int_equal(body.ptr[0], '{');
}

static void manifests_come_with_their_type(void **state)
{
    const struct where at = { .port = ((struct serving *)*state)->port };
    static const struct {
        const char *repo, *type;
    } rows[] = { { "good", MEDIA_OCI_MANIFEST },
                 { "multi", MEDIA_OCI_INDEX },
                 { "private", MEDIA_OCI_MANIFEST },
                 { "scope", MEDIA_OCI_MANIFEST },
                 { "busy", MEDIA_OCI_MANIFEST } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_manifest(&at, rows[i].repo, rows[i].type);
    }
    /* The first request goes to the manifest itself: a challenge costs two more, no ping. */
    assert_int_equal(serving_count(*state, "GET", "good"), 1);
    assert_int_equal(serving_count(*state, "GET", "private"), 3);
    assert_int_equal(serving_count(*state, "GET /v2/ ", ""), 0);
}

static void refusals_have_their_codes(void **state)
{
    const struct where at = { .port = ((struct serving *)*state)->port };
    static const struct {
        const char *repo, *tag;
        enum imgc_code code;
    } rows[] = {
        { "good", "nope", IMGC_E_NOIMAGE },   { "denied", "latest", IMGC_E_AUTH },
        { "basic", "latest", IMGC_E_AUTH },   { "closed", "latest", IMGC_E_REGISTRY },
        { "html", "latest", IMGC_E_NOIMAGE }, { "big-manifest", "latest", IMGC_E_LIMIT },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        imgc_autobuf struct imgc_buf body = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
        char type[REGISTRY_TYPE_MAX];
        struct imgc_err err;

        int r = get(&at, rows[i].repo, rows[i].tag, &body, type, &err);
        if (r != -(int)rows[i].code) {
            fail_msg("%s: %d %s", rows[i].repo, r, r < 0 ? err.msg : "");
        }
    }
}

static void certificates_are_verified(void **state)
{
    imgc_autobuf struct imgc_buf body = IMGC_BUF_INIT(LIMIT_MANIFEST_BYTES);
    const unsigned port = ((struct serving *)*state)->tls_port;
    const struct where strict = { port, false }, careless = { port, true };
    char type[REGISTRY_TYPE_MAX];
    struct imgc_err err;

    /* Not even on loopback: plain HTTP is for a server that cannot do TLS, not for a bad one. */
    serving_forget_log(*state);
    assert_err(get(&strict, "good", "latest", &body, type, &err), IMGC_E_TLS);
    assert_non_null(strstr(err.msg, "https://127.0.0.1:"));
    assert_int_equal(serving_count(*state, "", ""), 0);
    check_manifest(&careless, "good", MEDIA_OCI_MANIFEST);
}

/* A server that knows plain HTTP only is asked once, one with TLS twice. */
static void plain_http_is_tried_first_at_a_port_of_this_machine(void **state)
{
    const struct serving *p = *state;
    const struct where plain = { p->port, false }, tls = { p->tls_port, true };

    serving_forget_log(p);
    check_manifest(&plain, "plain", MEDIA_OCI_MANIFEST);
    assert_int_equal(serving_count(p, "", ""), 1);
    check_manifest(&tls, "plain", MEDIA_OCI_MANIFEST);
    assert_int_equal(serving_count(p, "", ""), 2);
}

/* Plain HTTP that hangs up once is talked to again, though TLS was tried in between. */
static void a_plain_server_that_hung_up_is_asked_again(void **state)
{
    const struct where at = { .port = ((struct serving *)*state)->port };

    check_manifest(&at, "shy", MEDIA_OCI_MANIFEST);
}

/* As servers of Go and nginx answer plain HTTP at a port for TLS. */
static void status_400_at_first_means_tls(void **state)
{
    const struct where at = { .port = ((struct serving *)*state)->port };

    check_manifest(&at, "confused", MEDIA_OCI_MANIFEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_come_with_their_type),
        cmocka_unit_test(refusals_have_their_codes),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(plain_http_is_tried_first_at_a_port_of_this_machine),
        cmocka_unit_test(a_plain_server_that_hung_up_is_asked_again),
        cmocka_unit_test(status_400_at_first_means_tls),
    };

    return serving_has("python3") && serving_has("openssl")
               ? cmocka_run_group_tests(tests, setup, teardown)
               : 77;
}
