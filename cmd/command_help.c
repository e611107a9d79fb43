/* SPDX-License-Identifier: Apache-2.0 */
/* What command.h offers to print: the help of a command, of a group, and of the program. */
#include "cmd/command.h"
#include "schema/base/buf.h"

#define COMMAND_HELP_MAX (64u << 10) /* bytes of one help text; the texts are ours */

static void print_buffer(struct imgc_buf *b, struct app *app)
{
    struct imgc_str s;
    struct imgc_err err;

    if (imgc_buf_finish(b, &s, &err) < 0) {
        output_error(&app->out, &err);
        return;
    }
    output_print(&app->out, "%s", s.ptr);
}

bool command_also(const struct command *c, struct imgc_buf *b)
{
    for (const struct command_alias *a = command_aliases; a->group; a++) {
        if (strcmp(a->name, c->name) == 0 && !strchr(c->name, ' ')) {
            imgc_buf_printf(b, "imgc %s %s", a->group, a->verb);
            return true;
        }
    }
    return false;
}

void command_help(const struct command *c, struct app *app)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(COMMAND_HELP_MAX);

    imgc_buf_printf(&b, "Usage: imgc %s [OPTIONS]%s%s\n\n", c->name, c->args && *c->args ? " " : "",
                    c->args ? c->args : "");
    int first = (unsigned char)c->summary[0];
    imgc_buf_putc(&b, (char)(first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first));
    imgc_buf_printf(&b, "%s.\n\nOptions:\n", c->summary + 1);
    options_help(c->options, &b);
    if (c->help) {
        imgc_buf_printf(&b, "\n%s%s", c->help,
                        imgc_str_ends(imgc_str_of(c->help), IMGC_STR("\n")) ? "" : "\n");
    }
    imgc_autobuf struct imgc_buf also = IMGC_BUF_INIT(COMMAND_HELP_MAX);
    if (command_also(c, &also)) {
        imgc_buf_printf(&b, "\nAlso: %s\n", also.ptr ? also.ptr : "");
    }
    print_buffer(&b, app);
}

static bool is_of_group(const struct command *c)
{
    return strchr(c->name, ' ');
}

/* The commands with one word, or those with two. */
static void list_commands(bool of_groups, struct imgc_buf *b)
{
    size_t width = 0;

    for (const struct command *const *c = commands; *c; c++) {
        if (is_of_group(*c) == of_groups && strlen((*c)->name) > width) {
            width = strlen((*c)->name);
        }
    }
    for (const struct command *const *c = commands; *c; c++) {
        if (is_of_group(*c) == of_groups) {
            imgc_buf_printf(b, "  %-*s  %s\n", (int)width, (*c)->name, (*c)->summary);
        }
    }
}

void command_help_all(const struct option *globals, struct app *app)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(COMMAND_HELP_MAX);

    imgc_buf_puts(&b, "Usage: imgc [OPTIONS] COMMAND [ARG...]\n\n"
                      "Pull, import, list, unpack and run container images, without a daemon.\n\n"
                      "Commands:\n");
    list_commands(false, &b);
    imgc_buf_puts(&b, "\nCommands of groups:\n");
    list_commands(true, &b);
    imgc_buf_puts(&b, "\nOptions (before the command):\n");
    options_help(globals, &b);
    imgc_buf_puts(&b, "\nMore about a command or a group: imgc COMMAND --help\n");
    print_buffer(&b, app);
}

void command_help_group(const char *group, struct app *app)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(COMMAND_HELP_MAX);
    int width = 0;

    imgc_buf_printf(&b, "Usage: imgc %s COMMAND [ARG...]\n\nCommands:\n", group);
    for (const struct command_alias *a = command_aliases; a->group; a++) {
        if (strcmp(a->group, group) == 0 && (int)strlen(a->verb) > width) {
            width = (int)strlen(a->verb);
        }
    }
    for (const struct command_alias *a = command_aliases; a->group; a++) {
        if (strcmp(a->group, group) == 0) {
            imgc_buf_printf(&b, "  %-*s  %s\n", width, a->verb, command_find(a->name)->summary);
        }
    }
    imgc_buf_printf(&b, "\nMore about one: imgc %s COMMAND --help\n", group);
    print_buffer(&b, app);
}
