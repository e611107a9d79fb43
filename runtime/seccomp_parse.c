/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_parse.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>

#include "runtime/caps.h"
#include "schema/json.h"

#define GENERIC_NUMBERS 424 /* from here on, architectures share their numbers (Linux 5.1) */

static const struct {
    const char *name;
    uint32_t action;
} actions[] = {
    { "allow", SECCOMP_RET_ALLOW },
    { "EPERM", SECCOMP_RET_ERRNO | EPERM },
    { "ENOSYS", SECCOMP_RET_ERRNO | ENOSYS },
};

/* Architectures whose clone() takes its flags first, as the rules assume (s390x does not), with
 * the name that "numbers" uses. SCMP_ARCH_ values are AUDIT_ARCH_ values. */
static const struct {
    uint32_t arch;
    const char *name;
    uint32_t compat; /* whose programs it runs as well, with a table of their own; 0: none */
} arches[] = {
    { SCMP_ARCH_X86_64, "x86_64", SCMP_ARCH_X86 },
    { SCMP_ARCH_X86, "i386", 0 },
    { SCMP_ARCH_AARCH64, "aarch64", 0 },
    { SCMP_ARCH_RISCV64, "riscv64", 0 },
};

struct reader {
    const char *arch_name;
    const json_t *numbers;
    struct seccomp_rules *out;
    size_t room;
};

static int parse_action(const char *name, uint32_t *ret, struct imgc_err *reterr)
{
    for (size_t i = 0; name && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            *ret = actions[i].action;
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: unknown action '%s'",
                     name ? name : "");
}

/* JSON has no hexadecimal numbers, and masks are unreadable without: so values are strings. */
static int parse_value(const json_t *j, uint32_t *ret, struct imgc_err *reterr)
{
    const char *text = json_string_value(j);
    unsigned long long value;
    char *end = NULL;

    if (!text || text[0] != '0' || text[1] != 'x') {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: a value is not \"0x...\"");
    }
    errno = 0;
    value = strtoull(text, &end, 16);
    if (errno != 0 || *end != '\0' || value > UINT32_MAX) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: bad value '%s'", text);
    }
    *ret = (uint32_t)value;
    return 0;
}

static int parse_equals(const json_t *equals, struct seccomp_rule *rule, struct imgc_err *reterr)
{
    size_t n = json_array_size(equals);
    int r;

    if (n == 0 || n > SECCOMP_RULES_VALUES) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: %zu values to compare with", n);
    }
    for (size_t i = 0; i < n; i++) {
        r = parse_value(json_array_get(equals, i), &rule->values[i], reterr);
        if (r < 0) {
            return r;
        }
    }
    rule->test = SECCOMP_RULES_EQUALS;
    rule->n_values = (uint32_t)n;
    return 0;
}

static int parse_test(const json_t *j, struct seccomp_rule *rule, struct imgc_err *reterr)
{
    const json_t *equals = json_object_get(j, "equals");
    const json_t *any_bit = json_object_get(j, "any_bit");
    const json_t *arg = json_object_get(j, "arg");

    if (!equals && !any_bit) {
        return arg ? imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: \"arg\" without a test")
                   : 0;
    }
    if (!json_is_integer(arg) || json_integer_value(arg) < 0 || json_integer_value(arg) > 5) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: a test without its \"arg\"");
    }
    rule->arg = (uint32_t)json_integer_value(arg);
    if (equals) {
        return parse_equals(equals, rule, reterr);
    }
    rule->test = SECCOMP_RULES_ANY_BIT;
    rule->n_values = 1;
    return parse_value(any_bit, &rule->values[0], reterr);
}

/* libseccomp has pseudo numbers, which are negative, for the calls that i386 once had in socketcall
 * and ipc alone: "numbers" has them. A name that libseccomp knows for another architecture only
 * gives a negative number, and one that it does not know at all __NR_SCMP_ERROR: both are left out
 * unless "numbers" has it. */
static bool resolve(const struct reader *rd, const char *name, uint32_t *ret)
{
    const json_t *number = json_object_get(rd->numbers, name);
    int nr = seccomp_syscall_resolve_name_arch(rd->out->arch, name);

    if (nr >= 0) {
        *ret = (uint32_t)nr;
        return true;
    }
    if (json_is_object(number)) {
        number = json_object_get(number, rd->arch_name);
    } else if (json_integer_value(number) < GENERIC_NUMBERS) {
        return false;
    }
    if (!json_is_integer(number) || json_integer_value(number) < 0 ||
        json_integer_value(number) >= 1 << 16) {
        return false;
    }
    *ret = (uint32_t)json_integer_value(number);
    return true;
}

static int append(struct reader *rd, const struct seccomp_rule *rule, struct imgc_err *reterr)
{
    if (rd->out->n == rd->room) {
        size_t room = rd->room ? rd->room * 2 : 512;
        struct seccomp_rule *grown = reallocarray(rd->out->rules, room, sizeof *grown);
        if (!grown) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "seccomp rules");
        }
        rd->out->rules = grown;
        rd->room = room;
    }
    rd->out->rules[rd->out->n++] = *rule;
    return 0;
}

static int read_rule(struct reader *rd, const json_t *j, size_t order, struct imgc_err *reterr)
{
    struct seccomp_rule rule = { .order = (uint32_t)order, .cap = -1 };
    const json_t *names = json_object_get(j, "names");
    const char *cap = json_string_value(json_object_get(j, "cap"));
    int number, r;

    if (cap) {
        if (!caps_parse(imgc_str_of(cap), &number)) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: no capability '%s'", cap);
        }
        rule.cap = number;
    }
    r = parse_action(json_string_value(json_object_get(j, "action")), &rule.action, reterr);
    if (r < 0) {
        return r;
    }
    r = parse_test(j, &rule, reterr);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name) {
            return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: a name is no string");
        }
        if (!resolve(rd, name, &rule.nr)) {
            continue;
        }
        r = append(rd, &rule, reterr);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct seccomp_rule *x = a, *y = b;

    if (x->nr != y->nr) {
        return x->nr < y->nr ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

uint32_t seccomp_parse_compat(void)
{
    for (size_t i = 0; i < sizeof arches / sizeof *arches; i++) {
        if (arches[i].arch == seccomp_arch_native()) {
            return arches[i].compat;
        }
    }
    return 0;
}

static int find_arch(struct reader *rd, struct imgc_err *reterr)
{
    for (size_t i = 0; i < sizeof arches / sizeof *arches; i++) {
        if (arches[i].arch == rd->out->arch) {
            rd->arch_name = arches[i].name;
            return 0;
        }
    }
    return imgc_fail(reterr, IMGC_E_HOST,
                     "there are no seccomp rules for this architecture; "
                     "run with --security-opt seccomp=unconfined");
}

int seccomp_parse(struct imgc_str text, uint32_t arch, struct seccomp_rules *ret,
                  struct imgc_err *reterr)
{
    json_auto_free json_t *doc = NULL;
    seccomp_rules_auto struct seccomp_rules out = SECCOMP_RULES_INIT;
    struct reader rd = { .out = &out };
    const json_t *rules;
    int r;

    out.arch = arch != 0 ? arch : seccomp_arch_native();
    r = find_arch(&rd, reterr);
    if (r < 0) {
        return r;
    }
    r = json_parse(text, "seccomp rules", &doc, reterr);
    if (r < 0) {
        return r;
    }
    rd.numbers = json_object_get(doc, "numbers");
    r = parse_action(json_string_value(json_object_get(doc, "default")), &out.fallback, reterr);
    if (r < 0) {
        return r;
    }
    rules = json_object_get(doc, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        r = read_rule(&rd, json_array_get(rules, i), i, reterr);
        if (r < 0) {
            return r;
        }
    }
    if (out.n == 0) {
        return imgc_fail(reterr, IMGC_E_DOCUMENT, "seccomp rules: there are none");
    }
    qsort(out.rules, out.n, sizeof *out.rules, by_number);
    *ret = out;
    out.rules = NULL;
    return 0;
}
