/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/manual.h"

#include <stdio.h>

#include "cmd/program.h"

struct row {
    const char *name, *text;
};

/* What settings.c reads, and what other programs read that imgc starts or links. */
static const struct row environment[] = {
    { "IMGC_ROOT", "Where images and containers are kept, as with --root." },
    { "IMGC_RUNROOT", "Where state of this boot is kept, as with --runroot." },
    { "IMGC_LAYERS", "How images are mounted, as with --layers." },
    { "IMGC_NETWORK", "The network of containers that are made without --network." },
    { "IMGC_STALL_TIMEOUT",
      "Seconds without a byte after which a connection to a registry is given up." },
    { "CONTAINERS_REGISTRIES_CONF",
      "The registries.conf to use instead of the usual ones, as with --registries-conf." },
    { "REGISTRY_AUTH_FILE", "The file with the registries' credentials, as with --authfile." },
    { "http_proxy, https_proxy, all_proxy, no_proxy",
      "The proxies to reach registries through, and the hosts that are reached without one; also "
      "in "
      "upper case, but for HTTP_PROXY where REQUEST_METHOD is set, as in a CGI program." },
    { "XDG_DATA_HOME, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, XDG_CACHE_HOME, HOME",
      "Where the files of an ordinary user are: see FILES." },
    { "SHELL", "What 'imgc unshare' runs when no command is given." },
    { NULL, NULL },
};

static const struct row files[] = {
    { "/var/lib/imgc, /run/imgc", "Root's images and containers, and their state of this boot." },
    { "$XDG_DATA_HOME/imgc, $XDG_RUNTIME_DIR/imgc",
      "Those of an ordinary user. Without XDG_DATA_HOME it is ~/.local/share/imgc." },
    { "/etc/containers/registries.conf, /etc/containers/registries.conf.d/*.conf",
      "Short names, other places, mirrors and blocked registries, in the format of podman; a "
      "user's "
      "own are below $XDG_CONFIG_HOME/containers." },
    { "/etc/containers/certs.d/HOST:PORT, /etc/docker/certs.d/HOST:PORT",
      "Certificates of a registry: *.crt of authorities, *.cert with *.key of the client." },
    { "$XDG_RUNTIME_DIR/containers/auth.json, ~/.docker/config.json",
      "Credentials that 'imgc login', podman and docker have kept." },
    { "/etc/subuid, /etc/subgid", "The IDs that a user's containers may have." },
    { NULL, NULL },
};

/* ---- text ---- */

/* Characters that formatters would change stay what they are: one can copy them from the page. */
static void put_char(char c, struct imgc_buf *b)
{
    static const struct {
        char c;
        const char *roff;
    } special[] = {
        { '\\', "\\e" },  { '-', "\\-" },   { '\'', "\\(aq" },
        { '`', "\\(ga" }, { '^', "\\(ha" }, { '~', "\\(ti" },
    };

    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (special[i].c == c) {
            imgc_buf_puts(b, special[i].roff);
            return;
        }
    }
    imgc_buf_putc(b, c);
}

static void put_text(struct imgc_str s, struct imgc_buf *b)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_line_start = i == 0 || s.ptr[i - 1] == '\n';
        if (is_line_start && s.ptr[i] == '.') {
            imgc_buf_puts(b, "\\&"); /* no request; the apostrophe is never one, being escaped */
        }
        put_char(s.ptr[i], b);
    }
}

static void put_z(const char *z, struct imgc_buf *b)
{
    put_text(imgc_str_of(z), b);
}

static void put_font(char font, const char *z, struct imgc_buf *b)
{
    imgc_buf_printf(b, "\\f%c", font);
    put_z(z, b);
    imgc_buf_puts(b, "\\fR");
}

/* Of ASCII: the locale stays "C". */
static char upper(char c)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (c < 'a' || c > 'z') {
        return c;
    }
    return capitals[c - 'a'];
}

/* "imgc-network-create", what the page of a command is called; @c NULL: the program's. */
static void put_title(const struct command *c, bool is_upper, struct imgc_buf *b)
{
    char name[MANUAL_NAME_MAX];

    (void)manual_name(c, name);
    *strrchr(name, '.') = '\0';
    for (char *z = name; *z; z++) {
        if (is_upper) {
            *z = upper(*z);
        }
        put_char(*z, b);
    }
}

/* The same as one writes it in a text: imgc-network-create(1). */
static void put_page(const struct command *c, struct imgc_buf *b)
{
    imgc_buf_puts(b, "\\fB");
    put_title(c, false, b);
    imgc_buf_puts(b, "\\fR(1)");
}

static void put_rows(const struct row *rows, struct imgc_buf *b)
{
    for (; rows->name; rows++) {
        imgc_buf_puts(b, ".TP\n");
        put_font('B', rows->name, b);
        imgc_buf_putc(b, '\n');
        put_z(rows->text, b);
        imgc_buf_putc(b, '\n');
    }
}

/* ---- options ---- */

static void put_option(const struct option *o, struct imgc_buf *b)
{
    const char letter[] = { '-', o->letter, '\0' };

    imgc_buf_puts(b, ".TP\n");
    if (o->letter) {
        put_font('B', letter, b);
        imgc_buf_puts(b, ", ");
    }
    imgc_buf_puts(b, "\\fB\\-\\-");
    put_z(o->name, b);
    imgc_buf_puts(b, "\\fR");
    if (o->arg) {
        imgc_buf_putc(b, ' ');
        put_font('I', o->arg, b);
    }
    imgc_buf_putc(b, '\n');
    put_z(o->help, b);
    imgc_buf_putc(b, '\n');
}

static void put_options(const struct option *table, struct imgc_buf *b)
{
    struct option help = { 'h', "help", OPT_FLAG, 0, NULL, "show a summary of this page" };

    for (const struct option *o = table; o && o->name; o++) {
        if (o->letter == 'h') {
            help.letter = 0;
        }
        if (o->help) {
            put_option(o, b);
        }
    }
    put_option(&help, b);
}

/* ---- help texts: paragraphs, and indented lines that are examples ---- */

/* The next line of @rest without its newline. @return false at the end. */
static bool next_line(struct imgc_str *rest, struct imgc_str *line)
{
    if (rest->len == 0) {
        return false;
    }
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    *line = (struct imgc_str){ .ptr = rest->ptr, .len = len };
    size_t past = end ? len + 1 : len;
    *rest = (struct imgc_str){ .ptr = rest->ptr + past, .len = rest->len - past };
    return true;
}

static bool is_example(struct imgc_str line)
{
    return imgc_str_starts(line, IMGC_STR("  "));
}

static void put_prose(const char *help, struct imgc_buf *b)
{
    struct imgc_str rest = imgc_str_of(help), line;
    bool is_gap = true;

    while (next_line(&rest, &line)) {
        if (line.len == 0 || is_example(line)) {
            is_gap = true;
            continue;
        }
        if (is_gap) {
            imgc_buf_puts(b, ".PP\n");
        }
        is_gap = false;
        put_text(line, b);
        imgc_buf_putc(b, '\n');
    }
}

static void put_examples(const char *help, struct imgc_buf *b)
{
    struct imgc_str rest = imgc_str_of(help), line;
    bool is_first = true;

    while (next_line(&rest, &line)) {
        if (!is_example(line)) {
            continue;
        }
        imgc_buf_puts(b, is_first ? ".SH EXAMPLES\n.nf\n" : "");
        is_first = false;
        put_text((struct imgc_str){ .ptr = line.ptr + 2, .len = line.len - 2 }, b);
        imgc_buf_putc(b, '\n');
    }
    imgc_buf_puts(b, is_first ? "" : ".fi\n");
}

/* ---- exit status ---- */

static const struct {
    enum imgc_code code;
    const char *what;
} kinds[] = {
#define X(name, status, what, remedy) { IMGC_E_##name, what },
    IMGC_CODES(X)
#undef X
};

static int status_of(const struct command *c, enum imgc_code code)
{
    const struct imgc_err err = { .code = code };

    return c && c->failure_status ? c->failure_status(&err) : imgc_code_status(code);
}

/* The kinds that share a status, or that it is for the rest. */
static void put_status(const struct command *c, int status, size_t first, struct imgc_buf *b)
{
    size_t n = 0;

    for (size_t i = first; i < sizeof kinds / sizeof *kinds; i++) {
        n += status_of(c, kinds[i].code) == status;
    }
    imgc_buf_printf(b, ".TP\n\\fB%d\\fR\n", status);
    if (n > 2) {
        imgc_buf_puts(b, "imgc failed: the message says how.\n");
        return;
    }
    const char *between = "";
    for (size_t i = first; i < sizeof kinds / sizeof *kinds; i++) {
        if (status_of(c, kinds[i].code) == status) {
            imgc_buf_puts(b, between);
            put_z(kinds[i].what, b);
            between = "; or ";
        }
    }
    imgc_buf_puts(b, ".\n");
}

/* Each status once, at the first kind that has it: asked of the command, not told of it. */
static void put_statuses(const struct command *c, struct imgc_buf *b)
{
    imgc_buf_puts(b, ".SH EXIT STATUS\n.TP\n\\fB0\\fR\nSuccess.\n");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int status = status_of(c, kinds[i].code);
        bool is_seen = false;
        for (size_t j = 0; j < i; j++) {
            is_seen = is_seen || status_of(c, kinds[j].code) == status;
        }
        if (!is_seen) {
            put_status(c, status, i, b);
        }
    }
    imgc_buf_puts(b, ".PP\nWhat DESCRIPTION says of a status goes before this list.\n");
}

/* ---- see also ---- */

static bool is_of_group(const struct command *c, const struct command *other)
{
    const char *space = strchr(c->name, ' ');

    return space && strncmp(c->name, other->name, (size_t)(space - c->name) + 1) == 0;
}

/* The help of @c speaks of `imgc OTHER`. */
static bool is_named(const struct command *c, const struct command *other)
{
    char words[MANUAL_NAME_MAX];
    size_t len = (size_t)snprintf(words, sizeof words, "imgc %s", other->name);

    for (const char *at = c->help; at && (at = strstr(at, words)); at++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz-", at[len]) || at[len] == '\0') {
            return true;
        }
    }
    return false;
}

static void put_see_also(const struct command *c, struct imgc_buf *b)
{
    imgc_buf_puts(b, ".SH SEE ALSO\n");
    put_page(NULL, b);
    for (const struct command *const *other = commands; *other; other++) {
        if (*other != c && (is_of_group(c, *other) || is_named(c, *other))) {
            imgc_buf_puts(b, ",\n");
            put_page(*other, b);
        }
    }
    imgc_buf_putc(b, '\n');
}

/* ---- pages ---- */

const char *manual_name(const struct command *c, char out[MANUAL_NAME_MAX])
{
    (void)snprintf(out, MANUAL_NAME_MAX, "imgc%s%s.1", c ? "-" : "", c ? c->name : "");
    for (char *z = out; *z; z++) {
        if (*z == ' ') {
            *z = '-';
        }
    }
    return out;
}

/* Without a date: it would be the only thing here that changes by itself. */
static void put_head(const struct command *c, struct imgc_buf *b)
{
    imgc_buf_puts(b, ".\\\" SPDX-License-Identifier: Apache-2.0\n"
                     ".\\\" Written by cmd/manual.c: change the command's table, not this.\n"
                     ".TH ");
    put_title(c, true, b);
    imgc_buf_printf(b, " 1 \"\" \"imgc %s\" \"imgc\"\n.SH NAME\n", program_version());
    put_title(c, false, b);
    imgc_buf_puts(b, " \\- ");
}

static void put_command(const struct command *c, struct imgc_buf *b)
{
    struct imgc_str also;

    put_head(c, b);
    put_z(c->summary, b);
    imgc_buf_puts(b, "\n.SH SYNOPSIS\n\\fBimgc ");
    put_z(c->name, b);
    imgc_buf_puts(b, "\\fR [\\fIOPTIONS\\fR]");
    if (c->args && *c->args) {
        imgc_buf_putc(b, ' ');
        put_font('I', c->args, b);
    }
    imgc_buf_puts(b, "\n.SH DESCRIPTION\n");
    put_char(upper(c->summary[0]), b);
    put_z(c->summary + 1, b);
    imgc_buf_puts(b, ".\n");
    put_prose(c->help ? c->help : "", b);
    imgc_autobuf struct imgc_buf name = IMGC_BUF_INIT(MANUAL_NAME_MAX);
    struct imgc_err ignored;
    if (command_also(c, &name) && imgc_buf_finish(&name, &also, &ignored) == 0) {
        imgc_buf_puts(b, ".PP\nIt can be called as \\fB");
        put_text(also, b);
        imgc_buf_puts(b, "\\fR, too.\n");
    }
    imgc_buf_puts(b, ".SH OPTIONS\n");
    put_options(c->options, b);
    put_statuses(c, b);
    put_examples(c->help ? c->help : "", b);
    put_see_also(c, b);
}

static void put_commands(struct imgc_buf *b)
{
    imgc_buf_puts(b, ".SH COMMANDS\n");
    for (const struct command *const *c = commands; *c; c++) {
        imgc_buf_puts(b, ".TP\n");
        put_page(*c, b);
        imgc_buf_putc(b, '\n');
        put_z((*c)->summary, b);
        imgc_buf_putc(b, '\n');
    }
}

static void put_program(struct imgc_buf *b)
{
    put_head(NULL, b);
    put_z("pull, import, list, unpack and run container images, without a daemon", b);
    imgc_buf_puts(b, "\n.SH SYNOPSIS\n\\fBimgc\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR "
                     "[\\fIARG...\\fR]\n.SH DESCRIPTION\n");
    put_z("Images come from registries, archives or root file systems into a store, and containers "
          "run on them, as root or as an ordinary user. Names, options and formats are those of "
          "docker and podman. Results go to standard output, everything else to standard error. A "
          "failure is one line: 'Error: WHAT: WHY (REMEDY)'.\n",
          b);
    put_commands(b);
    imgc_buf_puts(b, ".SH OPTIONS\n");
    put_z("They stand before the command; those of the command behind it.\n", b);
    put_options(program_options, b);
    put_statuses(NULL, b);
    imgc_buf_puts(b, ".SH ENVIRONMENT\n");
    put_rows(environment, b);
    imgc_buf_puts(b, ".SH FILES\n");
    put_rows(files, b);
    imgc_buf_puts(b, ".SH SEE ALSO\n");
    put_page(command_find("pull"), b);
    imgc_buf_puts(b, ",\n");
    put_page(command_find("run"), b);
    imgc_buf_putc(b, '\n');
}

void manual_page(const struct command *c, struct imgc_buf *b)
{
    if (c) {
        put_command(c, b);
    } else {
        put_program(b);
    }
}
