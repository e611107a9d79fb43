/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listing.h"

#include "cmd/table.h"
#include "cmd/template.h"

bool listing_is_json(const char *format)
{
    return format && strcmp(format, "json") == 0;
}

/* To a file as it is. To a terminal without the control characters that an image could have put
 * into a label or a name, but for what a format itself is made of. */
static int print_text(struct app *app, const char *text, struct imgc_err *reterr)
{
    if (!app->out.out_is_tty) {
        output_print(&app->out, "%s\n", text);
        return 0;
    }
    for (const char *p = text; *p;) {
        imgc_autobuf struct imgc_buf safe = IMGC_BUF_INIT(4ul * TEMPLATE_OUTPUT_MAX);
        imgc_autofree char *piece = NULL;
        struct imgc_str shown = { NULL, 0 };
        size_t n = strcspn(p, "\n\t");

        int r = imgc_str_dup((struct imgc_str){ p, n }, &piece, reterr);
        if (r == 0) {
            output_safe(&safe, piece);
            r = imgc_buf_finish(&safe, &shown, reterr);
        }
        if (r < 0) {
            return r;
        }
        output_print(&app->out, "%.*s%.*s", (int)shown.len, shown.ptr ? shown.ptr : "",
                     p[n] ? 1 : 0, p + n);
        p += n + (p[n] ? 1 : 0);
    }
    output_print(&app->out, "\n");
    return 0;
}

int listing_json(struct app *app, const json_t *doc, struct imgc_err *reterr)
{
    imgc_autofree char *text = json_dumps(doc, JSON_INDENT(2) | JSON_ENCODE_ANY);

    if (!text) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return print_text(app, text, reterr);
}

int listing_json_line(struct app *app, const json_t *doc, struct imgc_err *reterr)
{
    imgc_autofree char *text = json_dumps(doc, app->out.out_is_tty ? JSON_ENSURE_ASCII : 0);

    if (!text) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    if (!output_bytes(&app->out, text, strlen(text))) {
        return output_finish(&app->out, reterr);
    }
    return app_interrupted() ? imgc_fail(reterr, IMGC_E_INTERRUPTED, "interrupted") : 0;
}

/* A shell hands over '\t' as two characters; docker takes that for a tab. */
static int parse_format(const char *format, struct template **ret, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_TEXT_MAX);
    struct imgc_str text;
    bool quoted = false;

    for (const char *p = format; *p; p++) {
        /* Inside of a string of the template the escape is Go's. */
        quoted = *p == '"' ? !quoted : quoted;
        bool escape = !quoted && p[0] == '\\' && (p[1] == 't' || p[1] == 'n');
        imgc_buf_putc(&b, (char)(!escape ? *p : p[1] == 't' ? '\t' : '\n'));
        p += escape;
    }
    int r = imgc_buf_finish(&b, &text, reterr);
    return r < 0 ? r : template_parse(text, ret, reterr);
}

static int add_line(const struct template *t, const struct template_args *args, struct table *table,
                    struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str line;

    int r = template_run(t, args, &b, reterr);
    if (r == 0) {
        r = imgc_buf_finish(&b, &line, reterr);
    }
    if (r == 0) {
        table_line(table, line);
    }
    return r;
}

static json_t *headings(const struct listing_column *columns)
{
    json_t *row = json_object();

    for (const struct listing_column *c = columns; row && c->field; c++) {
        if (json_object_set_new(row, c->field, json_string(c->heading)) < 0) {
            json_decref(row);
            return NULL;
        }
    }
    return row;
}

static int print_table(struct app *app, const struct listing *listing, const char *format,
                       json_t *rows, struct imgc_err *reterr)
{
    template_auto struct template *t = NULL;
    table_auto struct table table = TABLE_INIT;

    int r = parse_format(format, &t, reterr);
    if (r < 0) {
        return r;
    }
    if (!listing->no_heading) {
        json_auto_t *heading = headings(listing->columns);
        const struct template_args args = { .data = heading, .strict = true };
        if (!heading) {
            return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        }
        r = add_line(t, &args, &table, reterr);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(rows); i++) {
        const struct template_args args = { .data = json_array_get(rows, i),
                                            .strict = true,
                                            .maps = listing->maps };
        r = add_line(t, &args, &table, reterr);
    }
    return r < 0 ? r : table_print(&table, &app->out, reterr);
}

static int print_line(struct app *app, const struct template *t, const struct template_args *args,
                      struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(TEMPLATE_OUTPUT_MAX);
    struct imgc_str line = { NULL, 0 };

    int r = template_run(t, args, &b, reterr);
    if (r == 0) {
        r = imgc_buf_finish(&b, &line, reterr);
    }
    return r < 0 ? r : print_text(app, line.len > 0 ? line.ptr : "", reterr);
}

static int print_lines(struct app *app, const struct listing *listing, json_t *rows,
                       struct imgc_err *reterr)
{
    template_auto struct template *t = NULL;

    int r = parse_format(listing->format, &t, reterr);
    for (size_t i = 0; r == 0 && i < json_array_size(rows); i++) {
        const struct template_args args = { .data = json_array_get(rows, i),
                                            .strict = true,
                                            .maps = listing->maps };
        r = print_line(app, t, &args, reterr);
    }
    return r;
}

int listing_print(struct app *app, const struct listing *listing, json_t *rows,
                  struct imgc_err *reterr)
{
    if (!listing->format || strcmp(listing->format, "table") == 0) {
        return print_table(app, listing, listing->table, rows, reterr);
    }
    if (listing_is_json(listing->format)) {
        return listing_json(app, listing->json ? listing->json : rows, reterr);
    }
    if (strncmp(listing->format, "table ", 6) == 0) {
        return print_table(app, listing, listing->format + 6, rows, reterr);
    }
    return print_lines(app, listing, rows, reterr);
}

int listing_document(struct app *app, const char *format, json_t *doc, const char *const *maps,
                     struct imgc_err *reterr)
{
    template_auto struct template *t = NULL;
    const struct template_args args = { .data = doc, .strict = true, .maps = maps };

    if (listing_is_json(format)) {
        return listing_json(app, doc, reterr);
    }
    int r = parse_format(format, &t, reterr);
    return r < 0 ? r : print_line(app, t, &args, reterr);
}
