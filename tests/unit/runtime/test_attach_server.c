/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that do not read, several at once. */
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/attach_server.h"
#include "schema/base/clock.h"
#include "schema/base/fd.h"
#include "tests/lib/temp_dir.h"

#define GUESTS 6
#define NS_PER_S 1000000000

struct fixture {
    struct temp_dir dir;
    struct attach_server server;
    int guests[GUESTS], owner;
};

static void serve(struct attach_server *s)
{
    struct pollfd polls[ATTACH_SERVER_POLLS];
    char buf[ATTACH_DATA_MAX];

    for (int i = 0; i < 2 * GUESTS + 2; i++) {
        struct attach_server_input in = { .buf = buf };
        attach_server_prepare(s, true, polls);
        if (poll(polls, ATTACH_SERVER_POLLS, 0) > 0) {
            attach_server_serve(s, polls, &in);
        }
    }
}

static void begin(struct fixture *f, bool has_owner)
{
    struct imgc_err err;
    int listen_fd = -1, pair[2];

    temp_dir_make(&f->dir);
    assert_int_equal(attach_listen(f->dir.fd, &listen_fd, &err), 0);
    attach_server_init(&f->server, listen_fd);
    f->server.state.terminal = 1;
    f->owner = -1;
    if (has_owner) {
        assert_int_equal(attach_pair(pair, &err), 0);
        attach_server_adopt(&f->server, pair[0]);
        f->owner = pair[1];
    }
    for (int i = 0; i < GUESTS; i++) {
        assert_int_equal(attach_connect(f->dir.fd, true, &f->guests[i], &err), 0);
    }
    serve(&f->server);
}

static void end(struct fixture *f)
{
    for (int i = 0; i < GUESTS; i++) {
        imgc_closep(&f->guests[i]);
    }
    imgc_closep(&f->owner);
    attach_server_done(&f->server);
    temp_dir_remove(&f->dir);
}

static int clients(const struct attach_server *s)
{
    int n = 0;

    for (int i = 0; i < ATTACH_SERVER_CLIENTS; i++) {
        n += s->clients[i].fd >= 0;
    }
    return n;
}

/* Until no socket takes any more. */
static void fill_sockets(struct attach_server *s)
{
    static const char chunk[ATTACH_DATA_MAX];

    for (int i = 0; i < 1000; i++) {
        attach_server_offer(s, 0);
        (void)attach_server_send(s, 0, chunk, sizeof chunk);
    }
}

/* One moment for all of them together. */
static void test_exit_has_one_deadline(void **state)
{
    const struct attach_exit exit = { .code = 3 };
    struct fixture f;
    (void)state;

    begin(&f, false);
    assert_int_equal(clients(&f.server), GUESTS);
    fill_sockets(&f.server);
    int64_t start = clock_monotonic_ns();
    attach_server_exit(&f.server, &exit);
    assert_true(clock_monotonic_ns() - start < (int64_t)(GUESTS - 1) * 2 * NS_PER_S);
    assert_int_equal(clients(&f.server), 0);
    end(&f);
}

static void test_slow_guests_go_and_the_owner_stays(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f, true);
    assert_int_equal(clients(&f.server), GUESTS + 1);
    assert_int_equal(attach_server_patience(&f.server), -1);
    fill_sockets(&f.server);
    int patience = attach_server_patience(&f.server);
    assert_true(patience >= 0 && patience <= ATTACH_PATIENCE_MS);
    attach_server_drop_slow(&f.server, false);
    assert_true(clients(&f.server) > 1 || patience == 0);
    (void)usleep((useconds_t)(ATTACH_PATIENCE_MS + 1) * 1000);
    attach_server_drop_slow(&f.server, false);
    assert_int_equal(clients(&f.server), 1);
    assert_int_equal(attach_server_patience(&f.server), -1);
    assert_false(attach_server_is_deserted(&f.server));
    end(&f);
}

static void test_an_owner_that_goes(void **state)
{
    struct imgc_err err;
    (void)state;

    for (int says_goodbye = 0; says_goodbye < 2; says_goodbye++) {
        struct fixture f;
        begin(&f, true);
        for (int i = 0; i < GUESTS; i++) {
            imgc_closep(&f.guests[i]);
        }
        if (says_goodbye) {
            assert_int_equal(attach_send(f.owner, ATTACH_INPUT, "x", 1, &err), 0);
            assert_int_equal(attach_send(f.owner, ATTACH_DETACH, NULL, 0, &err), 0);
        }
        assert_false(attach_server_is_deserted(&f.server));
        imgc_closep(&f.owner);
        serve(&f.server);
        assert_int_equal(clients(&f.server), 0);
        assert_int_equal(attach_server_is_deserted(&f.server), !says_goodbye);
        end(&f);
    }
}

/* It stands behind output that cannot be sent any more. */
static void test_last_word_of_an_owner_that_is_gone(void **state)
{
    struct fixture f;
    struct imgc_err err;
    (void)state;

    begin(&f, true);
    assert_int_equal(attach_send(f.owner, ATTACH_INPUT, "x", 1, &err), 0);
    assert_int_equal(attach_send(f.owner, ATTACH_DETACH, NULL, 0, &err), 0);
    imgc_closep(&f.owner);
    fill_sockets(&f.server);
    assert_false(f.server.owner_is_lost);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_has_one_deadline),
        cmocka_unit_test(test_slow_guests_go_and_the_owner_stays),
        cmocka_unit_test(test_an_owner_that_goes),
        cmocka_unit_test(test_last_word_of_an_owner_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
