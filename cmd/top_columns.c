/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/top_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/caps.h"

#define PTS_MAJOR \
    136 /* to 143, 256 terminals each (Linux, Documentation/admin-guide/devices.txt) */
#define DAY UINT64_C(86400)
#define YEAR (365 * DAY)
#define DATE_BYTES 64 /* of "2026-11-22 13:38:30 +0000 UTC" */
#define CELL_BYTES (TABLE_CELL_MAX / 2)

typedef const struct top_host host_t;
typedef const struct top_process process_t;

/* ---- numbers ---- */

#define NUMBER(name, field)                                                  \
    static void write_##name(host_t *host, process_t *p, struct imgc_buf *b) \
    {                                                                        \
        (void)host;                                                          \
        imgc_buf_printf(b, "%lld", (long long)p->field);                     \
    }
NUMBER(pid, pid)
NUMBER(ppid, ppid)
NUMBER(pgid, pgid)
NUMBER(sid, sid)
NUMBER(hpid, host_pid)
NUMBER(nice, nice)
NUMBER(vsz, vsz_kib)
NUMBER(rss, rss_kib)
NUMBER(threads, threads)

/* ---- users and groups ---- */

#define USER(name, how, kind, field)                                         \
    static void write_##name(host_t *host, process_t *p, struct imgc_buf *b) \
    {                                                                        \
        how(&host->users, kind, p->field, b);                                \
    }
USER(user, top_users_write, TOP_USERS_USER, uid)
USER(ruser, top_users_write, TOP_USERS_USER, real_uid)
USER(group, top_users_write, TOP_USERS_GROUP, gid)
USER(rgroup, top_users_write, TOP_USERS_GROUP, real_gid)
USER(uid, top_users_write_number, TOP_USERS_USER, uid)
USER(ruid, top_users_write_number, TOP_USERS_USER, real_uid)
USER(gid, top_users_write_number, TOP_USERS_GROUP, gid)
USER(rgid, top_users_write_number, TOP_USERS_GROUP, real_gid)

static void write_huser(host_t *host, process_t *p, struct imgc_buf *b)
{
    (void)host;
    top_users_write_host(TOP_USERS_USER, p->uid, b);
}

static void write_hgroup(host_t *host, process_t *p, struct imgc_buf *b)
{
    (void)host;
    top_users_write_host(TOP_USERS_GROUP, p->gid, b);
}

static void write_group_list(host_t *host, process_t *p, bool of_host, struct imgc_buf *b)
{
    struct imgc_str rest = imgc_str_of(p->groups), word;
    uint64_t id;
    const char *sep = "";

    while (imgc_str_token(&rest, ' ', &word)) {
        if (!imgc_str_u64(word, &id)) {
            continue;
        }
        imgc_buf_puts(b, sep);
        if (of_host) {
            top_users_write_host(TOP_USERS_GROUP, (uint32_t)id, b);
        } else {
            top_users_write(&host->users, TOP_USERS_GROUP, (uint32_t)id, b);
        }
        sep = ",";
    }
}

static void write_groups(host_t *host, process_t *p, struct imgc_buf *b)
{
    write_group_list(host, p, false, b);
}

static void write_hgroups(host_t *host, process_t *p, struct imgc_buf *b)
{
    write_group_list(host, p, true, b);
}

/* ---- what it is ---- */

static void write_comm(host_t *host, process_t *p, struct imgc_buf *b)
{
    (void)host;
    imgc_buf_puts(b, p->comm);
}

static void write_args(host_t *host, process_t *p, struct imgc_buf *b)
{
    (void)host;
    imgc_buf_puts(b, p->args ? p->args : "");
}

static void write_state(host_t *host, process_t *p, struct imgc_buf *b)
{
    (void)host;
    imgc_buf_printf(b, "%c", p->state ? p->state : '?');
}

/* procps: what is added to the state in BSD's column STAT */
static void write_stat(host_t *host, process_t *p, struct imgc_buf *b)
{
    write_state(host, p, b);
    imgc_buf_puts(b, p->nice < 0 ? "<" : p->nice > 0 ? "N" : "");
    imgc_buf_puts(b, p->pid != 0 && p->pid == p->sid ? "s" : "");
    imgc_buf_puts(b, p->threads > 1 ? "l" : "");
    imgc_buf_puts(b, p->has_terminal_focus ? "+" : "");
}

/* The kernel's encoding of a device's number in stat: minor in bits 31 to 20 and 7 to 0. */
static void write_tty(host_t *host, process_t *p, struct imgc_buf *b)
{
    unsigned major = p->terminal >> 8 & 0xfff;
    unsigned minor = (p->terminal & 0xff) | (p->terminal >> 12 & 0xfff00);
    (void)host;

    if (major >= PTS_MAJOR && major < PTS_MAJOR + 8) {
        imgc_buf_printf(b, "pts/%u", minor + (major - PTS_MAJOR) * 256);
    } else if (major == 4) {
        imgc_buf_printf(b, minor < 64 ? "tty%u" : "ttyS%u", minor < 64 ? minor : minor - 64);
    } else if (major == 5 && minor == 1) {
        imgc_buf_puts(b, "console");
    } else {
        imgc_buf_puts(b, "?");
    }
}

static void write_seccomp(host_t *host, process_t *p, struct imgc_buf *b)
{
    static const char *const modes[] = { "disabled", "strict", "filter" };
    (void)host;

    imgc_buf_puts(b, p->seccomp < sizeof modes / sizeof *modes ? modes[p->seccomp] : "?");
}

/* Security labels are none of imgc's: podman shows this, too, where there is no SELinux. */
static void write_label(host_t *host, process_t *p, struct imgc_buf *b)
{
    (void)host;
    (void)p;
    imgc_buf_puts(b, "?");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_caps(process_t *p, enum top_process_caps which, struct imgc_buf *b)
{
    const char *names[64];
    size_t n = 0;

    if ((p->caps[which] & caps_all()) == caps_all()) {
        imgc_buf_puts(b, "full");
        return;
    }
    for (int cap = 0; cap < 64; cap++) {
        if (p->caps[which] >> cap & 1 && caps_name(cap)) {
            names[n++] = caps_name(cap) + strlen("CAP_");
        }
    }
    qsort(names, n, sizeof *names, compare_names);
    imgc_buf_puts(b, n == 0 ? "none" : "");
    for (size_t i = 0; i < n; i++) {
        imgc_buf_printf(b, "%s%s", i > 0 ? "," : "", names[i]);
    }
}

#define CAPS(name, which)                                                    \
    static void write_##name(host_t *host, process_t *p, struct imgc_buf *b) \
    {                                                                        \
        (void)host;                                                          \
        write_caps(p, which, b);                                             \
    }
CAPS(capamb, TOP_PROCESS_AMBIENT)
CAPS(capbnd, TOP_PROCESS_BOUNDING)
CAPS(capeff, TOP_PROCESS_EFFECTIVE)
CAPS(capinh, TOP_PROCESS_INHERITABLE)
CAPS(capprm, TOP_PROCESS_PERMITTED)

/* ---- times and shares ---- */

void top_columns_duration(uint64_t hundredths, struct imgc_buf *b)
{
    uint64_t seconds = hundredths / 100, rest = hundredths % 100;

    if (seconds == 0) {
        imgc_buf_printf(b, rest > 0 ? "%ums" : "%us", (unsigned)rest * 10);
        return;
    }
    if (seconds >= 3600) {
        imgc_buf_printf(b, "%lluh", (unsigned long long)(seconds / 3600));
    }
    if (seconds >= 60) {
        imgc_buf_printf(b, "%um", (unsigned)(seconds / 60 % 60));
    }
    imgc_buf_printf(b, "%u", (unsigned)(seconds % 60));
    if (rest > 0) {
        imgc_buf_printf(b, rest % 10 > 0 ? ".%02u" : ".%u",
                        (unsigned)(rest % 10 > 0 ? rest : rest / 10));
    }
    imgc_buf_putc(b, 's');
}

static uint64_t elapsed_ticks(host_t *host, process_t *p)
{
    return host->ticks_now > p->start_ticks ? host->ticks_now - p->start_ticks : 0;
}

static void write_etime(host_t *host, process_t *p, struct imgc_buf *b)
{
    top_columns_duration(elapsed_ticks(host, p) * 100 / host->ticks_per_second, b);
}

static void write_time(host_t *host, process_t *p, struct imgc_buf *b)
{
    top_columns_duration(p->cpu_ticks * 100 / host->ticks_per_second, b);
}

/* ps: [[DD-]HH:]MM:SS, of a time always with the hours */
static void write_clock(uint64_t seconds, bool with_hours, struct imgc_buf *b)
{
    if (seconds >= DAY) {
        imgc_buf_printf(b, "%llu-", (unsigned long long)(seconds / DAY));
    }
    if (with_hours || seconds >= 3600) {
        imgc_buf_printf(b, "%02u:", (unsigned)(seconds / 3600 % 24));
    }
    imgc_buf_printf(b, "%02u:%02u", (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

static void write_ps_etime(host_t *host, process_t *p, struct imgc_buf *b)
{
    write_clock(elapsed_ticks(host, p) / host->ticks_per_second, false, b);
}

static void write_ps_etimes(host_t *host, process_t *p, struct imgc_buf *b)
{
    imgc_buf_printf(b, "%llu",
                    (unsigned long long)(elapsed_ticks(host, p) / host->ticks_per_second));
}

static void write_ps_time(host_t *host, process_t *p, struct imgc_buf *b)
{
    write_clock(p->cpu_ticks / host->ticks_per_second, true, b);
}

/* In thousandths of a percent, without a floating point number on the way. */
static uint64_t share(host_t *host, process_t *p)
{
    uint64_t elapsed = elapsed_ticks(host, p);
    return elapsed > 0 ? p->cpu_ticks * 100000 / elapsed : 0;
}

static void write_pcpu(host_t *host, process_t *p, struct imgc_buf *b)
{
    uint64_t n = share(host, p);
    imgc_buf_printf(b, "%llu.%03llu", (unsigned long long)(n / 1000),
                    (unsigned long long)(n % 1000));
}

static void write_ps_pcpu(host_t *host, process_t *p, struct imgc_buf *b)
{
    uint64_t n = share(host, p) / 100;
    imgc_buf_printf(b, "%llu.%llu", (unsigned long long)(n / 10), (unsigned long long)(n % 10));
}

static void write_ps_c(host_t *host, process_t *p, struct imgc_buf *b)
{
    imgc_buf_printf(b, "%llu", (unsigned long long)(share(host, p) / 1000));
}

static void write_pmem(host_t *host, process_t *p, struct imgc_buf *b)
{
    uint64_t n = host->memory_kib > 0 ? p->rss_kib * 1000 / host->memory_kib : 0;
    imgc_buf_printf(b, "%llu.%llu", (unsigned long long)(n / 10), (unsigned long long)(n % 10));
}

static time_t start_time(host_t *host, process_t *p)
{
    return (time_t)(host->seconds_now - elapsed_ticks(host, p) / host->ticks_per_second);
}

static void write_stime(host_t *host, process_t *p, struct imgc_buf *b)
{
    time_t t = start_time(host, p);
    char text[DATE_BYTES] = "?";
    struct tm tm;

    if (localtime_r(&t, &tm)) {
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &tm);
    }
    imgc_buf_puts(b, text);
}

static void write_ps_stime(host_t *host, process_t *p, struct imgc_buf *b)
{
    uint64_t age = elapsed_ticks(host, p) / host->ticks_per_second;
    time_t t = start_time(host, p);
    char text[DATE_BYTES] = "?";
    struct tm tm;

    if (!localtime_r(&t, &tm)) {
        imgc_buf_puts(b, text);
        return;
    }
    if (age < DAY) {
        (void)strftime(text, sizeof text, "%H:%M", &tm);
    } else if (age < YEAR) {
        (void)strftime(text, sizeof text, "%b%d", &tm);
    } else {
        (void)strftime(text, sizeof text, "%Y", &tm);
    }
    imgc_buf_puts(b, text);
}

/* ---- which there are ---- */

struct descriptor {
    const char *name, *title;
    char code; /* AIX's "%C", or 0 */
    top_columns_write *write;
};

static const struct descriptor podmans[] = {
    { "args", "COMMAND", 'a', write_args },
    { "capamb", "AMBIENT CAPS", 0, write_capamb },
    { "capbnd", "BOUNDING CAPS", 0, write_capbnd },
    { "capeff", "EFFECTIVE CAPS", 0, write_capeff },
    { "capinh", "INHERITED CAPS", 0, write_capinh },
    { "capprm", "PERMITTED CAPS", 0, write_capprm },
    { "comm", "COMMAND", 'c', write_comm },
    { "etime", "ELAPSED", 't', write_etime },
    { "gid", "GID", 0, write_gid },
    { "group", "GROUP", 'G', write_group },
    { "groups", "GROUPS", 0, write_groups },
    { "hgroup", "HGROUP", 0, write_hgroup },
    { "hgroups", "HGROUPS", 0, write_hgroups },
    { "hpid", "HPID", 0, write_hpid },
    { "huser", "HUSER", 0, write_huser },
    { "label", "LABEL", 0, write_label },
    { "nice", "NI", 'n', write_nice },
    { "pcpu", "%CPU", 'C', write_pcpu },
    { "pgid", "PGID", 'r', write_pgid },
    { "pid", "PID", 'p', write_pid },
    { "ppid", "PPID", 'P', write_ppid },
    { "rgroup", "RGROUP", 'g', write_rgroup },
    { "rss", "RSS", 0, write_rss },
    { "ruser", "RUSER", 'u', write_ruser },
    { "seccomp", "SECCOMP", 0, write_seccomp },
    { "state", "STATE", 0, write_state },
    { "stime", "STIME", 0, write_stime },
    { "time", "TIME", 'x', write_time },
    { "tty", "TTY", 'y', write_tty },
    { "uid", "UID", 0, write_uid },
    { "user", "USER", 'U', write_user },
    { "vsz", "VSZ", 'z', write_vsz },
    { .name = NULL },
};

static const struct descriptor pss[] = {
    { "%cpu", "%CPU", 0, write_ps_pcpu },
    { "%mem", "%MEM", 0, write_pmem },
    { "args", "COMMAND", 0, write_args },
    { "c", "C", 0, write_ps_c },
    { "cmd", "CMD", 0, write_args },
    { "comm", "COMMAND", 0, write_comm },
    { "command", "COMMAND", 0, write_args },
    { "cputime", "TIME", 0, write_ps_time },
    { "egid", "EGID", 0, write_gid },
    { "egroup", "EGROUP", 0, write_group },
    { "etime", "ELAPSED", 0, write_ps_etime },
    { "etimes", "ELAPSED", 0, write_ps_etimes },
    { "euid", "EUID", 0, write_uid },
    { "euser", "EUSER", 0, write_user },
    { "gid", "GID", 0, write_gid },
    { "group", "GROUP", 0, write_group },
    { "hpid", "HPID", 0, write_hpid },
    { "ni", "NI", 0, write_nice },
    { "nice", "NI", 0, write_nice },
    { "nlwp", "NLWP", 0, write_threads },
    { "pcpu", "%CPU", 0, write_ps_pcpu },
    { "pgid", "PGID", 0, write_pgid },
    { "pgrp", "PGRP", 0, write_pgid },
    { "pid", "PID", 0, write_pid },
    { "pmem", "%MEM", 0, write_pmem },
    { "ppid", "PPID", 0, write_ppid },
    { "rgid", "RGID", 0, write_rgid },
    { "rgroup", "RGROUP", 0, write_rgroup },
    { "rss", "RSS", 0, write_rss },
    { "ruid", "RUID", 0, write_ruid },
    { "ruser", "RUSER", 0, write_ruser },
    { "s", "S", 0, write_state },
    { "sess", "SESS", 0, write_sid },
    { "sid", "SID", 0, write_sid },
    { "start", "STARTED", 0, write_ps_stime },
    { "stat", "STAT", 0, write_stat },
    { "state", "S", 0, write_state },
    { "stime", "STIME", 0, write_ps_stime },
    { "time", "TIME", 0, write_ps_time },
    { "tname", "TTY", 0, write_tty },
    { "tt", "TT", 0, write_tty },
    { "tty", "TT", 0, write_tty },
    { "ucmd", "CMD", 0, write_comm },
    { "uid", "UID", 0, write_uid },
    { "user", "USER", 0, write_user },
    { "vsz", "VSZ", 0, write_vsz },
    { .name = NULL },
};

static const struct descriptor *find(const struct descriptor *d, struct imgc_str word)
{
    for (; d->name; d++) {
        if (imgc_str_eq(word, imgc_str_of(d->name)) ||
            (d->code && word.len == 2 && word.ptr[0] == '%' && word.ptr[1] == d->code)) {
            return d;
        }
    }
    return NULL;
}

static int unknown(const struct descriptor *d, struct imgc_str word, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf names = IMGC_BUF_INIT(IMGC_ERR_MSG_MAX);

    for (; d->name; d++) {
        imgc_buf_printf(&names, "%s%s", names.len > 0 ? " " : "", d->name);
    }
    return imgc_fail(reterr, IMGC_E_USAGE, "no column '" IMGC_STR_FMT "': %s",
                     (int)(word.len < 40 ? word.len : 40), word.ptr ? word.ptr : "",
                     names.ptr ? names.ptr : "");
}

/* @title  NULL: the descriptor's. */
static int add(struct top_columns *c, const struct descriptor *d, const struct imgc_str *title,
               struct imgc_err *reterr)
{
    struct imgc_str text = title ? *title : imgc_str_of(d->title);

    if (c->n == TABLE_COLUMNS_MAX) {
        return imgc_fail(reterr, IMGC_E_USAGE, "more than %d columns", TABLE_COLUMNS_MAX);
    }
    c->items[c->n].write = d->write;
    (void)snprintf(c->items[c->n++].title, TOP_COLUMNS_TITLE_MAX, "%.*s",
                   (int)(text.len < TOP_COLUMNS_TITLE_MAX ? text.len : TOP_COLUMNS_TITLE_MAX - 1),
                   text.len > 0 ? text.ptr : "");
    return 0;
}

static int add_podmans(struct top_columns *c, struct imgc_str list, struct imgc_err *reterr)
{
    struct imgc_str word;
    int r = 0;

    while (r == 0 && imgc_str_token(&list, ',', &word)) {
        const struct descriptor *d = find(podmans, word);
        r = d ? add(c, d, NULL, reterr) : unknown(podmans, word, reterr);
    }
    return r;
}

/* "pid,comm" or "pid comm"; POSIX: what follows a '=' is the title, to the end. */
static int add_pss(struct top_columns *c, struct imgc_str list, struct imgc_err *reterr)
{
    struct imgc_str names, title, word, part;
    bool has_title = imgc_str_split(list, '=', &names, &title);
    int r = 0;

    if (names.len == 0) {
        return imgc_fail(reterr, IMGC_E_USAGE, "-o needs names of columns");
    }
    while (r == 0 && imgc_str_token(&names, ',', &word)) {
        while (r == 0 && imgc_str_token(&word, ' ', &part)) {
            const struct descriptor *d = find(pss, part);
            bool is_last = !names.ptr || names.len == 0;
            r = part.len == 0 ? 0
                : d           ? add(c, d, has_title && is_last ? &title : NULL, reterr)
                              : unknown(pss, part, reterr);
        }
    }
    return r;
}

/* ---- ps's options ---- */

enum layout { LAYOUT_SHORT, LAYOUT_BSD, LAYOUT_FULL, LAYOUT_USER, LAYOUT_JOBS, LAYOUT_OWN };

struct options {
    enum layout layout;
    bool is_own;              /* columns were named */
    const char *const *words; /* what is left */
};

static int add_layout(struct top_columns *c, enum layout layout, struct imgc_err *reterr)
{
    static const char *const layouts[][12] = {
        [LAYOUT_SHORT] = { "pid", "tname", "time", "ucmd" },
        [LAYOUT_BSD] = { "pid", "tname", "stat", "time", "command" },
        [LAYOUT_FULL] = { "user=UID", "pid", "ppid", "c", "stime", "tname", "time", "cmd" },
        [LAYOUT_USER] = { "user", "pid", "%cpu", "%mem", "vsz", "rss", "tname", "stat",
                          "start=START", "time", "command" },
        [LAYOUT_JOBS] = { "pid", "pgid", "sid", "tname", "time", "ucmd" },
    };
    int r = 0;

    for (const char *const *name = layouts[layout]; *name && r == 0; name++) {
        r = add_pss(c, imgc_str_of(*name), reterr);
    }
    return r;
}

/* What a letter makes of the columns; LAYOUT_OWN for one that is not known. */
static enum layout layout_of(char letter, bool has_dash, enum layout now)
{
    static const struct {
        char letter;
        bool has_dash;
        enum layout layout;
    } known[] = {
        { 'f', true, LAYOUT_FULL },
        { 'j', true, LAYOUT_JOBS },
        { 'u', false, LAYOUT_USER },
        { 'x', false, LAYOUT_BSD },
    };

    /* All processes of the container are shown anyway, as wide as they are. */
    if (strchr(has_dash ? "eAaxdw" : "aw", letter)) {
        return now;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].letter == letter && known[i].has_dash == has_dash) {
            return now == LAYOUT_USER ? now : known[i].layout;
        }
    }
    return LAYOUT_OWN;
}

/* One word, and for the letter o the list behind it. */
static int take_letters(struct top_columns *c, struct options *o, struct imgc_err *reterr)
{
    const char *word = *o->words++;
    bool has_dash = *word == '-';

    for (const char *letter = word + has_dash; *letter; letter++) {
        if (*letter == 'o') {
            struct imgc_str list = imgc_str_of(letter[1] ? letter + 1 : *o->words);
            o->words += !letter[1] && *o->words;
            o->is_own = true;
            return add_pss(c, list, reterr);
        }
        enum layout layout = layout_of(*letter, has_dash, o->layout);
        if (layout == LAYOUT_OWN) {
            return imgc_fail(reterr, IMGC_E_USAGE,
                             "'%.40s' is no option of ps that is known here: -e -f -j -o LIST, "
                             "aux, or columns such as user pid args",
                             word);
        }
        o->layout = layout;
    }
    return 0;
}

static int parse_options(const char *const *words, struct top_columns *c, struct imgc_err *reterr)
{
    struct options o = { .layout = LAYOUT_SHORT, .words = words };
    int r = 0;

    while (r == 0 && *o.words) {
        r = take_letters(c, &o, reterr);
    }
    return r < 0 || o.is_own ? r : add_layout(c, o.layout, reterr);
}

/* Of BSD: without a dash, and no column's name. */
static bool are_letters(const char *word)
{
    return strspn(word, "axuwo") == strlen(word) && !find(podmans, imgc_str_of(word));
}

int top_columns_parse(const char *const *words, struct top_columns *ret, struct imgc_err *reterr)
{
    static const char *const usual[] = { "user,pid,ppid,pcpu,etime,tty,time,args", NULL };
    int r = 0;

    ret->n = 0;
    for (const char *const *w = words; *w; w++) {
        if (**w == '-') {
            return parse_options(words, ret, reterr);
        }
    }
    if (*words && **words && are_letters(*words)) {
        return parse_options(words, ret, reterr);
    }
    for (words = *words ? words : usual; *words && r == 0; words++) {
        r = add_podmans(ret, imgc_str_of(*words), reterr);
    }
    return r == 0 && ret->n == 0 ? unknown(podmans, IMGC_STR(""), reterr) : r;
}

static bool has_titles(const struct top_columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].title[0]) {
            return true;
        }
    }
    return false;
}

int top_columns_fill(const struct top_columns *columns, const struct top_host *host,
                     const struct top_processes *all, struct table *table, struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf b = IMGC_BUF_INIT(CELL_BYTES);

    if (has_titles(columns)) {
        table_row(table);
    }
    for (size_t i = 0; i < columns->n && has_titles(columns); i++) {
        table_cell(table, columns->items[i].title);
    }
    for (size_t p = 0; p < all->n; p++) {
        table_row(table);
        for (size_t i = 0; i < columns->n; i++) {
            imgc_buf_clear(&b);
            columns->items[i].write(host, &all->items[p], &b);
            if (b.state == IMGC_BUF_NOMEM) {
                return imgc_fail(reterr, IMGC_E_NOMEM, "out of memory");
            }
            table_cell(table, b.ptr ? b.ptr : ""); /* a longer one is cut */
        }
    }
    return 0;
}
