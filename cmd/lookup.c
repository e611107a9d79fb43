/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/lookup.h"

#include "cmd/registry_conf.h"
#include "schema/json.h"

typedef int find_fn(struct store *s, struct imgc_str name, const struct platform *want,
                    struct image *ret, struct imgc_err *reterr);

static int find_whole(struct store *s, struct imgc_str name, const struct platform *want,
                      struct image *ret, struct imgc_err *reterr)
{
    (void)want;
    return image_find(s, name, ret, reterr);
}

static void strings_freep(char ***strings)
{
    *strings = json_strings_free(*strings);
}

/* The files are read only where the name itself is not there. */
static int find(struct store *s, const char *name, const struct platform *want, find_fn *get,
                struct image *ret, struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **names = NULL;
    struct imgc_err why;

    int r = get(s, imgc_str_of(name), want, ret, reterr);
    if (r != IMAGE_MISSING || ref_has_domain(imgc_str_of(name))) {
        return r;
    }
    if (registry_conf_names(name, &names, &why) < 0) {
        return IMAGE_MISSING; /* a pull says what is wrong there */
    }
    for (char **i = names; r == IMAGE_MISSING && *i; i++) {
        r = get(s, imgc_str_of(*i), want, ret, reterr);
        if (r == -(int)IMGC_E_REFERENCE) {
            r = IMAGE_MISSING; /* an ID, with a host in front of it */
        }
    }
    return r;
}

int lookup_find(struct store *s, const char *name, struct image *ret, struct imgc_err *reterr)
{
    return find(s, name, NULL, find_whole, ret, reterr);
}

int lookup_find_stack(struct store *s, const char *name, const struct platform *want,
                      struct image *ret, struct imgc_err *reterr)
{
    return find(s, name, want, image_find_stack, ret, reterr);
}

int lookup_image(struct store *s, const char *name, struct image *ret, struct imgc_err *reterr)
{
    int r = lookup_find(s, name, ret, reterr);

    return r == IMAGE_MISSING ? imgc_fail(reterr, IMGC_E_NOTFOUND, "no such image: %s", name) : r;
}

int lookup_container(struct store *s, const char *name, struct container *ret,
                     struct imgc_err *reterr)
{
    int r = container_find(s, imgc_str_of(name), ret, reterr);

    return r == CONTAINER_MISSING
               ? imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: %s", name)
               : r;
}

int lookup_created(void *arg, struct imgc_str name, int64_t *ret_ns, struct imgc_err *reterr)
{
    image_auto struct image image = { .tags = NULL };

    /* The value of a filter is the tail of a command-line word: NUL-terminated. */
    int r = lookup_image(arg, name.ptr, &image, reterr);
    if (r == 0) {
        *ret_ns = image.created_ns;
    }
    return r;
}

/* @return 0; LOOKUP_IS_ID where it is no name of @image. */
static int try_ref(struct store *s, const char *name, const struct image *image, struct ref *ret,
                   struct imgc_err *reterr)
{
    ref_auto struct ref ref = REF_INIT;
    struct digest id, top;

    /* An ID need not be a name ("sha256:..."), so a bad name is no failure here. */
    int r = ref_parse(imgc_str_of(name), &ref, reterr);
    if (r == -IMGC_E_REFERENCE) {
        return LOOKUP_IS_ID;
    }
    if (r == 0) {
        r = ref_default_tag(&ref, reterr);
    }
    if (r == 0) {
        r = image_resolve(s, &ref, &id, &top, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (r == IMAGE_MISSING || !digest_eq(&id, &image->id)) {
        return LOOKUP_IS_ID;
    }
    *ret = ref;
    ref = (struct ref)REF_INIT;
    return 0;
}

int lookup_ref(struct store *s, const char *name, const struct image *image, struct ref *ret,
               struct imgc_err *reterr)
{
    imgc_auto(strings_freep) char **names = NULL;
    struct imgc_err ignored;

    int r = try_ref(s, name, image, ret, reterr);
    if (r != LOOKUP_IS_ID || ref_has_domain(imgc_str_of(name)) ||
        registry_conf_names(name, &names, &ignored) < 0) {
        return r;
    }
    for (char **i = names; r == LOOKUP_IS_ID && *i; i++) {
        r = try_ref(s, *i, image, ret, reterr);
    }
    return r;
}
