/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_isolation.h"

#include "cmd/security_opt.h"
#include "runtime/caps.h"

/* @ret  capabilities of all uses of the option, each of which may be a list "A,B". */
static int parse_caps(const char *option, const struct option_list *list, uint64_t *ret,
                      struct imgc_err *reterr)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct imgc_str rest = imgc_str_of(list->items[i]), name;
        while (imgc_str_token(&rest, ',', &name)) {
            int cap = -1;
            if (imgc_str_eq_nocase(name, IMGC_STR("ALL"))) {
                mask |= caps_all();
            } else if (caps_parse(name, &cap)) {
                mask |= UINT64_C(1) << cap;
            } else {
                return imgc_fail(reterr, IMGC_E_USAGE,
                                 "--%s '%s': no such capability (a name such as NET_ADMIN, or ALL)",
                                 option, list->items[i]);
            }
        }
    }
    *ret = mask;
    return 0;
}

/* ALL is all that there are; what is named must be there. */
static int check_held(uint64_t add, struct imgc_err *reterr)
{
    uint64_t missing = add == caps_all() ? 0 : add & ~caps_bounding();

    for (int cap = 0; missing != 0 && cap < 64; cap++) {
        if (missing >> cap & 1) {
            return imgc_fail(reterr, IMGC_E_HOST,
                             "--cap-add %s: this host withholds it from imgc itself (leave it out)",
                             caps_name(cap));
        }
    }
    return 0;
}

int run_isolation_namespace(const char *option, const char *text, struct isolation_namespace *ret,
                            struct imgc_err *reterr)
{
    struct imgc_str rest = imgc_str_of(text ? text : "");

    if (rest.len == 0 || imgc_str_eq(rest, IMGC_STR("private"))) {
        ret->mode = ISOLATION_PRIVATE;
        return 0;
    }
    if (imgc_str_eq(rest, IMGC_STR("host"))) {
        ret->mode = ISOLATION_HOST;
        return 0;
    }
    if (imgc_str_skip(&rest, IMGC_STR("container:")) && rest.len > 0) {
        ret->mode = ISOLATION_CONTAINER;
        return imgc_str_dup(rest, &ret->source, reterr);
    }
    if (imgc_str_skip(&rest, IMGC_STR("ns:")) && rest.len > 0 && rest.ptr[0] == '/') {
        ret->mode = ISOLATION_PATH;
        return imgc_str_dup(rest, &ret->source, reterr);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s': private, host, container:NAME or ns:/PATH",
                     option, text);
}

static int parse_ipc(const char *text, struct isolation *i, struct imgc_err *reterr)
{
    if (text && (strcmp(text, "shareable") == 0 || strcmp(text, "none") == 0)) {
        i->ipc_use = text[0] == 's' ? ISOLATION_IPC_SHAREABLE : ISOLATION_IPC_NO_SHM;
        return 0;
    }
    return run_isolation_namespace("ipc", text, &i->ipc, reterr);
}

static int parse_namespaces(const struct run_isolation_options *o, struct isolation *i,
                            struct imgc_err *reterr)
{
    int r = run_isolation_namespace("pid", o->pid, &i->pid, reterr);
    r = r < 0 ? r : parse_ipc(o->ipc, i, reterr);
    r = r < 0 ? r : run_isolation_namespace("uts", o->uts, &i->uts, reterr);
    return r < 0 ? r : run_isolation_namespace("cgroupns", o->cgroupns, &i->cgroup, reterr);
}

int run_isolation_parse(const struct run_isolation_options *o, struct isolation *ret,
                        struct imgc_err *reterr)
{
    isolation_auto struct isolation i = { .privileged = o->privileged };

    int r = parse_caps("cap-add", &o->cap_add, &i.cap_add, reterr);
    r = r < 0 ? r : parse_caps("cap-drop", &o->cap_drop, &i.cap_drop, reterr);
    r = r < 0 ? r : check_held(i.cap_add, reterr);
    r = r < 0 ? r : parse_namespaces(o, &i, reterr);
    for (size_t n = 0; n < o->security_opt.n && r == 0; n++) {
        r = security_opt_apply(o->security_opt.items[n], &i, reterr);
    }
    if (r < 0) {
        return r;
    }
    *ret = i;
    i = (struct isolation){ .privileged = false };
    return 0;
}

static json_t *words(const struct option_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->n; i++) {
        /* What is not UTF-8 cannot stand in JSON; it is left out of this description. */
        (void)json_array_append_new(array, json_string(list->items[i]));
    }
    return array;
}

static const char *mode(const char *text)
{
    return text && *text ? text : "private";
}

json_t *run_isolation_json(const struct run_isolation_options *o)
{
    return json_pack("{s:b, s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "Privileged", o->privileged,
                     "CapAdd", words(&o->cap_add), "CapDrop", words(&o->cap_drop), "SecurityOpt",
                     words(&o->security_opt), "PidMode", mode(o->pid), "IpcMode", mode(o->ipc),
                     "UTSMode", mode(o->uts), "CgroupnsMode", mode(o->cgroupns));
}
