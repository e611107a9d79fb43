/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_process.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/units.h"
#include "runtime/devices_given.h"
#include "runtime/rlimits.h"
#include "runtime/sysctls.h"
#include "runtime/timezone.h"

#define OOM_SCORE_MAX 1000
#define DOMAINNAME_MAX 64 /* the kernel's */

static int bad(const char *option, const char *text, const char *why, struct imgc_err *reterr)
{
    return imgc_fail(reterr, IMGC_E_USAGE, "--%s '%s': %s", option, text, why);
}

/* The last of several for one name wins, as for docker. */
static int parse_ulimits(const struct option_list *list, struct isolation *i,
                         struct imgc_err *reterr)
{
    int r = 0;

    if (list->n == 0) {
        return 0;
    }
    i->rlimits = calloc(list->n, sizeof *i->rlimits);
    if (!i->rlimits) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t n = 0; n < list->n && r == 0; n++) {
        if (strcmp(list->items[n], "host") == 0) {
            continue; /* podman: the caller's, which a container has without --ulimit too */
        }
        r = rlimits_parse(imgc_str_of(list->items[n]), &i->rlimits[i->n_rlimits], reterr);
        i->n_rlimits += r == 0;
    }
    return r;
}

static int parse_sysctls(const struct option_list *list, struct isolation *i,
                         struct imgc_err *reterr)
{
    int r = 0;

    if (list->n == 0) {
        return 0;
    }
    i->sysctls = calloc(list->n, sizeof *i->sysctls);
    if (!i->sysctls) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    for (size_t n = 0; n < list->n && r == 0; n++) {
        r = sysctls_parse(imgc_str_of(list->items[n]), &i->sysctls[n], reterr);
        i->n_sysctls += r == 0;
    }
    return r;
}

static int parse_devices(const struct run_process_options *o, struct isolation *i,
                         struct imgc_err *reterr)
{
    int r = 0;

    if (o->devices.n > 0) {
        i->devices = calloc(o->devices.n, sizeof *i->devices);
        if (!i->devices) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
    }
    for (size_t n = 0; n < o->devices.n && r == 0; n++) {
        r = devices_given_parse(imgc_str_of(o->devices.items[n]), &i->devices[n], reterr);
        i->n_devices += r == 0;
    }
    for (size_t n = 0; n < o->device_rules.n && r == 0; n++) {
        struct cgroup_device_rule rule;
        const char *text = o->device_rules.items[n];
        r = devices_given_parse_rule(imgc_str_of(text), &rule)
                ? isolation_append(&i->device_rules, imgc_str_of(text), reterr)
                : bad("device-cgroup-rule", text, "TYPE MAJOR:MINOR ACCESS, such as c 10:200 rwm",
                      reterr);
    }
    return r;
}

static int parse_shm_size(const char *text, uint64_t *ret, struct imgc_err *reterr)
{
    int64_t bytes = 0;

    if (!text) {
        return 0;
    }
    if (!units_ram_in_bytes(imgc_str_of(text), &bytes) || bytes <= 0) {
        return bad("shm-size", text, "not a size such as 64m or 1g", reterr);
    }
    *ret = (uint64_t)bytes;
    return 0;
}

static int parse_umask(const char *text, struct isolation *i, struct imgc_err *reterr)
{
    char *end = NULL;

    if (!text) {
        return 0;
    }
    unsigned long value = strtoul(text, &end, 8);
    if (text[0] < '0' || text[0] > '7' || *end != '\0' || value > 0777) {
        return bad("umask", text, "not an octal mode such as 0022", reterr);
    }
    i->has_umask = true;
    i->umask = (uint32_t)value;
    return 0;
}

static int parse_oom_score(const char *text, int *ret, struct imgc_err *reterr)
{
    uint64_t n = 0;

    if (!text) {
        return 0;
    }
    if (!imgc_str_u64(imgc_str_of(text + (text[0] == '-')), &n) || n > OOM_SCORE_MAX) {
        return bad("oom-score-adj", text, "a number from -1000 to 1000", reterr);
    }
    *ret = text[0] == '-' ? -(int)n : (int)n;
    return 0;
}

static int parse_names(const struct run_process_options *o, struct isolation *i,
                       struct imgc_err *reterr)
{
    int r = 0;

    for (size_t n = 0; n < o->groups.n && r == 0; n++) {
        if (o->groups.items[n][0] == '\0') {
            return bad("group-add", "", "a name or a number", reterr);
        }
        r = isolation_append(&i->groups, imgc_str_of(o->groups.items[n]), reterr);
    }
    if (r == 0 && o->domainname && *o->domainname) {
        if (strlen(o->domainname) > DOMAINNAME_MAX) {
            return bad("domainname", o->domainname, "longer than 64 bytes", reterr);
        }
        if (i->uts.mode != ISOLATION_PRIVATE) {
            return imgc_fail(reterr, IMGC_E_USAGE, "--domainname and --uts do not go together");
        }
        r = imgc_str_dup(imgc_str_of(o->domainname), &i->domainname, reterr);
    }
    if (r == 0 && o->timezone && *o->timezone) {
        if (!timezone_is_name(o->timezone)) {
            return bad("tz", o->timezone, "a zone such as Europe/Paris, or local", reterr);
        }
        r = imgc_str_dup(imgc_str_of(o->timezone), &i->timezone, reterr);
    }
    return r;
}

static int parse_systemd(const char *text, enum spec_systemd *ret, struct imgc_err *reterr)
{
    static const char *const modes[] = { [SPEC_SYSTEMD_TRUE] = "true",
                                         [SPEC_SYSTEMD_FALSE] = "false",
                                         [SPEC_SYSTEMD_ALWAYS] = "always" };

    *ret = SPEC_SYSTEMD_TRUE;
    for (size_t i = 0; text && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(text, modes[i]) == 0) {
            *ret = (enum spec_systemd)i;
            return 0;
        }
    }
    return text ? bad("systemd", text, "true, false or always", reterr) : 0;
}

/* podman's: a path alone asks for no init. */
static int parse_init(const struct run_process_options *o, struct isolation *i,
                      struct imgc_err *reterr)
{
    i->init = o->init;
    if (!o->init || !o->init_path || !*o->init_path) {
        return 0;
    }
    if (o->init_path[0] != '/') {
        return bad("init-path", o->init_path, "not an absolute path", reterr);
    }
    return imgc_str_dup(imgc_str_of(o->init_path), &i->init_path, reterr);
}

int run_process_parse(const struct run_process_options *o, struct isolation *ret,
                      struct spec_options *spec, struct imgc_err *reterr)
{
    ret->read_only_tmpfs = o->read_only_tmpfs;
    spec->unset_env = o->unset_env.items;
    spec->unset_all_env = o->unset_all_env;
    spec->host_env = o->host_env ? (const char *const *)environ : NULL;
    int r = parse_ulimits(&o->ulimits, ret, reterr);
    r = r < 0 ? r : parse_sysctls(&o->sysctls, ret, reterr);
    r = r < 0 ? r : parse_devices(o, ret, reterr);
    r = r < 0 ? r : parse_shm_size(o->shm_size, &ret->shm_bytes, reterr);
    r = r < 0 ? r : parse_umask(o->umask, ret, reterr);
    r = r < 0 ? r : parse_oom_score(o->oom_score_adj, &ret->oom_score_adj, reterr);
    r = r < 0 ? r : parse_init(o, ret, reterr);
    r = r < 0 ? r : parse_systemd(o->systemd, &spec->systemd, reterr);
    return r < 0 ? r : parse_names(o, ret, reterr);
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

json_t *run_process_json(const struct run_process_options *o, const struct isolation *i)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:I, s:s*, s:i, s:s*, s:s*, s:b}", "Ulimits", words(&o->ulimits),
        "Sysctls", words(&o->sysctls), "GroupAdd", words(&o->groups), "Devices", words(&o->devices),
        "DeviceCgroupRules", words(&o->device_rules), "ShmSize",
        (json_int_t)(i->shm_bytes ? i->shm_bytes : 64u << 20), "Umask", o->umask, "OomScoreAdj",
        i->oom_score_adj, "Domainname", o->domainname, "Timezone", o->timezone, "Init", o->init);
}
