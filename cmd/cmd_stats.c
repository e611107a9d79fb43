/* SPDX-License-Identifier: Apache-2.0 */
/* imgc stats: what containers use, once or again and again. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/units.h"
#include "runtime/usage.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "store/container.h"

#define SHORT_ID 12
#define FIRST_WAIT_MS 500 /* between the two samples of which the first percentage is made */
#define WAIT_MS 1000
#define STEP_MS 50 /* how soon an interrupt ends the waiting */
#define CLEAR "\033[H\033[2J"

struct stats_options {
    bool all, no_stream, no_trunc;
    const char *format;
};

static const struct option stats_options[] = {
    { 'a', "all", OPT_FLAG, offsetof(struct stats_options, all), NULL,
      "also containers that do not run" },
    { 0, "no-stream", OPT_FLAG, offsetof(struct stats_options, no_stream), NULL,
      "print one table and end" },
    { 0, "no-trunc", OPT_FLAG, offsetof(struct stats_options, no_trunc), NULL,
      "print IDs in full" },
    { 0, "format", OPT_STRING, offsetof(struct stats_options, format), "FORMAT",
      "json, 'table TEMPLATE', or a template for each line" },
    { .name = NULL },
};

static const struct listing_column columns[] = {
    { "Container", "CONTAINER" },
    { "ID", "CONTAINER ID" },
    { "Name", "NAME" },
    { "CPUPerc", "CPU %" },
    { "MemUsage", "MEM USAGE / LIMIT" },
    { "MemPerc", "MEM %" },
    { "NetIO", "NET I/O" },
    { "BlockIO", "BLOCK I/O" },
    { "PIDs", "PIDS" },
    { NULL, NULL },
};

/* What was seen of a container the time before. */
struct sample {
    char id[CONTAINER_ID_MAX];
    uint64_t cpu_ns;
    int64_t at_ns;
};

struct stats {
    struct app *app;
    const struct stats_options *options;
    struct args args;
    struct sample *samples;
    size_t n_samples;
};

static const struct sample *find_sample(const struct stats *s, const char *id)
{
    for (size_t i = 0; i < s->n_samples; i++) {
        if (strcmp(s->samples[i].id, id) == 0) {
            return &s->samples[i];
        }
    }
    return NULL;
}

static double cpu_percent(const struct sample *before, const struct sample *now)
{
    if (!before || now->at_ns <= before->at_ns || now->cpu_ns < before->cpu_ns) {
        return 0;
    }
    return 100.0 * (double)(now->cpu_ns - before->cpu_ns) / (double)(now->at_ns - before->at_ns);
}

static json_t *make_row(const struct stats *s, const struct container *c, const struct usage *u,
                        double cpu)
{
    char used[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX], in[UNITS_TEXT_MAX], out[UNITS_TEXT_MAX];
    char read[UNITS_TEXT_MAX], written[UNITS_TEXT_MAX], cpu_text[32], memory_text[32];
    double memory =
        u->memory_limit > 0 ? 100.0 * (double)u->memory_bytes / (double)u->memory_limit : 0;

    (void)snprintf(cpu_text, sizeof cpu_text, "%.2f%%", cpu);
    (void)snprintf(memory_text, sizeof memory_text, "%.2f%%", memory);
    (void)units_binary_size(u->memory_bytes, used);
    (void)units_binary_size(u->memory_limit, limit);
    (void)units_short_size(u->received_bytes, in);
    (void)units_short_size(u->sent_bytes, out);
    (void)units_short_size(u->read_bytes, read);
    (void)units_short_size(u->written_bytes, written);
    return json_pack("{s:s, s:s#, s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "Container", c->name, "ID",
                     c->id, s->options->no_trunc ? (int)strlen(c->id) : SHORT_ID, "Name", c->name,
                     "CPUPerc", cpu_text, "MemUsage", json_sprintf("%s / %s", used, limit),
                     "MemPerc", memory_text, "NetIO", json_sprintf("%s / %s", in, out), "BlockIO",
                     json_sprintf("%s / %s", read, written), "PIDs",
                     json_sprintf("%llu", (unsigned long long)u->tasks));
}

/* One container of this round: its row, and its sample at the end of @samples. */
static int add_container(struct stats *s, const struct container *c, struct sample *now,
                         json_t *rows, struct imgc_err *reterr)
{
    struct usage u = { .tasks = 0 };

    if (c->status == CONTAINER_RUNNING) {
        int r = usage_read(c->cgroup, c->init.pid, &u, reterr);
        if (r < 0) {
            return imgc_context(reterr, "container %s", c->name);
        }
    }
    memcpy(now->id, c->id, sizeof now->id);
    now->cpu_ns = u.cpu_ns;
    now->at_ns = clock_monotonic_ns();
    json_t *row = make_row(s, c, &u, cpu_percent(find_sample(s, c->id), now));
    if (!row || json_array_append_new(rows, row) < 0) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    return 0;
}

/* @return whether it is among the named ones, or to be shown because none is named. */
static int is_wanted(const struct stats *s, const struct container *c, bool *ret,
                     struct imgc_err *reterr)
{
    *ret = s->args.n == 0 && (s->options->all || c->status == CONTAINER_RUNNING);
    for (size_t i = 0; i < s->args.n && !*ret; i++) {
        container_auto struct container named = { .name = NULL };
        int r = container_find(s->app->store, imgc_str_of(s->args.v[i]), &named, reterr);
        if (r < 0) {
            return r;
        }
        *ret = r == 0 && strcmp(named.id, c->id) == 0;
    }
    return 0;
}

/* All of them once. @ret_running  how many run. */
static int collect(struct stats *s, json_t *rows, size_t *ret_running, struct imgc_err *reterr)
{
    container_list_auto struct container_list list = { .items = NULL };
    size_t n = 0;

    int r = container_list(s->app->store, &list, reterr);
    if (r < 0) {
        return r;
    }
    struct sample *samples = calloc(list.n + 1, sizeof *samples);
    if (!samples) {
        return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
    }
    *ret_running = 0;
    for (size_t i = 0; i < list.n && r >= 0; i++) {
        bool wanted = false;
        r = is_wanted(s, &list.items[i], &wanted, reterr);
        if (r == 0 && wanted) {
            *ret_running += list.items[i].status == CONTAINER_RUNNING ? 1 : 0;
            r = add_container(s, &list.items[i], &samples[n++], rows, reterr);
        }
    }
    free(s->samples);
    s->samples = samples;
    s->n_samples = n;
    return r;
}

static void wait_ms(int ms)
{
    const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

    for (; ms > 0 && !app_interrupted(); ms -= STEP_MS) {
        (void)nanosleep(&step, NULL);
    }
}

static int print_rows(const struct stats *s, json_t *rows, struct imgc_err *reterr)
{
    const struct listing listing = {
        .columns = columns,
        .table = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t"
                 "{{.BlockIO}}\t{{.PIDs}}",
        .format = s->options->format,
    };

    return listing_print(s->app, &listing, rows, reterr);
}

/* The named ones must be there before anything is printed. */
static int check_names(const struct stats *s, struct imgc_err *reterr)
{
    for (size_t i = 0; i < s->args.n; i++) {
        container_auto struct container c = { .name = NULL };
        int r = container_find(s->app->store, imgc_str_of(s->args.v[i]), &c, reterr);
        if (r == CONTAINER_MISSING) {
            return imgc_fail(reterr, IMGC_E_NOTFOUND, "no such container: %s", s->args.v[i]);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int stream(struct stats *s, struct imgc_err *reterr)
{
    bool is_screen = s->app->out.out_is_tty && !s->options->no_stream;
    size_t running = 0;

    for (int round = 0; !app_interrupted(); round++) {
        json_auto_free json_t *rows = json_array();
        int r = rows ? collect(s, rows, &running, reterr)
                     : imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
        /* The first samples have nothing to be compared with; who only looks waits for others. */
        if (r == 0 && round > 0) {
            output_print(&s->app->out, "%s", is_screen ? CLEAR : "");
            r = print_rows(s, rows, reterr);
            r = r < 0 ? r : output_finish(&s->app->out, reterr);
        }
        if (r < 0 || (round > 0 && (s->options->no_stream || (s->args.n > 0 && running == 0)))) {
            return r;
        }
        wait_ms(round == 0 ? (running > 0 ? FIRST_WAIT_MS : 0) : WAIT_MS);
    }
    return 0;
}

static int stats_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    struct stats s = { .app = app, .options = options, .args = args };
    struct store *store;

    int r = app_store(app, &store, reterr);
    r = r < 0 ? r : check_names(&s, reterr);
    r = r < 0 ? r : stream(&s, reterr);
    free(s.samples);
    return r;
}

const struct command cmd_stats = {
    .name = "stats",
    .args = "[CONTAINER...]",
    .summary = "show what containers use",
    .help =
        "All that run, unless some are named. The table is drawn again each second until an\n"
        "interrupt, or until the named ones have ended. CPU % is of one processor: two that are\n"
        "busy are 200%. MEM USAGE is without files that the kernel could forget at once.\n"
        "\n"
        "  imgc stats\n"
        "  imgc stats --no-stream --format '{{.Name}}: {{.CPUPerc}} {{.MemUsage}}'\n",
    .options = stats_options,
    .options_size = sizeof(struct stats_options),
    .min_args = 0,
    .max_args = SIZE_MAX,
    .run = stats_run,
};
