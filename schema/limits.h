/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every amount that an image, a registry or a file from outside can choose, with its reason.
 * IMGC_E_LIMIT names the limit and the value.
 */
#ifndef IMGC_SCHEMA_LIMITS_H
#define IMGC_SCHEMA_LIMITS_H

#define LIMIT_MANIFEST_BYTES (4u << 20)    /* distribution-spec: registries accept at least 4 MiB */
#define LIMIT_CONFIG_BYTES (4u << 20)      /* what containers/image accepts */
#define LIMIT_TOKEN_BYTES (1u << 20)       /* token server answers */
#define LIMIT_AUTHORITIES_BYTES (4u << 20) /* certificates that TLS trusts; Debian's are 220 kB */
#define LIMIT_ERROR_BODY_BYTES (64u << 10) /* an error answer is shown, never stored */
#define LIMIT_TOML_TABLES 4096             /* tables and arrays of one registries.conf */
#define LIMIT_REGISTRIES_BYTES (1u << 20)  /* one registries.conf */
#define LIMIT_TAGS_BYTES (16u << 20)       /* all pages of one list of tags; 64 bytes for each */
#define LIMIT_TAGS 250000                  /* of one repository */
#define LIMIT_TAG_PAGES 5000               /* of one list: registries give 50 at once or more */
#define LIMIT_TAG_BYTES 128                /* distribution-spec: one tag */
#define LIMIT_JSON_DEPTH 64                /* nesting; no real document comes near */
#define LIMIT_LAYERS 500                   /* overlayfs's own limit of lower directories */
#define LIMIT_INDEX_ENTRIES 1024           /* descriptors in one index */
#define LIMIT_INDEX_DEPTH 4                /* nested indexes */
#define LIMIT_INDEX_IMAGES 128         /* that one pull of all platforms fetches; real ones: 20 */
#define LIMIT_REF_BYTES 512            /* name (255) + tag (128) + digest, with separators */
#define LIMIT_PATH_BYTES 4095          /* PATH_MAX without the NUL: of an entry's path */
#define LIMIT_NAME_BYTES 255           /* NAME_MAX: of one path component */
#define LIMIT_PATH_DEPTH 1024          /* components of one path */
#define LIMIT_LAYER_ENTRIES (8u << 20) /* entries of one layer, before memory runs out */
#define LIMIT_XATTR_BYTES (64u << 10)  /* one value: XATTR_SIZE_MAX of the kernel */
#define LIMIT_XATTRS_PER_ENTRY 512     /* more than ext4 or xfs can hold */
#define LIMIT_LAYER_RATIO 1100         /* inflated/compressed; gzip's best is 1032 */
#define LIMIT_TAR_PADDING_BYTES (16u << 20) /* behind a tar's end; tapes' records go to 1 MiB */
#define LIMIT_SYMLINKS 40                   /* followed in one path, as the kernel's MAXSYMLINKS */
#define LIMIT_ENV_BYTES (2u << 20)          /* environment of a container, as ARG_MAX's default */
#define LIMIT_VOLUMES 1024                  /* of one image's config; each is a directory to make */
#define LIMIT_PASSWD_BYTES (1u << 20)       /* /etc/passwd and /etc/group of an image */
#define LIMIT_ENV_FILE_BYTES (1u << 20)     /* --env-file */
#define LIMIT_SPEC_BYTES (32u << 20)        /* a spec kept as JSON: two LIMIT_ENV_BYTES, escaped */
#define LIMIT_JSON_ITEMS 65536              /* structs in one array of such a document */
#define LIMIT_LOG_LINE_BYTES (16u << 10)    /* longer lines are split into partial ones */

#define LIMIT_PUNCH_PATHS_BYTES (256u << 20) /* in the map of one punched layer; below 4 GiB */
#define LIMIT_MOUNTINFO_BYTES (64u << 20) /* a host with 100 000 mounts, the kernel's own limit */

#endif
