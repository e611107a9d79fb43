/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/platform.h"

#include <stdio.h>
#include <sys/utsname.h>

/* What does not fit in a field; platform_parse() never yields it, so it matches nothing. */
#define NO_SUCH "?"

#define MATCH_EXACT 100
#define MATCH_BASE 1 /* the image names no variant: made for the oldest */

struct alias {
    const char *from, *arch, *variant; /* variant: NULL leaves what was given */
};

static const struct alias aliases[] = {
    { "x86_64", "amd64", NULL },  { "x86-64", "amd64", NULL }, { "aarch64", "arm64", NULL },
    { "arm64v8", "arm64", NULL }, { "i386", "386", "" },       { "i486", "386", "" },
    { "i586", "386", "" },        { "i686", "386", "" },       { "armhf", "arm", "v7" },
    { "armel", "arm", "v6" },     { "armv5l", "arm", "v5" },   { "armv6l", "arm", "v6" },
    { "armv7l", "arm", "v7" },    { "armv8l", "arm", "v8" },   { "loongarch64", "loong64", NULL },
};

/* What --platform takes without an operating system before it. */
static const char *const known_archs[] = {
    "386",      "amd64",  "arm",   "arm64",   "loong64", "mips",  "mips64",
    "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x",
};

/* Lower-cased copy; NO_SUCH where it does not fit. */
static void copy_lower(char *dst, size_t size, const char *src)
{
    size_t len = src ? strlen(src) : 0;

    if (len >= size) {
        (void)snprintf(dst, size, "%s", NO_SUCH);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        dst[i] = (char)(src[i] >= 'A' && src[i] <= 'Z' ? src[i] - 'A' + 'a' : src[i]);
    }
    dst[len] = '\0';
}

static void normalise_arch(struct platform *p)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (strcmp(p->arch, aliases[i].from) != 0) {
            continue;
        }
        copy_lower(p->arch, sizeof p->arch, aliases[i].arch);
        if (aliases[i].variant) {
            copy_lower(p->variant, sizeof p->variant, aliases[i].variant);
        }
        return;
    }
}

/* "8" is "v8"; what an architecture starts at is no variant at all. */
static void normalise_variant(struct platform *p)
{
    bool arm64 = strcmp(p->arch, "arm64") == 0;

    if (arm64 || strcmp(p->arch, "arm") == 0) {
        if (p->variant[0] >= '0' && p->variant[0] <= '9' && p->variant[1] == '\0') {
            p->variant[1] = p->variant[0];
            p->variant[0] = 'v';
            p->variant[2] = '\0';
        }
    }
    if ((arm64 && strcmp(p->variant, "v8") == 0) ||
        (strcmp(p->arch, "amd64") == 0 && strcmp(p->variant, "v1") == 0)) {
        p->variant[0] = '\0';
    }
}

void platform_set(struct platform *p, const char *os, const char *arch, const char *variant)
{
    *p = (struct platform){ .os = "" };
    copy_lower(p->os, sizeof p->os, os);
    if (strcmp(p->os, "macos") == 0) {
        copy_lower(p->os, sizeof p->os, "darwin");
    }
    copy_lower(p->arch, sizeof p->arch, arch);
    copy_lower(p->variant, sizeof p->variant, variant);
    normalise_arch(p);
    normalise_variant(p);
}

void platform_host(struct platform *ret)
{
    struct utsname u;

    /* Fails for a bad pointer only. */
    if (uname(&u) < 0) {
        u.machine[0] = '\0';
    }
    platform_set(ret, "linux", u.machine, NULL);
}

static bool is_component(struct imgc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return s.len > 0 && s.len < sizeof((struct platform *)NULL)->os;
}

static bool is_known_arch(const char *arch)
{
    for (size_t i = 0; i < sizeof known_archs / sizeof *known_archs; i++) {
        if (strcmp(arch, known_archs[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "arm64" or "linux". */
static bool parse_one(const char *word, struct platform *p)
{
    if (strcmp(word, "linux") == 0) {
        platform_host(p);
        return true;
    }
    platform_set(p, "linux", word, NULL);
    return is_known_arch(p->arch);
}

int platform_parse(struct imgc_str s, struct platform *ret, struct imgc_err *reterr)
{
    char parts[3][sizeof ret->os] = { "", "", "" };
    struct imgc_str rest = s, part;
    struct platform p;
    bool good = s.len > 0;
    size_t n = 0;

    for (; good && imgc_str_token(&rest, '/', &part); n++) {
        good = n < 3 && is_component(part);
        if (good) {
            memcpy(parts[n], part.ptr, part.len);
        }
    }
    if (good && n == 1) {
        good = parse_one(parts[0], &p);
    } else if (good) {
        platform_set(&p, parts[0], parts[1], parts[2]);
    }
    if (!good) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "'" IMGC_STR_FMT "' is not a platform: write OS/ARCH[/VARIANT]",
                         IMGC_STR_ARG(s));
    }
    *ret = p;
    return 0;
}

/* Level of "vN", or 0. */
static int level(const char *variant)
{
    bool simple = variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' && !variant[2];
    return simple ? variant[1] - '0' : 0;
}

int platform_match(const struct platform *want, const struct platform *have)
{
    if (have->os[0] == '\0' || have->arch[0] == '\0' || strcmp(want->os, have->os) != 0 ||
        strcmp(want->arch, have->arch) != 0) {
        return 0;
    }
    if (strcmp(want->variant, have->variant) == 0) {
        return MATCH_EXACT;
    }
    if (have->variant[0] == '\0') {
        return MATCH_BASE;
    }
    /* Where levels are ordered, what is made for a lower one runs. "arm" alone means v7, which is
     * what distributions build for; v8 code would not run there. */
    bool arm = strcmp(want->arch, "arm") == 0;
    int want_level = arm && want->variant[0] == '\0' ? 7 : level(want->variant);
    int have_level = level(have->variant);
    bool ordered = arm || strcmp(want->arch, "amd64") == 0 || strcmp(want->arch, "arm64") == 0;

    return ordered && have_level > 0 && have_level <= want_level ? MATCH_BASE + have_level : 0;
}

const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT_MAX])
{
    /* Three fields of at most 31 bytes and two slashes. */
    (void)snprintf(out, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "",
                   p->variant);
    return out;
}
