/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"

#include "schema/base/fd.h"
#include "schema/json.h"
#include "store/container.h"
#include "store/gc.h"
#include "store/trash.h"
#include "store/volume.h"
#include "tests/lib/store.h"

static int create(struct test_store *t, const char *name, const char *container_id, bool anonymous)
{
    return volume_create(t->s, t->lease,
                         &(struct volume_args){ .name = name,
                                                .container_id = container_id,
                                                .is_anonymous = anonymous },
                         &t->err);
}

static struct volume find(struct test_store *t, const char *name)
{
    struct volume v = { .name = NULL };

    assert_ok(volume_find(t->s, name, &v, &t->err), t->err);
    return v;
}

static bool is_there(struct test_store *t, const char *name, const char *file)
{
    char path[2 * PATHS_MAX], dir[PATHS_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", volume_path(name, dir), file);
    return faccessat(store_root_fd(t->s), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put_file(struct test_store *t, const char *name, const char *file)
{
    char path[2 * PATHS_MAX], dir[PATHS_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", volume_path(name, dir), file);
    int fd = openat(store_root_fd(t->s), path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void test_create_find_list(void **state)
{
    struct test_store *t = *state;
    volume_list_auto struct volume_list list = { .n = 0 };
    struct volume none;

    assert_int_equal(volume_find(t->s, "a", &none, &t->err), VOLUME_MISSING);
    mode_t old = umask(077);
    assert_ok(create(t, "b", NULL, false), t->err);
    (void)umask(old);
    assert_int_equal(create(t, "b", NULL, true), VOLUME_EXISTS);
    struct volume_args labelled = { .name = "a", .labels_json = "{\"k\":\"v\"}" };
    assert_ok(volume_create(t->s, t->lease, &labelled, &t->err), t->err);
    volume_auto struct volume b = find(t, "b"), a = find(t, "a");
    assert_false(b.is_anonymous || b.is_filled);
    assert_true(b.created_ns > 0);
    assert_string_equal(b.labels_json, "{}");
    assert_string_equal(a.labels_json, "{\"k\":\"v\"}");
    assert_int_equal(a.uses, 0);
    assert_ok(volume_list(t->s, &list, &t->err), t->err);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0].name, "a");

    struct stat st;
    char path[PATHS_MAX];
    assert_int_equal(fstatat(store_root_fd(t->s), volume_path("b", path), &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

/* A row whose directory a power loss took is mended when the volume is used again. */
static void test_mend(void **state)
{
    struct test_store *t = *state;

    assert_ok(create(t, "v", NULL, false), t->err);
    assert_ok(fd_remove_tree(store_root_fd(t->s), "volumes/v", NULL, &t->err), t->err);
    assert_int_equal(create(t, "v", NULL, false), VOLUME_EXISTS);
    assert_true(is_there(t, "v", "."));
}

static void test_remove(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .auto_remove = false };
    char **users = NULL;

    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_int_equal(volume_remove(t->s, "v", &t->err), VOLUME_MISSING);
    assert_ok(create(t, "v", c.id, false), t->err);
    put_file(t, "v", "f");
    assert_int_equal(volume_remove(t->s, "v", &t->err), VOLUME_USED);
    assert_ok(volume_users(t->s, "v", &users, &t->err), t->err);
    assert_string_equal(users[0], c.name);
    assert_null(users[1]);
    (void)json_strings_free(users);

    assert_ok(container_remove(t->s, c.id, &t->err), t->err);
    assert_true(is_there(t, "v", "f"));
    assert_ok(volume_remove(t->s, "v", &t->err), t->err);
    /* A new one of the same name is a new one, before and after the trash is empty. */
    assert_ok(create(t, "v", NULL, false), t->err);
    assert_false(is_there(t, "v", "f"));
    put_file(t, "v", "new");
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_true(is_there(t, "v", "new"));
    assert_err(create(t, "w", "0123", false), IMGC_E_NOTFOUND);
    assert_int_equal(volume_remove(t->s, "w", &t->err), VOLUME_MISSING);
}

static void test_anonymous(void **state)
{
    struct test_store *t = *state;
    container_auto struct container gone = { .auto_remove = true }, kept = { .auto_remove = false };
    struct volume none;

    assert_ok(container_create(t->s, &gone, &t->err), t->err);
    assert_ok(container_create(t->s, &kept, &t->err), t->err);
    assert_ok(create(t, "own", gone.id, true), t->err);
    assert_ok(create(t, "shared", gone.id, true), t->err);
    assert_int_equal(create(t, "shared", kept.id, true), VOLUME_EXISTS);
    assert_ok(create(t, "named", gone.id, false), t->err);
    assert_ok(container_remove(t->s, gone.id, &t->err), t->err);
    assert_int_equal(volume_find(t->s, "own", &none, &t->err), VOLUME_MISSING);
    volume_auto struct volume shared = find(t, "shared"), named = find(t, "named");
    assert_int_equal(shared.uses, 1);
    assert_int_equal(named.uses, 0);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_false(is_there(t, "own", "."));
    assert_true(is_there(t, "named", "."));

    /* Not for --rm: only where it is asked. */
    assert_ok(volume_follow(t->s, kept.id, &t->err), t->err);
    assert_ok(container_remove(t->s, kept.id, &t->err), t->err);
    assert_int_equal(volume_find(t->s, "shared", &none, &t->err), VOLUME_MISSING);
}

/* What a removal that is refused has asked for is forgotten with it. */
static void test_refused_removal(void **state)
{
    struct test_store *t = *state;
    container_auto struct container c = { .is_unowned = true }, found = { .name = NULL };
    struct process_id other;
    struct volume none;

    assert_ok(container_create(t->s, &c, &t->err), t->err);
    assert_ok(create(t, "own", c.id, true), t->err);
    assert_ok(process_identify(getppid(), &other, &t->err), t->err);
    assert_ok(container_started(t->s, c.id, &other, NULL, &t->err), t->err);
    assert_int_equal(container_delete_idle(t->s, c.id, true, &t->err), CONTAINER_BUSY);
    assert_ok(container_find(t->s, imgc_str_of(c.id), &found, &t->err), t->err);
    assert_false(found.auto_remove);
    assert_ok(container_exited(t->s, c.id, 0, false, false, &t->err), t->err);
    assert_ok(container_delete_idle(t->s, c.id, true, &t->err), t->err);
    assert_int_equal(volume_find(t->s, "own", &none, &t->err), VOLUME_MISSING);
}

static void stage(struct test_store *t, char name[LEASE_NAME_MAX])
{
    int fd = -1;

    lease_name(t->lease, name);
    assert_ok(fd_open_dir_at(lease_dir_fd(t->lease), name, 0700, &fd, &t->err), t->err);
    int file = openat(fd, "content", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    (void)close(fd);
}

static void test_fill(void **state)
{
    struct test_store *t = *state;
    char name[LEASE_NAME_MAX];

    assert_ok(create(t, "v", NULL, false), t->err);
    stage(t, name);
    assert_ok(volume_fill(t->s, t->lease, "v", name, false, &t->err), t->err);
    assert_true(is_there(t, "v", "content"));
    volume_auto struct volume v = find(t, "v");
    assert_true(v.is_filled);

    /* Decided once: also to be empty. */
    assert_ok(create(t, "empty", NULL, false), t->err);
    assert_ok(volume_fill(t->s, t->lease, "empty", NULL, false, &t->err), t->err);
    stage(t, name);
    assert_ok(volume_fill(t->s, t->lease, "empty", name, true, &t->err), t->err);
    assert_false(is_there(t, "empty", "content"));

    /* What is there is never replaced: the user's, or of one who was killed after the rename. */
    assert_ok(create(t, "user", NULL, false), t->err);
    put_file(t, "user", "mine");
    stage(t, name);
    assert_ok(volume_fill(t->s, t->lease, "user", name, true, &t->err), t->err);
    assert_false(is_there(t, "user", "content"));
    assert_true(is_there(t, "user", "mine"));
    volume_auto struct volume user = find(t, "user");
    assert_true(user.is_filled);
}

/* A directory without a row, of a kill while a volume was made, is collected; one with a row not,
 * however long its name. */
static void test_orphans(void **state)
{
    struct test_store *t = *state;
    struct gc_report report;
    char path[PATHS_MAX], name[VOLUME_NAME_MAX];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_ok(create(t, name, NULL, false), t->err);
    name[sizeof name - 2] = 'm';
    (void)snprintf(path, sizeof path, "volumes/%s", name);
    assert_int_equal(mkdirat(store_root_fd(t->s), path, 0700), 0);
    assert_int_equal(mkdirat(store_root_fd(t->s), "volumes/orphan", 0700), 0);
    assert_ok(gc_collect(t->s, false, &report, &t->err), t->err);
    assert_ok(trash_empty(t->s, &t->err), t->err);
    assert_int_equal(test_count(t, "volumes"), 1);
    name[sizeof name - 2] = 'n';
    assert_true(is_there(t, name, "."));
}

static void test_made_names(void **state)
{
    struct test_store *t = *state;
    char a[VOLUME_MADE_NAME_MAX], b[VOLUME_MADE_NAME_MAX];

    assert_ok(volume_make_name(a, &t->err), t->err);
    assert_ok(volume_make_name(b, &t->err), t->err);
    assert_int_equal(strlen(a), 64);
    assert_true(volume_name_is_good(imgc_str_of(a)));
    assert_string_not_equal(a, b);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_create_find_list),
        CASE(test_mend),
        CASE(test_remove),
        CASE(test_anonymous),
        CASE(test_fill),
        CASE(test_orphans),
        CASE(test_made_names),
        CASE(test_refused_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
