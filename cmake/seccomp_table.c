/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table FILE: schema/seccomp.json as the tables that runtime/seccomp_table.h declares. Runs
 * when imgc is built. */
#include <stdio.h>

#include "runtime/seccomp_parse.h"
#include "schema/embed.h"

#define TABLES 2

static void write_rule(FILE *f, const struct seccomp_rule *rule)
{
    (void)fprintf(f, "    { %uu, %uu, %d, 0x%xu, %d, %uu, {", rule->nr, rule->order, rule->cap,
                  rule->action, (int)rule->test, rule->arg);
    for (size_t i = 0; i < SECCOMP_RULES_VALUES; i++) {
        (void)fprintf(f, " 0x%xu,", rule->values[i]);
    }
    (void)fprintf(f, " }, %uu },\n", rule->n_values);
}

static void write_rules(FILE *f, const struct seccomp_rules *rules, size_t number)
{
    (void)fprintf(f, "static const struct seccomp_rule rules%zu[] = {\n", number);
    for (size_t i = 0; i < rules->n; i++) {
        write_rule(f, &rules->rules[i]);
    }
    (void)fputs("};\n\n", f);
}

static void write_tables(FILE *f, const struct seccomp_rules *rules, size_t n)
{
    (void)fputs("/* Made by cmake/seccomp_table.c. */\n"
                "#include \"runtime/seccomp_table.h\"\n\n",
                f);
    for (size_t i = 0; i < n; i++) {
        write_rules(f, &rules[i], i);
    }
    (void)fputs("const struct seccomp_table seccomp_tables[SECCOMP_TABLES_MAX] = {\n", f);
    for (size_t i = 0; i < n; i++) {
        (void)fprintf(f, "    { rules%zu, %zu, 0x%xu, 0x%xu },\n", i, rules[i].n, rules[i].fallback,
                      rules[i].arch);
    }
    if (n == 0) { /* C has no empty initializers */
        (void)fputs("    { NULL, 0, 0, 0 },\n", f);
    }
    (void)fprintf(f, "};\n\nconst size_t seccomp_tables_length = %zu;\n", n);
}

/* @return 0; 1 for a failure that is told. A machine without rules has no tables. */
static int read_tables(struct seccomp_rules rules[TABLES], size_t *ret_n)
{
    struct imgc_str text = imgc_str_of(seccomp_embedded[0].text);
    const uint32_t arches[TABLES] = { 0, seccomp_parse_compat() };
    struct imgc_err err;

    for (size_t i = 0; i < TABLES && (i == 0 || arches[i] != 0); i++) {
        int r = seccomp_parse(text, arches[i], &rules[i], &err);
        if (r < 0) {
            (void)fprintf(stderr, "seccomp_table: %s\n", err.msg);
            return r == -IMGC_E_HOST ? 0 : 1;
        }
        *ret_n = i + 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct seccomp_rules rules[TABLES] = { SECCOMP_RULES_INIT, SECCOMP_RULES_INIT };
    size_t n = 0;
    int status = 1;

    if (argc != 2) {
        return 2;
    }
    FILE *f = read_tables(rules, &n) == 0 ? fopen(argv[1], "we") : NULL;
    if (f) {
        write_tables(f, rules, n);
        status = fclose(f) == 0 ? 0 : 1;
    }
    for (size_t i = 0; i < TABLES; i++) {
        seccomp_rules_done(&rules[i]);
    }
    return status;
}
