/* SPDX-License-Identifier: Apache-2.0 */
/* imgc login: keep the credentials for a registry, once the registry has taken them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/program.h"
#include "cmd/registry_access.h"
#include "cmd/registry_conf.h"
#include "cmd/registry_name.h"
#include "fetch/credential_helper.h"
#include "fetch/registry.h"
#include "schema/base/fd.h"

#define SECRET_BYTES 65536

struct login_options {
    const char *user, *password;
    bool password_stdin, get_login;
    struct registry_options registry; /* without creds */
};

static const struct option login_options[] = {
    { 'u', "username", OPT_STRING, offsetof(struct login_options, user), "NAME",
      "user name; asked for where it is not given" },
    { 'p', "password", OPT_STRING, offsetof(struct login_options, password), "PASSWORD",
      "password; others can see it in the list of processes" },
    { 0, "password-stdin", OPT_FLAG, offsetof(struct login_options, password_stdin), NULL,
      "read the password from standard input" },
    { 0, "get-login", OPT_FLAG, offsetof(struct login_options, get_login), NULL,
      "print the user name that is kept for the registry" },
    { 0, "authfile", OPT_STRING, offsetof(struct login_options, registry.authfile), "FILE",
      "file to keep the credentials in" },
    REGISTRY_ACCESS_TLS_ROWS(offsetof(struct login_options, registry)),
    { .name = NULL },
};

/* One line, without its end. */
static int read_line(FILE *f, char **ret, struct imgc_err *reterr)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, f);

    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) {
        line[--n] = '\0';
    }
    if (n <= 0 || n > SECRET_BYTES) {
        free(line);
        return imgc_fail(reterr, IMGC_E_USAGE, "nothing was entered");
    }
    *ret = line;
    return 0;
}

/* Without echo; a signal in between ends imgc, and the shell puts the terminal right as it does for
 * every program. */
static int ask_password(struct app *app, char **ret, struct imgc_err *reterr)
{
    struct termios before, silent;

    if (tcgetattr(STDIN_FILENO, &before) < 0) {
        return imgc_fail_sys(reterr, errno, "turn off the terminal's echo");
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    /* Before the prompt: what is typed when it shows counts. */
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    (void)fprintf(app->out.err, "Password: ");
    (void)fflush(app->out.err);
    int r = read_line(stdin, ret, reterr);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fputc('\n', app->out.err);
    return r;
}

static int need_terminal(struct imgc_err *reterr)
{
    return isatty(STDIN_FILENO)
               ? 0
               : imgc_fail(reterr, IMGC_E_USAGE,
                           "standard input is no terminal: give -u NAME and --password-stdin");
}

static int ask_user(struct app *app, char **ret, struct imgc_err *reterr)
{
    int r = need_terminal(reterr);
    if (r < 0) {
        return r;
    }
    (void)fprintf(app->out.err, "Username: ");
    (void)fflush(app->out.err);
    return read_line(stdin, ret, reterr);
}

static int get_credential(struct app *app, const struct login_options *o, struct credential *ret,
                          struct imgc_err *reterr)
{
    if (o->password && o->password_stdin) {
        return imgc_fail(reterr, IMGC_E_USAGE,
                         "--password and --password-stdin exclude each other");
    }
    if (o->password_stdin && !o->user) {
        return imgc_fail(reterr, IMGC_E_USAGE, "--password-stdin needs --username");
    }
    int r = o->user ? imgc_str_dup(imgc_str_of(o->user), &ret->user, reterr)
                    : ask_user(app, &ret->user, reterr);
    if (r < 0) {
        return r;
    }
    if (strchr(ret->user, ':')) {
        return imgc_fail(reterr, IMGC_E_USAGE, "a user name has no colon");
    }
    if (o->password) {
        return imgc_str_dup(imgc_str_of(o->password), &ret->password, reterr);
    }
    if (o->password_stdin) {
        return read_line(stdin, &ret->password, reterr);
    }
    r = need_terminal(reterr);
    return r < 0 ? r : ask_password(app, &ret->password, reterr);
}

static bool on_interrupted(void *arg)
{
    (void)arg;
    return app_interrupted();
}

static int check_with(const struct ref *ref, const struct credentials_source *source,
                      const struct registry_options *o, struct imgc_err *reterr)
{
    registry_access_auto struct registry_access access = { .ca_file = NULL };
    http_auto struct http *http = NULL;
    registry_auto struct registry *registry = NULL;
    char user_agent[64];
    registry_conf_auto struct registry_conf c = { .files = NULL };
    /* The file is one to be written: it may be missing. */
    const struct registry_options rest = { .cert_dir = o->cert_dir };

    int r = registry_access_init(&rest, &access, reterr);
    r = r < 0 ? r : registry_conf_load(&c, reterr);
    if (r < 0) {
        return r;
    }
    const struct registries_conf_registry *found =
        registries_conf_find(&c.conf, imgc_str_of(ref->domain));
    if (found && found->blocked) {
        return imgc_fail(reterr, IMGC_E_HOST, "registry '%s' is blocked in %s", found->prefix,
                         found->file);
    }
    (void)snprintf(user_agent, sizeof user_agent, "imgc/%s", program_version());
    const struct http_args http_args = { .user_agent = user_agent,
                                         .proxies = &access.proxies,
                                         .ca_file = access.ca_file,
                                         .ca_dir = access.ca_dir,
                                         .interrupted = on_interrupted };
    const struct registry_args args = {
        .ref = ref, .tls_verify = !o->skip_tls_verify, .credentials = source, .trust = &access.trust
    };
    r = http_new(&http_args, &http, reterr);
    r = r < 0 ? r : registry_new(http, &args, &registry, reterr);
    return r < 0 ? r : registry_check(registry, reterr);
}

/* Ask the registry whether it lets this user in. */
static int check(const struct login_options *o, const struct ref *ref, const struct credential *c,
                 struct imgc_err *reterr)
{
    imgc_autobuf struct imgc_buf pair = IMGC_BUF_INIT((size_t)2 * SECRET_BYTES);
    struct imgc_str text;

    imgc_buf_printf(&pair, "%s:%s", c->user, c->password);
    int r = imgc_buf_finish(&pair, &text, reterr);
    if (r < 0) {
        return r;
    }
    const struct credentials_source source = { .given = text.ptr };
    r = check_with(ref, &source, &o->registry, reterr);
    explicit_bzero(pair.ptr, pair.len);
    return r;
}

/* Into the file, or to the program that the file names for this registry. */
static int keep(const struct login_options *o, const struct ref *ref, const struct credential *c,
                struct imgc_err *reterr)
{
    imgc_autofree char *path = NULL;
    auth_file_auto struct auth_file file = { .doc = NULL };

    int r = auth_paths_to_write(o->registry.authfile, &path, reterr);
    r = r < 0 ? r : credentials_read_file(path, &file, reterr);
    if (r < 0) {
        return r;
    }
    const char *helper = auth_file_helper(&file, imgc_str_of(ref->domain));
    if (helper) {
        return credential_helper_store(helper, auth_file_docker_key(ref->domain), c, reterr);
    }
    r = auth_file_set(&file, ref->domain, c, reterr);
    return r < 0 ? r : credentials_write_file(path, &file, reterr);
}

static int print_login(struct app *app, const struct login_options *o, const struct ref *ref,
                       struct imgc_err *reterr)
{
    auth_paths_auto struct auth_paths paths = { .items = { NULL } };
    credential_auto struct credential c = CREDENTIAL_INIT;

    int r = auth_paths_to_read(o->registry.authfile, &paths, reterr);
    if (r < 0) {
        return r;
    }
    const struct credentials_source source = { .files = (const char *const *)paths.items };
    r = credentials_find(&source, ref, &c, reterr);
    if (r < 0) {
        return r;
    }
    if (r == CREDENTIALS_NONE || !c.user) {
        return imgc_fail(reterr, IMGC_E_AUTH, "not logged into %s", ref->domain);
    }
    output_print(&app->out, "%s\n", c.user);
    return 0;
}

static int login_run(struct app *app, const void *options, struct args args,
                     struct imgc_err *reterr)
{
    const struct login_options *o = options;
    ref_auto struct ref ref = REF_INIT;
    credential_auto struct credential c = CREDENTIAL_INIT;

    int r = registry_name_parse(args.v ? args.v[0] : NULL, &ref, reterr);
    if (r == 0 && o->get_login) {
        return print_login(app, o, &ref, reterr);
    }
    r = r < 0 ? r : get_credential(app, o, &c, reterr);
    r = r < 0 ? r : check(o, &ref, &c, reterr);
    if (r < 0) {
        return r == -(int)IMGC_E_USAGE ? r : imgc_context(reterr, "log in to %s", ref.domain);
    }
    r = keep(o, &ref, &c, reterr);
    if (r == 0) {
        output_print(&app->out, "Login Succeeded!\n");
    }
    return r;
}

const struct command cmd_login = {
    .name = "login",
    .args = "[REGISTRY]",
    .summary = "keep the credentials for a registry",
    .help = "The registry is asked first whether it takes them. Without REGISTRY it is docker.io. "
            "They\n"
            "are kept where podman keeps its own ($XDG_RUNTIME_DIR/containers/auth.json), in "
            "--authfile\n"
            "or $REGISTRY_AUTH_FILE, or given to the credential helper that the file names. Other\n"
            "commands also find what podman and docker have kept.\n"
            "\n"
            "  imgc login -u me registry.example.com\n"
            "  pass show registry | imgc login -u me --password-stdin registry.example.com:5000\n",
    .options = login_options,
    .options_size = sizeof(struct login_options),
    .min_args = 0,
    .max_args = 1,
    .run = login_run,
};
