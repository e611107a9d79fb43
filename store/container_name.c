/* SPDX-License-Identifier: Apache-2.0 */
#include "store/container_name.h"

#include <stdio.h>

static const char *const adjectives[] = {
    "amber",  "ample",  "apt",     "brave",  "breezy", "bright", "brisk",  "calm",
    "candid", "cheery", "clear",   "clever", "coral",  "cosy",   "crisp",  "deft",
    "eager",  "early",  "fair",    "fleet",  "fond",   "fresh",  "gentle", "glad",
    "golden", "grand",  "hardy",   "honest", "humble", "ivory",  "jolly",  "keen",
    "kind",   "lively", "lucid",   "merry",  "mild",   "misty",  "modest", "neat",
    "nimble", "noble",  "patient", "placid", "plucky", "polite", "proud",  "quick",
    "quiet",  "rapid",  "rosy",    "rustic", "serene", "silver", "sleek",  "smooth",
    "snug",   "spry",   "steady",  "sunny",  "tidy",   "upbeat", "vivid",  "witty",
};

static const char *const nouns[] = {
    "acorn",  "anchor", "aspen",   "badger",  "beacon",  "beaver",  "birch",   "bobbin",
    "brook",  "canyon", "cedar",   "clover",  "comet",   "cove",    "crane",   "dune",
    "falcon", "fern",   "finch",   "fjord",   "gecko",   "glade",   "harbor",  "hazel",
    "heron",  "island", "ivy",     "juniper", "kestrel", "lagoon",  "lantern", "larch",
    "lemur",  "lichen", "linnet",  "lynx",    "maple",   "marmot",  "meadow",  "newt",
    "orchid", "osprey", "otter",   "pebble",  "pelican", "pine",    "plover",  "puffin",
    "quartz", "raven",  "reef",    "river",   "robin",   "sparrow", "spruce",  "summit",
    "swift",  "teal",   "thistle", "tulip",   "valley",  "walnut",  "willow",  "wren",
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int container_name_check(struct imgc_str name, struct imgc_err *reterr)
{
    bool ok = name.len >= 1 && name.len <= CONTAINER_NAME_MAX && is_alnum(name.ptr[0]);

    for (size_t i = 1; ok && i < name.len; i++) {
        char c = name.ptr[i];
        ok = is_alnum(c) || c == '_' || c == '.' || c == '-';
    }
    return ok ? 0
              : imgc_fail(reterr, IMGC_E_USAGE,
                          "'" IMGC_STR_FMT "' is no container name: letters, digits, '_', '.' and "
                          "'-', the first a letter or digit, at most %d",
                          IMGC_STR_ARG(name), CONTAINER_NAME_MAX);
}

const char *container_name_make(uint64_t random, bool digits, char out[CONTAINER_NAME_MADE_MAX])
{
    const char *adjective = adjectives[random % (sizeof adjectives / sizeof *adjectives)];
    const char *noun = nouns[(random >> 16) % (sizeof nouns / sizeof *nouns)];

    if (digits) {
        (void)snprintf(out, CONTAINER_NAME_MADE_MAX, "%s_%s_%08x", adjective, noun,
                       (unsigned)(random >> 32));
    } else {
        (void)snprintf(out, CONTAINER_NAME_MADE_MAX, "%s_%s", adjective, noun);
    }
    return out;
}
