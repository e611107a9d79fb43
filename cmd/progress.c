/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/progress.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/units.h"

#define BAR_CELLS 30
#define SHORT_HEX 12
#define MAX_ROWS_DEFAULT 24

void progress_init(struct progress *p, struct output *out, bool quiet)
{
    *p = (struct progress){ .out = out, .quiet = quiet };
}

void progress_done(struct progress *p)
{
    free(p->layers);
    p->layers = NULL;
    p->n_layers = 0;
}

static const char *stage_text(enum pull_stage stage)
{
    switch (stage) {
    case PULL_WAITING:
        return "waiting";
    case PULL_DOWNLOADING:
        return "downloading";
    case PULL_DONE:
        return "done";
    case PULL_EXISTS:
        return "already here";
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
                  short_hex(&layer->digest, hex), stage_text(layer->stage),
                  units_human_size(layer->size, size));
}

void progress_layer(struct progress *p, const struct pull_layer *layer)
{
    if (p->quiet) {
        return;
    }
    if (!p->layers) {
        p->layers = calloc(layer->n_layers, sizeof *p->layers);
        p->n_layers = p->layers ? layer->n_layers : 0;
    }
    if (layer->index >= p->n_layers) {
        return;
    }
    struct pull_layer *seen = &p->layers[layer->index];
    bool is_first = seen->n_layers == 0;
    bool has_moved = is_first || seen->stage != layer->stage;

    *seen = *layer;
    if (!p->out->err_is_tty && has_moved) {
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
                  units_human_size(layer->size, size), stage_text(layer->stage));
}

/* Bars that do not fit on the screen would scroll away on each draw: only the last ones that are
 * not complete are drawn then. */
static size_t rows_of_terminal(const struct output *out)
{
    struct winsize ws;
    int fd = fileno(out->err);

    return ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 2 ? ws.ws_row - 2u : MAX_ROWS_DEFAULT;
}

void progress_draw(struct progress *p)
{
    if (p->quiet || !p->out->err_is_tty || p->n_layers == 0) {
        return;
    }
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
