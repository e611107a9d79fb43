/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/lookup.h"

int lookup_image(struct store *s, const char *name, struct image *ret, struct imgc_err *reterr)
{
    int r = image_find(s, imgc_str_of(name), ret, reterr);

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

int lookup_ref(struct store *s, const char *name, const struct image *image, struct ref *ret,
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
