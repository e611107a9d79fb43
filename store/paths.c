/* SPDX-License-Identifier: Apache-2.0 */
#include "store/paths.h"

#include <stdio.h>
#include <string.h>

const char *const paths_skeleton[] = {
    "blobs",       "blobs/sha256", "blobs/sha512", PATHS_LAYERS, PATHS_CONTAINERS,
    PATHS_PARTIAL, PATHS_LOCKS,    PATHS_TMP,      PATHS_VIEWS,  PATHS_VOLUMES,
    NULL
};

/* Digests have at most 128 digits and ids at most 64 characters: everything fits PATHS_MAX. */

const char *paths_blob(const struct digest *digest, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, "blobs/%s/%s", digest_alg_name(digest->alg),
                   digest_hex(digest, hex));
    return out;
}

const char *paths_layer(const struct digest *diff_id, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_LAYERS "/%s", digest_hex(diff_id, hex));
    return out;
}

const char *paths_layer_tar(const struct digest *diff_id, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_LAYERS "/%s/tar", digest_hex(diff_id, hex));
    return out;
}

const char *paths_layer_entries(const struct digest *diff_id, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_LAYERS "/%s/entries", digest_hex(diff_id, hex));
    return out;
}

const char *paths_view(const struct digest *diff_id, const struct digest *chain_id,
                       char out[PATHS_MAX])
{
    char diff_hex[DIGEST_HEX_MAX], chain_hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_LAYERS "/%s/fs/%s", digest_hex(diff_id, diff_hex),
                   digest_hex(chain_id, chain_hex));
    return out;
}

const char *paths_erofs(const struct digest *chain_id, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_VIEWS "/%s", digest_hex(chain_id, hex));
    return out;
}

const char *paths_container(const char *id, char out[PATHS_MAX])
{
    (void)snprintf(out, PATHS_MAX, PATHS_CONTAINERS "/%s", id);
    return out;
}

const char *paths_lease(const char *lease_id, char out[PATHS_MAX])
{
    (void)snprintf(out, PATHS_MAX, PATHS_TMP "/%s", lease_id);
    return out;
}

const char *paths_lock(const struct digest *digest, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_LOCKS "/%s-%s", digest_alg_name(digest->alg),
                   digest_hex(digest, hex));
    return out;
}

const char *paths_partial(const struct digest *digest, char out[PATHS_MAX])
{
    char hex[DIGEST_HEX_MAX];

    (void)snprintf(out, PATHS_MAX, PATHS_PARTIAL "/%s-%s", digest_alg_name(digest->alg),
                   digest_hex(digest, hex));
    return out;
}

bool paths_parse_partial(const char *name, struct digest *ret)
{
    char text[DIGEST_TEXT_MAX];
    const char *hyphen = strchr(name, '-');
    struct imgc_err ignored;

    if (!hyphen || strlen(name) >= sizeof text) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%s", name);
    text[hyphen - name] = ':';
    return digest_parse(imgc_str_of(text), ret, &ignored) == 0;
}
