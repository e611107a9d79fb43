/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/progress.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/units.h"
#include "schema/base/clock.h"
#include "schema/json.h"

#define BAR_CELLS 30
#define SHORT_HEX 12
#define MAX_ROWS_DEFAULT 24
#define JSON_PAUSE_NS (250 * 1000000LL) /* between lines that only say that bytes came */

int progress_parse(const char *text, enum progress_form *ret, struct imgc_err *reterr)
{
    static const char *const names[] = { [PROGRESS_AUTO] = "auto",
                                         [PROGRESS_PLAIN] = "plain",
                                         [PROGRESS_JSON] = "json",
                                         [PROGRESS_NONE] = "none" };

    *ret = PROGRESS_AUTO;
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum progress_form)i;
            return 0;
        }
    }
    return text ? imgc_fail(reterr, IMGC_E_USAGE,
                            "--progress takes auto, plain, json or none, not '%s'", text)
                : 0;
}

void progress_init(struct progress *p, struct output *out, enum progress_form form)
{
    *p = (struct progress){ .out = out, .form = form, .verb = "downloading" };
}

void progress_of(struct progress *p, const char *verb)
{
    p->verb = verb;
    if (p->form == PROGRESS_AUTO && !p->out->err_is_tty) {
        p->form = PROGRESS_NONE;
    }
}

static bool has_bars(const struct progress *p)
{
    return p->form == PROGRESS_AUTO && p->out->err_is_tty;
}

void progress_done(struct progress *p)
{
    free(p->layers);
    free(p->is_untold);
    p->layers = NULL;
    p->is_untold = NULL;
    p->n_layers = 0;
    p->drawn = 0; /* what is on the terminal stays there */
}

static const char *stage_text(const struct progress *p, enum pull_stage stage)
{
    switch (stage) {
    case PULL_WAITING:
        return "waiting";
    case PULL_DOWNLOADING:
        return p->verb;
    case PULL_DONE:
        return "done";
    case PULL_EXISTS:
        return p->is_push ? "already there" : "already here";
    }
    return "";
}

static const char *short_hex(const struct digest *d, char out[DIGEST_HEX_MAX])
{
    (void)digest_hex(d, out);
    out[SHORT_HEX] = '\0';
    return out;
}

/* Without a terminal: a line when a layer starts to come and when it is there. */
static void print_line(struct progress *p, const struct pull_layer *layer)
{
    char hex[DIGEST_HEX_MAX], size[UNITS_TEXT_MAX];

    (void)fprintf(p->out->err, "layer %zu/%zu %s: %s (%s)\n", layer->index + 1, layer->n_layers,
                  short_hex(&layer->digest, hex), stage_text(p, layer->stage),
                  units_human_size(layer->size, size));
}

/* ---- JSON lines ---- */

/* ASCII only, without control characters: what a registry has chosen stays harmless on a terminal.
 * @take_event  NULL where there was no memory for it: the line is left out. */
static void write_json(struct progress *p, json_t *take_event)
{
    imgc_autofree char *text =
        take_event ? json_dumps(take_event, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    json_decref(take_event);
    if (text) {
        (void)fprintf(p->out->err, "%s\n", text);
        (void)fflush(p->out->err); /* whoever reads it waits for it */
    }
}

static const char *stage_name(const struct progress *p, enum pull_stage stage)
{
    return stage == PULL_EXISTS ? "exists" : stage_text(p, stage);
}

static json_t *layer_event(const struct progress *p, const char *event, const struct pull_layer *l)
{
    char digest[DIGEST_TEXT_MAX];

    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:I}", "event", event, "digest",
                     digest_text(&l->digest, digest), "layer", (json_int_t)l->index + 1, "layers",
                     (json_int_t)l->n_layers, "stage", stage_name(p, l->stage), "current",
                     (json_int_t)l->done, "total", (json_int_t)l->size);
}

static void write_retry(struct progress *p, const struct pull_layer *l)
{
    json_t *event = layer_event(p, "retry", l);

    if (event && json_object_set_new(event, "retries", json_integer(l->n_retries)) < 0) {
        json_decref(event);
        return;
    }
    write_json(p, event);
}

/* What changed at once, but bytes in their time: they may come a thousand times a second. */
static void note_json(struct progress *p, const struct pull_layer *layer, bool has_moved,
                      unsigned seen_retries)
{
    if (layer->n_retries != seen_retries) {
        write_retry(p, layer);
    }
    p->is_untold[layer->index] = !has_moved;
    if (has_moved) {
        write_json(p, layer_event(p, "layer", layer));
    }
}

static void write_untold(struct progress *p)
{
    for (size_t i = 0; i < p->n_layers; i++) {
        if (p->is_untold[i]) {
            write_json(p, layer_event(p, "layer", &p->layers[i]));
            p->is_untold[i] = false;
        }
    }
    p->told_ns = clock_monotonic_ns();
}

void progress_resolved(struct progress *p, const struct digest *top)
{
    char digest[DIGEST_TEXT_MAX];

    if (p->form == PROGRESS_JSON) {
        write_json(
            p, json_pack("{s:s, s:s}", "event", "resolved", "digest", digest_text(top, digest)));
    }
}

void progress_end(struct progress *p, const struct progress_end *end)
{
    char digest[DIGEST_TEXT_MAX];

    if (p->form == PROGRESS_JSON) {
        write_json(p, json_pack("{s:s, s:s, s:s, s:I, s:b}", "event", "done", "image", end->name,
                                "digest", digest_text(end->id, digest), "bytes",
                                (json_int_t)end->bytes, "unchanged", end->is_unchanged));
    } else if (p->form != PROGRESS_NONE) {
        (void)fprintf(p->out->err, "%s: %s\n", end->name,
                      end->is_unchanged ? "image is up to date"
                      : p->is_push      ? "pushed"
                                        : "pulled");
    }
}

/* ---- layers ---- */

static bool have_room(struct progress *p, const struct pull_layer *layer)
{
    if (!p->layers) {
        p->layers = calloc(layer->n_layers, sizeof *p->layers);
        p->is_untold = calloc(layer->n_layers, sizeof *p->is_untold);
        p->n_layers = p->layers && p->is_untold ? layer->n_layers : 0;
    }
    return layer->index < p->n_layers;
}

void progress_layer(struct progress *p, const struct pull_layer *layer)
{
    if (p->form == PROGRESS_NONE || !have_room(p, layer)) {
        return;
    }
    struct pull_layer *seen = &p->layers[layer->index];
    bool is_first = seen->n_layers == 0;
    bool has_moved = is_first || seen->stage != layer->stage;
    unsigned seen_retries = seen->n_retries;

    *seen = *layer;
    if (p->form == PROGRESS_JSON) {
        note_json(p, layer, has_moved, seen_retries);
    } else if (!has_bars(p) && has_moved) {
        print_line(p, layer);
    }
}

static void draw_bar(struct progress *p, const struct pull_layer *layer)
{
    char hex[DIGEST_HEX_MAX], done[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX], bar[BAR_CELLS + 1];
    uint64_t total = layer->size ? layer->size : 1;
    uint64_t part = layer->done < total ? layer->done : total;
    bool is_complete = layer->stage == PULL_DONE || layer->stage == PULL_EXISTS;
    unsigned cells = is_complete ? BAR_CELLS : (unsigned)((double)part / (double)total * BAR_CELLS);

    for (unsigned i = 0; i < BAR_CELLS; i++) {
        bar[i] = "=> "[i < cells ? 0 : i == cells ? 1 : 2];
    }
    bar[BAR_CELLS] = '\0';
    (void)fprintf(p->out->err, "\r%s [%s] %s / %s %s\033[K\n", short_hex(&layer->digest, hex), bar,
                  units_human_size(is_complete ? layer->size : layer->done, done),
                  units_human_size(layer->size, size), stage_text(p, layer->stage));
}

/* Bars that do not fit on the screen would scroll away on each draw: only the last ones that are
 * not complete are drawn then. */
static size_t rows_of_terminal(const struct output *out)
{
    struct winsize ws;
    int fd = fileno(out->err);

    return ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 2 ? ws.ws_row - 2u : MAX_ROWS_DEFAULT;
}

static void draw_bars(struct progress *p)
{
    if (p->drawn > 0) {
        (void)fprintf(p->out->err, "\033[%uA", p->drawn);
    }
    size_t rows = rows_of_terminal(p->out);
    size_t first = p->n_layers > rows ? p->n_layers - rows : 0;
    p->drawn = 0;
    for (size_t i = first; i < p->n_layers; i++) {
        if (p->layers[i].n_layers > 0) {
            draw_bar(p, &p->layers[i]);
            p->drawn++;
        }
    }
    (void)fflush(p->out->err);
}

void progress_flush(struct progress *p)
{
    if (p->n_layers == 0) {
        return;
    }
    if (p->form == PROGRESS_JSON) {
        write_untold(p);
    } else if (has_bars(p)) {
        draw_bars(p);
    }
}

void progress_draw(struct progress *p)
{
    if (p->form != PROGRESS_JSON || clock_monotonic_ns() - p->told_ns >= JSON_PAUSE_NS) {
        progress_flush(p);
    }
}

/* Whoever made the index has written the platform. */
static void print_platform(struct progress *p, const char *platform)
{
    imgc_autobuf struct imgc_buf text = IMGC_BUF_INIT(sizeof "\\x1b" * PLATFORM_TEXT_MAX);

    output_safe(&text, platform);
    if (text.ptr) {
        (void)fprintf(p->out->err, "platform %s\n", text.ptr);
    }
}

void progress_platform(struct progress *p, const struct platform *platform)
{
    char text[PLATFORM_TEXT_MAX];

    progress_flush(p);
    progress_done(p);
    p->drawn = 0; /* what is on the terminal stays */
    (void)platform_text(platform, text);
    if (p->form == PROGRESS_JSON) {
        write_json(p, json_pack("{s:s, s:s}", "event", "platform", "platform", text));
    } else if (p->form != PROGRESS_NONE) {
        print_platform(p, text);
    }
}
