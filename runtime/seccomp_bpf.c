/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_bpf.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "the low half of an argument is read at its start"
#endif

#define NEAR 255 /* the farthest that a conditional jump reaches */

/* Calls from @first up to the next range's, all answered alike: by the rules, or where there are
 * none by @action alone. */
struct range {
    uint32_t first;
    uint32_t action;
    const struct seccomp_rule *rules;
    size_t n_rules;
};

struct program {
    struct sock_filter *code;
    size_t len, room;
    uint32_t fallback;
    bool nomem;
};

static void emit(struct program *p, struct sock_filter insn)
{
    if (p->len == p->room) {
        size_t room = p->room ? p->room * 2 : 256;
        struct sock_filter *grown = p->nomem ? NULL : reallocarray(p->code, room, sizeof *grown);
        if (!grown) {
            p->nomem = true;
            return;
        }
        p->code = grown;
        p->room = room;
    }
    p->code[p->len++] = insn;
}

static void emit_load(struct program *p, size_t offset)
{
    emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(struct program *p, uint32_t action)
{
    emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void emit_jump(struct program *p, uint16_t test, uint32_t k, size_t yes, size_t no)
{
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, k, (uint8_t)yes, (uint8_t)no));
}

/* One rule with a test; falls through where it does not fit. */
static void emit_rule(struct program *p, const struct seccomp_rule *rule)
{
    uint32_t last = rule->n_values - 1;

    emit_load(p, offsetof(struct seccomp_data, args) + rule->arg * sizeof(uint64_t));
    for (uint32_t i = 0; i < last; i++) {
        emit_jump(p, BPF_JEQ, rule->values[i], last - i, 0);
    }
    emit_jump(p, rule->test == SECCOMP_RULES_EQUALS ? BPF_JEQ : BPF_JSET, rule->values[last], 0, 1);
    emit_return(p, rule->action);
}

static void emit_range(struct program *p, const struct range *range)
{
    for (size_t i = 0; i < range->n_rules; i++) {
        if (range->rules[i].test == SECCOMP_RULES_ALWAYS) {
            emit_return(p, range->rules[i].action);
            return;
        }
        emit_rule(p, &range->rules[i]);
    }
    emit_return(p, range->n_rules > 0 ? p->fallback : range->action);
}

/* The lower half follows the jump, the upper half follows it. Both are closed in themselves (every
 * path ends in a return), so the lower one can be moved to make room for a far jump. Recursion:
 * as deep as the logarithm of the number of ranges. */
static void emit_tree(struct program *p, const struct range *ranges, size_t n)
{
    size_t half = n / 2, at = p->len, len;

    if (n == 1) {
        emit_range(p, ranges);
        return;
    }
    emit_jump(p, BPF_JGE, ranges[half].first, 0, 0);
    emit_tree(p, ranges, half);
    if (p->nomem) {
        return;
    }
    len = p->len - at - 1;
    if (len <= NEAR) {
        p->code[at].jt = (uint8_t)len;
    } else {
        struct sock_filter far = BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)len);
        emit(p, far);
        if (p->nomem) {
            return;
        }
        memmove(&p->code[at + 2], &p->code[at + 1], len * sizeof *p->code);
        p->code[at + 1] = far;
        p->code[at].jf = 1;
    }
    emit_tree(p, ranges + half, n - half);
}

static void add_range(struct range *ranges, size_t *n, struct range range)
{
    if (*n > 0 && range.n_rules == 0 && ranges[*n - 1].n_rules == 0 &&
        ranges[*n - 1].action == range.action) {
        return; /* goes on as before */
    }
    ranges[(*n)++] = range;
}

/* Cut the numbers into ranges. @ranges has room for two for each rule and one more. */
static size_t find_ranges(const struct seccomp_rules *rules, struct range *ranges)
{
    uint32_t next = 0; /* the first number that is not covered yet */
    size_t n = 0;

    for (size_t i = 0, end; i < rules->n; i = end) {
        const struct seccomp_rule *rule = &rules->rules[i];
        struct range range = { .first = rule->nr };

        for (end = i + 1; end < rules->n && rules->rules[end].nr == rule->nr; end++) {
        }
        if (rule->test == SECCOMP_RULES_ALWAYS) {
            range.action = rule->action;
        } else {
            range.rules = rule;
            range.n_rules = end - i;
        }
        if (rule->nr > next) {
            add_range(ranges, &n, (struct range){ .first = next, .action = rules->fallback });
        }
        add_range(ranges, &n, range);
        next = rule->nr + 1;
    }
    add_range(ranges, &n, (struct range){ .first = next, .action = rules->fallback });
    return n;
}

/* All of one architecture; where the call is another one's, it goes on after it, with the
 * architecture still loaded. */
static void emit_arch(struct program *p, const struct seccomp_rules *rules)
{
    struct range *ranges = calloc(rules->n * 2 + 1, sizeof *ranges);
    size_t at, n;

    if (!ranges) {
        p->nomem = true;
        return;
    }
    n = find_ranges(rules, ranges);
    p->fallback = rules->fallback;
    emit_jump(p, BPF_JEQ, rules->arch, 1, 0);
    at = p->len;
    emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    emit_load(p, offsetof(struct seccomp_data, nr));
    emit_tree(p, ranges, n);
    free(ranges);
    if (!p->nomem) {
        p->code[at].k = (uint32_t)(p->len - at - 1);
    }
}

int seccomp_bpf_assemble(const struct seccomp_rules *rules, size_t n, struct sock_fprog *ret,
                         struct imgc_err *reterr)
{
    struct program p = { .code = NULL };

    emit_load(&p, offsetof(struct seccomp_data, arch));
    for (size_t i = 0; i < n; i++) {
        emit_arch(&p, &rules[i]);
    }
    emit_return(&p, SECCOMP_RET_KILL_PROCESS);

    if (p.nomem || p.len > BPF_MAXINSNS) {
        free(p.code);
        return p.nomem ? imgc_fail(reterr, IMGC_E_NOMEM, "seccomp filter")
                       : imgc_fail(reterr, IMGC_E_LIMIT,
                                   "seccomp filter of %zu instructions (the kernel takes %d)",
                                   p.len, BPF_MAXINSNS);
    }
    *ret = (struct sock_fprog){ .len = (unsigned short)p.len, .filter = p.code };
    return 0;
}
