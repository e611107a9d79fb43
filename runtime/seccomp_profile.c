/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_profile.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "schema/base/buf.h"
#include "schema/base/fd.h"
#include "schema/base/library.h"
#include "schema/json.h"

#define ARGS 6
#define ERRNO_MAX 4095

/* X(field, function) */
#define SECCOMP_FUNCTIONS(X)                   \
    X(init, seccomp_init)                      \
    X(release, seccomp_release)                \
    X(add, seccomp_rule_add_array)             \
    X(resolve, seccomp_syscall_resolve_name)   \
    X(arch_resolve, seccomp_arch_resolve_name) \
    X(arch_native, seccomp_arch_native)        \
    X(arch_add, seccomp_arch_add)              \
    X(export_bpf, seccomp_export_bpf)

struct libseccomp {
#define X(field, function) __typeof__(function) *(field);
    SECCOMP_FUNCTIONS(X)
#undef X
};

static const struct library_symbol symbols[] = {
#define X(field, function) { #function, offsetof(struct libseccomp, field) },
    SECCOMP_FUNCTIONS(X)
#undef X
        { NULL, 0 },
};

/* What reads a profile. Without a filter it only checks. */
struct reader {
    struct libseccomp lib;
    scmp_filter_ctx filter; /* NULL: only check */
    uint64_t caps;
    uint32_t fallback;      /* defaultAction */
    uint64_t default_errno; /* of an action SCMP_ACT_ERRNO that says none */
};

static int wrong(struct imgc_err *reterr, const char *what, const char *which)
{
    return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp profile: %s '%s'", what, which ? which : "");
}

static bool is_one_of(const char *key, const char *const *keys)
{
    for (; *keys; keys++) {
        if (strcmp(*keys, key) == 0) {
            return true;
        }
    }
    return false;
}

static int check_keys(const json_t *object, const char *const *keys, struct imgc_err *reterr)
{
    union {
        const json_t *given;
        json_t *iterated; /* which the iterator does not change */
    } either = { .given = object };
    json_t *obj = either.iterated;
    const char *key;
    json_t *value;

    if (!json_is_object(obj)) {
        return wrong(reterr, "not an object where one belongs, before", keys[0]);
    }
    json_object_foreach(obj, key, value)
    {
        if (!is_one_of(key, keys)) {
            return wrong(reterr, "unknown key", key);
        }
    }
    return 0;
}

static int read_action(const json_t *obj, const char *key, const char *errno_key,
                       uint64_t default_errno, uint32_t *ret, struct imgc_err *reterr)
{
    static const struct {
        const char *name;
        uint32_t action;
        bool takes_errno;
    } actions[] = {
        { "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
        { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
        { "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
        { "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
        { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
        { "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
        { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
        { "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
    };
    const char *name = NULL;
    uint64_t number = default_errno;

    int r = json_get_string(obj, key, &name, reterr);
    if (r == 0 && json_object_get(obj, errno_key)) {
        r = json_get_u64(obj, errno_key, &number, reterr);
    }
    if (r < 0) {
        return r;
    }
    if (number > ERRNO_MAX) {
        return wrong(reterr, "no error number in", errno_key);
    }
    for (size_t i = 0; name && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            *ret = actions[i].action | (actions[i].takes_errno ? (uint32_t)number : 0u);
            return 0;
        }
    }
    return wrong(reterr, "unknown action", name);
}

static int read_arg(const json_t *j, struct scmp_arg_cmp *ret, struct imgc_err *reterr)
{
    static const char *const keys[] = { "index", "value", "valueTwo", "op", NULL };
    static const struct {
        const char *name;
        enum scmp_compare op;
    } ops[] = {
        { "SCMP_CMP_NE", SCMP_CMP_NE },
        { "SCMP_CMP_LT", SCMP_CMP_LT },
        { "SCMP_CMP_LE", SCMP_CMP_LE },
        { "SCMP_CMP_EQ", SCMP_CMP_EQ },
        { "SCMP_CMP_GE", SCMP_CMP_GE },
        { "SCMP_CMP_GT", SCMP_CMP_GT },
        { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
    };
    uint64_t index = 0, value = 0, second = 0;
    const char *op = NULL;

    int r = check_keys(j, keys, reterr);
    r = r < 0 ? r : json_get_u64(j, "index", &index, reterr);
    r = r < 0 ? r : json_get_u64(j, "value", &value, reterr);
    r = r < 0 ? r : json_get_u64(j, "valueTwo", &second, reterr);
    r = r < 0 ? r : json_get_string(j, "op", &op, reterr);
    if (r < 0) {
        return r;
    }
    if (index >= ARGS) {
        return wrong(reterr, "no argument of a system call has this", "index");
    }
    for (size_t i = 0; op && i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(ops[i].name, op) == 0) {
            *ret = (struct scmp_arg_cmp){
                .arg = (unsigned)index, .op = ops[i].op, .datum_a = value, .datum_b = second
            };
            return 0;
        }
    }
    return wrong(reterr, "unknown operator", op);
}

/* docker's and Go's name of this machine. */
static const char *go_arch(void)
{
#if defined(__x86_64__)
    return "amd64";
#elif defined(__aarch64__)
    return "arm64";
#elif defined(__riscv)
    return "riscv64";
#else
    return "other";
#endif
}

static int parse_version(const char *text, unsigned ret[2])
{
    char *end = NULL;

    unsigned long major = strtoul(text, &end, 10);
    if (end == text || *end != '.' || major > 1000) {
        return -1;
    }
    const char *rest = end + 1;
    unsigned long minor = strtoul(rest, &end, 10);
    if (end == rest || minor > 1000) {
        return -1;
    }
    ret[0] = (unsigned)major;
    ret[1] = (unsigned)minor;
    return 0;
}

static bool kernel_is_at_least(const unsigned want[2])
{
    struct utsname name;
    unsigned have[2];

    return uname(&name) == 0 && parse_version(name.release, have) == 0 &&
           (have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]));
}

/* What "includes" or "excludes" of a rule say: which of its conditions hold here. */
struct conditions {
    bool has_caps, all_caps, any_cap;
    bool has_arches, this_arch;
    bool has_kernel, this_kernel;
};

static int read_caps(const struct reader *rd, const json_t *caps, struct conditions *ret,
                     struct imgc_err *reterr)
{
    ret->has_caps = json_array_size(caps) > 0;
    ret->all_caps = true;
    for (size_t i = 0; i < json_array_size(caps); i++) {
        const char *name = json_string_value(json_array_get(caps, i));
        int cap = -1;
        if (!name || !caps_parse(imgc_str_of(name), &cap)) {
            return wrong(reterr, "unknown capability", name);
        }
        bool held = rd->caps >> cap & 1;
        ret->all_caps = ret->all_caps && held;
        ret->any_cap = ret->any_cap || held;
    }
    return 0;
}

static int read_conditions(const struct reader *rd, const json_t *rule, const char *key,
                           struct conditions *ret, struct imgc_err *reterr)
{
    static const char *const keys[] = { "caps", "arches", "minKernel", NULL };
    const json_t *j = NULL, *caps = NULL, *arches = NULL;
    const char *kernel = NULL;
    unsigned version[2];

    int r = json_get_object(rule, key, &j, reterr);
    if (r < 0 || !j) {
        return r;
    }
    r = check_keys(j, keys, reterr);
    r = r < 0 ? r : json_get_array(j, "caps", &caps, reterr);
    r = r < 0 ? r : json_get_array(j, "arches", &arches, reterr);
    r = r < 0 ? r : json_get_string(j, "minKernel", &kernel, reterr);
    r = r < 0 ? r : read_caps(rd, caps, ret, reterr);
    if (r < 0) {
        return r;
    }
    ret->has_arches = json_array_size(arches) > 0;
    for (size_t i = 0; i < json_array_size(arches); i++) {
        const char *name = json_string_value(json_array_get(arches, i));
        ret->this_arch = ret->this_arch || (name && strcmp(name, go_arch()) == 0);
    }
    ret->has_kernel = kernel && *kernel;
    if (ret->has_kernel && parse_version(kernel, version) < 0) {
        return wrong(reterr, "no kernel version in minKernel", kernel);
    }
    ret->this_kernel = ret->has_kernel && kernel_is_at_least(version);
    return 0;
}

/* @ret  whether the rule holds for this container on this machine. */
static int applies(const struct reader *rd, const json_t *rule, bool *ret, struct imgc_err *reterr)
{
    struct conditions in = { .has_caps = false }, ex = { .has_caps = false };

    int r = read_conditions(rd, rule, "includes", &in, reterr);
    r = r < 0 ? r : read_conditions(rd, rule, "excludes", &ex, reterr);
    *ret = (!in.has_caps || in.all_caps) && (!in.has_arches || in.this_arch) &&
           (!in.has_kernel || in.this_kernel) && !ex.any_cap && !ex.this_arch && !ex.this_kernel;
    return r;
}

/* Two conditions on one argument are alternatives, since libseccomp takes one for each: so does
 * runc. */
static bool has_repeated(const struct scmp_arg_cmp *args, unsigned n)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < n; i++) {
        if (seen >> args[i].arg & 1) {
            return true;
        }
        seen |= 1u << args[i].arg;
    }
    return false;
}

static int add_call(struct reader *rd, const char *name, uint32_t action,
                    const struct scmp_arg_cmp *args, unsigned n, struct imgc_err *reterr)
{
    int nr = rd->lib.resolve(name);
    unsigned step = has_repeated(args, n) ? 1 : n;
    unsigned i = 0;

    if (nr == __NR_SCMP_ERROR || action == rd->fallback) {
        return 0; /* a call that there is not here; or what holds without a rule, which is refused
                   */
    }
    do {
        int e = rd->lib.add(rd->filter, action, nr, step, args + i);
        if (e < 0 && e != -EEXIST) {
            return imgc_fail(reterr, e == -ENOMEM ? IMGC_E_NOMEM : IMGC_E_DOCUMENT,
                             "seccomp profile: the rule for %s cannot be made: %s", name,
                             strerrordesc_np(-e));
        }
        i += step;
    } while (step > 0 && i < n);
    return 0;
}

static int add_names(struct reader *rd, const json_t *rule, uint32_t action,
                     const struct scmp_arg_cmp *args, unsigned n, struct imgc_err *reterr)
{
    const json_t *names = NULL;
    const char *single = NULL;

    int r = json_get_array(rule, "names", &names, reterr);
    r = r < 0 ? r : json_get_string(rule, "name", &single, reterr);
    if (r < 0) {
        return r;
    }
    if ((json_array_size(names) > 0) == (single != NULL)) {
        return wrong(reterr, "a rule has either", "names' or 'name");
    }
    if (single && rd->filter) {
        return add_call(rd, single, action, args, n, reterr);
    }
    for (size_t i = 0; i < json_array_size(names) && r == 0; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name) {
            return wrong(reterr, "not a string in", "names");
        }
        r = rd->filter ? add_call(rd, name, action, args, n, reterr) : 0;
    }
    return r;
}

static int read_rule(struct reader *rd, const json_t *rule, struct imgc_err *reterr)
{
    static const char *const keys[] = { "names", "name",    "action",   "errnoRet", "errno",
                                        "args",  "comment", "includes", "excludes", NULL };
    struct scmp_arg_cmp args[ARGS];
    const json_t *list = NULL;
    uint32_t action = 0;
    bool holds = false;

    int r = check_keys(rule, keys, reterr);
    r = r < 0 ? r : read_action(rule, "action", "errnoRet", rd->default_errno, &action, reterr);
    r = r < 0 ? r : json_get_array(rule, "args", &list, reterr);
    r = r < 0 ? r : applies(rd, rule, &holds, reterr);
    if (r < 0) {
        return r;
    }
    size_t n = json_array_size(list);
    if (n > ARGS) {
        return wrong(reterr, "more than six", "args");
    }
    for (size_t i = 0; i < n; i++) {
        r = read_arg(json_array_get(list, i), &args[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    struct reader only_check = *rd;
    only_check.filter = holds ? rd->filter : NULL;
    return add_names(&only_check, rule, action, args, (unsigned)n, reterr);
}

/* "SCMP_ARCH_X86_64" to libseccomp's "x86_64". @return 0 for one that it does not know. */
static uint32_t resolve_arch(const struct reader *rd, const char *name)
{
    struct imgc_str rest = imgc_str_of(name);
    char lower[32];

    if (!imgc_str_skip(&rest, IMGC_STR("SCMP_ARCH_")) || rest.len >= sizeof lower) {
        return 0;
    }
    for (size_t i = 0; i <= rest.len; i++) {
        char c = rest.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return rd->lib.arch_resolve(lower);
}

/* @list  names; the calls of these tables are filtered too, others kill. */
static int add_arches(struct reader *rd, const json_t *list, struct imgc_err *reterr)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || strncmp(name, "SCMP_ARCH_", 10) != 0) {
            return wrong(reterr, "unknown architecture", name);
        }
        uint32_t arch = rd->filter ? resolve_arch(rd, name) : 0;
        if (arch != 0) {
            (void)rd->lib.arch_add(rd->filter, arch); /* there already, or not for this machine */
        }
    }
    return 0;
}

static int read_arches(struct reader *rd, const json_t *doc, struct imgc_err *reterr)
{
    static const char *const keys[] = { "architecture", "subArchitectures", NULL };
    const json_t *list = NULL, *map = NULL;

    int r = json_get_array(doc, "architectures", &list, reterr);
    r = r < 0 ? r : json_get_array(doc, "archMap", &map, reterr);
    r = r < 0 ? r : add_arches(rd, list, reterr);
    for (size_t i = 0; i < json_array_size(map) && r == 0; i++) {
        const json_t *entry = json_array_get(map, i), *subs = NULL;
        const char *name = NULL;
        r = check_keys(entry, keys, reterr);
        r = r < 0 ? r : json_get_string(entry, "architecture", &name, reterr);
        r = r < 0 ? r : json_get_array(entry, "subArchitectures", &subs, reterr);
        if (r < 0) {
            return r;
        }
        if (!name) {
            return wrong(reterr, "no", "architecture");
        }
        struct reader only_check = *rd;
        bool is_own = rd->filter && resolve_arch(rd, name) == rd->lib.arch_native();
        only_check.filter = is_own ? rd->filter : NULL;
        r = add_arches(&only_check, subs, reterr);
    }
    return r;
}

static int read_rules(struct reader *rd, const json_t *doc, struct imgc_err *reterr)
{
    const json_t *rules = NULL;

    int r = json_get_array(doc, "syscalls", &rules, reterr);
    for (size_t i = 0; i < json_array_size(rules) && r == 0; i++) {
        r = read_rule(rd, json_array_get(rules, i), reterr);
    }
    return r;
}

/* What all of it rests on: the answer to calls without a rule. */
static int read_head(struct reader *rd, const json_t *doc, struct imgc_err *reterr)
{
    static const char *const keys[] = { "defaultAction", "defaultErrnoRet", "defaultErrno",
                                        "architectures", "archMap",         "syscalls",
                                        "flags",         "comment",         NULL };
    rd->default_errno = EPERM;
    int r = check_keys(doc, keys, reterr);
    return r < 0
               ? r
               : read_action(doc, "defaultAction", "defaultErrnoRet", EPERM, &rd->fallback, reterr);
}

static int parse(struct imgc_str text, json_t **ret, struct imgc_err *reterr)
{
    if (text.len > SECCOMP_PROFILE_BYTES_MAX) {
        return imgc_fail(reterr, IMGC_E_LIMIT, "seccomp profile over %u bytes",
                         SECCOMP_PROFILE_BYTES_MAX);
    }
    return json_parse(text, "seccomp profile", ret, reterr);
}

int seccomp_profile_check(struct imgc_str text, struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    struct reader rd = { .filter = NULL };

    int r = parse(text, &doc, reterr);
    r = r < 0 ? r : read_head(&rd, doc, reterr);
    r = r < 0 ? r : read_arches(&rd, doc, reterr);
    return r < 0 ? r : read_rules(&rd, doc, reterr);
}

/* libseccomp writes its program to a file only. */
static int export(const struct reader *rd, struct seccomp_filter *ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b =
        IMGC_BUF_INIT((size_t)BPF_MAXINSNS * sizeof(struct sock_filter));
    imgc_autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);

    if (fd < 0) {
        return imgc_fail_sys(reterr, errno, "make a file in memory");
    }
    int e = rd->lib.export_bpf(rd->filter, fd);
    if (e < 0) {
        return imgc_fail_sys(reterr, -e, "make the seccomp filter");
    }
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return imgc_fail_sys(reterr, errno, "read the seccomp filter");
    }
    int r = fd_read_all(fd, &b, reterr);
    if (r < 0) {
        return imgc_context(
            reterr, "seccomp profile: its filter (the kernel takes %d instructions)", BPF_MAXINSNS);
    }
    ret->prog.filter = malloc(b.len);
    if (!ret->prog.filter) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "seccomp filter");
    }
    memcpy(ret->prog.filter, b.ptr, b.len);
    ret->prog.len = (unsigned short)(b.len / sizeof(struct sock_filter));
    return 0;
}

int seccomp_profile_build(struct imgc_str text, uint64_t caps, struct seccomp_filter *ret,
                          struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    struct reader rd = { .caps = caps };

    int r = parse(text, &doc, reterr);
    r = r < 0 ? r : read_head(&rd, doc, reterr);
    r = r < 0 ? r : library_load(IMGC_LIBSECCOMP, symbols, &rd.lib, reterr);
    if (r < 0) {
        return r;
    }
    rd.filter = rd.lib.init(rd.fallback);
    if (!rd.filter) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "seccomp filter");
    }
    r = read_arches(&rd, doc, reterr);
    r = r < 0 ? r : read_rules(&rd, doc, reterr);
    r = r < 0 ? r : export(&rd, ret, reterr);
    rd.lib.release(rd.filter);
    return r;
}

int seccomp_profile_or_default(const char *text, uint64_t caps, struct seccomp_filter *ret,
                               struct imgc_err *reterr)
{
    return text ? seccomp_profile_build(imgc_str_of(text), caps, ret, reterr)
                : seccomp_build(caps, ret, reterr);
}
