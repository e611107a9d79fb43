/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of pulling: a registry that serves (tests/lib/serving.h), and a store. */
#ifndef IMGC_TESTS_LIB_PULLING_H
#define IMGC_TESTS_LIB_PULLING_H

#include "tests/lib/serving.h"

#include "fetch/pull.h"
#include "store/image.h"
#include "store/layer.h"

struct pulling {
    struct serving srv;
    struct store *store;
    struct lease *lease;
};

static inline void pulling_open_store(struct pulling *p, const char *name)
{
    char root[128], runroot[128];
    struct imgc_err err;

    (void)snprintf(root, sizeof root, "%s/%s", p->srv.dir, name);
    (void)snprintf(runroot, sizeof runroot, "%s/%s.run", p->srv.dir, name);
    assert_ok(store_open(&(struct store_args){ root, runroot }, &p->store, &err), err);
    assert_ok(lease_begin(p->store, &p->lease, &err), err);
}

static inline void pulling_close_store(struct pulling *p)
{
    p->lease = lease_end(p->lease);
    p->store = store_close(p->store);
}

/* Pull "127.0.0.1:PORT/@name" into the open store. */
static inline int pulling_pull(struct pulling *p, const char *name, const struct pull_args *more,
                               struct pull_result *ret, struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;
    struct pull_args args = { .tls_verify = true };
    char text[256];

    if (more) {
        args = *more;
    }
    (void)snprintf(text, sizeof text, "127.0.0.1:%u/%s", p->srv.port, name);
    assert_ok(ref_parse(imgc_str_of(text), &ref, reterr), *reterr);
    assert_ok(ref_default_tag(&ref, reterr), *reterr);
    args.ref = &ref;
    args.user_agent = "imgc-test";
    return pull_image(p->store, p->lease, &args, ret, reterr);
}

static inline size_t pulling_n_images(const struct pulling *p)
{
    image_list_auto struct image_list list = { .items = NULL };
    struct imgc_err err;

    assert_ok(image_list(p->store, &list, &err), err);
    return list.n;
}

#endif
