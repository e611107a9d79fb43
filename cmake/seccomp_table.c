/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table FILE: schema/seccomp.json as the table that runtime/seccomp_table.h declares. Runs
 * when imgc is built. */
#include <stdio.h>

#include "runtime/seccomp_parse.h"
#include "schema/embed.h"

static void write_rule(FILE *f, const struct seccomp_rule *rule)
{
    (void)fprintf(f, "    { %uu, %uu, %d, 0x%xu, %d, %uu, {", rule->nr, rule->order, rule->cap,
                  rule->action, (int)rule->test, rule->arg);
    for (size_t i = 0; i < SECCOMP_RULES_VALUES; i++) {
        (void)fprintf(f, " 0x%xu,", rule->values[i]);
    }
    (void)fprintf(f, " }, %uu },\n", rule->n_values);
}

static void write_table(FILE *f, const struct seccomp_rules *rules)
{
    (void)fputs("/* Made by cmake/seccomp_table.c. */\n"
                "#include \"runtime/seccomp_table.h\"\n\n"
                "const struct seccomp_rule seccomp_table[] = {\n",
                f);
    for (size_t i = 0; i < rules->n; i++) {
        write_rule(f, &rules->rules[i]);
    }
    if (rules->n == 0) { /* C has no empty arrays */
        write_rule(f, &(struct seccomp_rule){ .nr = 0 });
    }
    (void)fprintf(f,
                  "};\n\n"
                  "const size_t seccomp_table_length = %zu;\n"
                  "const uint32_t seccomp_table_fallback = 0x%xu, seccomp_table_arch = 0x%xu;\n",
                  rules->n, rules->fallback, rules->arch);
}

int main(int argc, char **argv)
{
    seccomp_rules_auto struct seccomp_rules rules = SECCOMP_RULES_INIT;
    struct imgc_err err;

    if (argc != 2) {
        return 2;
    }
    int r = seccomp_parse(imgc_str_of(seccomp_embedded[0].text), &rules, &err);
    if (r < 0) {
        (void)fprintf(stderr, "seccomp_table: %s\n", err.msg);
    }
    if (r < 0 && r != -IMGC_E_HOST) {
        return 1;
    }
    FILE *f = fopen(argv[1], "we");
    if (!f) {
        perror(argv[1]);
        return 1;
    }
    write_table(f, &rules);
    return fclose(f) == 0 ? 0 : 1;
}
