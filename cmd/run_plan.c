/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_plan.h"

#include "runtime/caps.h"
#include "runtime/plan.h"

#define PLAN_TEXT_BYTES (4u << 20)

static void put_namespaces(const struct spec *spec, struct imgc_buf *b)
{
    imgc_buf_puts(b, "namespaces mnt=private");
    for (unsigned kind = 0; kind < ISOLATION_KINDS; kind++) {
        const struct isolation_namespace *n = isolation_of(&spec->isolation, kind);
        bool is_host = n->mode == ISOLATION_HOST ||
                       (kind == ISOLATION_NET && spec->network == SPEC_NETWORK_HOST);
        imgc_buf_printf(b, " %s=", isolation_kind_name(kind));
        if (n->source) {
            imgc_buf_printf(b, "%s:%s", n->mode == ISOLATION_PATH ? "ns" : "container", n->source);
        } else {
            imgc_buf_puts(b, is_host ? "host" : "private");
        }
    }
    imgc_buf_putc(b, '\n');
}

static void put_capabilities(uint64_t caps, struct imgc_buf *b)
{
    imgc_buf_puts(b, "capabilities");
    for (int cap = 0; caps_name(cap); cap++) {
        if (caps >> cap & 1) {
            imgc_buf_printf(b, " %s", caps_name(cap));
        }
    }
    imgc_buf_putc(b, '\n');
}

static const char *filter_of(const struct spec *spec)
{
    if (spec->no_seccomp) {
        return "unconfined";
    }
    return spec->isolation.seccomp_profile ? "profile" : "builtin";
}

/* What the parent does, and what the child does when its root is there. */
static void put_frame(const struct spec *spec, struct imgc_buf *b)
{
    put_namespaces(spec, b);
    imgc_buf_printf(b, "limits memory=%llu pids=%lld devices=%s\n",
                    (unsigned long long)spec->limits.memory_bytes, (long long)spec->limits.pids,
                    spec->isolation.privileged ? "all" : "listed");
    for (size_t i = 0; i < spec->isolation.n_rlimits; i++) {
        const struct isolation_rlimit *l = &spec->isolation.rlimits[i];
        imgc_buf_printf(b, "ulimit %s=%llu:%llu\n", l->name, (unsigned long long)l->soft,
                        (unsigned long long)l->hard);
    }
    put_capabilities(spec->capabilities, b);
    imgc_buf_printf(b, "seccomp %s\n", filter_of(spec));
    imgc_buf_printf(b, "no-new-privileges %s\n", spec->isolation.no_new_privs ? "true" : "false");
}

static void put_words(const char *name, char *const *words, struct imgc_buf *b)
{
    imgc_buf_puts(b, name);
    for (; words && *words; words++) {
        imgc_buf_printf(b, " %s", *words);
    }
    imgc_buf_putc(b, '\n');
}

/* Line by line: paths of the image and words of the command may hold what steers a terminal. */
static int tell(struct app *app, char *text, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf safe = IMGC_BUF_INIT((size_t)4 * PLAN_TEXT_BYTES);
    struct imgc_str all;

    for (char *end = strchr(text, '\n'); end; text = end + 1, end = strchr(text, '\n')) {
        *end = '\0';
        output_safe(&safe, text);
        imgc_buf_putc(&safe, '\n');
    }
    int r = imgc_buf_finish(&safe, &all, reterr);
    if (r == 0) {
        (void)output_bytes(&app->out, all.ptr, all.len);
    }
    return r;
}

int run_plan_print(struct app *app, const struct spec *spec, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(PLAN_TEXT_BYTES);
    plan_auto struct plan plan = PLAN_INIT;
    struct imgc_str text;

    int r = plan_make(spec, &plan, reterr);
    if (r < 0) {
        return r;
    }
    put_frame(spec, &b);
    plan_print(&plan, &b);
    imgc_buf_printf(&b, "user %s\n", spec->user && *spec->user ? spec->user : "0");
    put_words("exec", spec->argv, &b);
    r = imgc_buf_finish(&b, &text, reterr);
    return r < 0 ? r : tell(app, b.ptr, reterr);
}
