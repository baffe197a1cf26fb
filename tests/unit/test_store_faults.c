/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_faults.c - what the store does, and says, when the file or the disk under it is not
 * as it should be.
 */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/clock.h"
#include "mimo/document.h"

enum { NOBODY = 65534 };

/* SQLite asks the disk by this function; here it finds ours first. */
static bool sync_fails;
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    if (!sync_fails)
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

static void expect_open_fails(const char *uri, enum error_kind kind, const char *reason)
{
    struct store *store;
    struct error error;
    assert_int_equal(store_open(uri, &store, &error), -1);
    if (!strstr(error.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
    assert_int_equal(error.kind, kind);
}

static void overwrite(const char *path, off_t offset, size_t length)
{
    char garbage[4096];
    memset(garbage, 0xa5, sizeof(garbage));
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, garbage, length, offset), length);
    close(fd);
}

static void the_file_is_for_owner_and_group_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 0077, 0777};
    for (size_t i = 0; i < 3; i++) {
        void *made;
        struct stat status;
        char log[128];
        mode_t before = umask(masks[i]);
        int result = store_fixture_setup(&made);
        struct store_fixture *fixture = made;
        if (result == 0)
            fixture_add_audit(fixture, "a");
        umask(before);
        assert_int_equal(result, 0);
        assert_int_equal(stat(fixture->path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0660);
        snprintf(log, sizeof(log), "%s-wal", fixture->path);
        assert_int_equal(stat(log, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0660);
        store_fixture_teardown(&made);
    }
}

static void a_file_made_by_root_belongs_to_who_owns_its_directory(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    struct stat status;
    char path[128];
    char uri[160];
    if (geteuid() != 0)
        skip();
    snprintf(path, sizeof(path), "%s/theirs.db", fixture->directory);
    snprintf(uri, sizeof(uri), "sqlite:%s", path);
    assert_int_equal(chown(fixture->directory, NOBODY, NOBODY), 0);
    assert_int_equal(store_initialize(uri, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, NOBODY);
    assert_int_equal(status.st_gid, NOBODY);
}

static void a_store_that_is_not_there_says_how_to_make_one(void **state)
{
    struct store_fixture *fixture = *state;
    char uri[160];
    struct error error;
    snprintf(uri, sizeof(uri), "sqlite:%s/none.db", fixture->directory);
    expect_open_fails(uri, ERROR_NOT_FOUND, "mimo-store --store sqlite:");
    snprintf(uri, sizeof(uri), "sqlite:%s/none/none.db", fixture->directory);
    expect_open_fails(uri, ERROR_NOT_FOUND, "init");
    assert_int_equal(store_initialize(uri, &error), -1);
    assert_int_equal(error.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "directory does not exist"));
    snprintf(uri, sizeof(uri), "sqlite:%s", fixture->directory);
    expect_open_fails(uri, ERROR_INVALID, "not a regular file");
}

static void an_empty_file_is_no_store_until_it_is_initialized(void **state)
{
    struct store_fixture *fixture = *state;
    char path[128];
    char uri[160];
    struct error error;
    snprintf(path, sizeof(path), "%s/empty.db", fixture->directory);
    snprintf(uri, sizeof(uri), "sqlite:%s", path);
    close(open(path, O_CREAT | O_WRONLY, 0660));
    expect_open_fails(uri, ERROR_NOT_FOUND, "init");
    assert_int_equal(store_initialize(uri, &error), 0);
    struct store *store;
    assert_int_equal(store_open(uri, &store, &error), 0);
    store_close(store);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    store_close(fixture->store);
    fixture->store = NULL;
    overwrite(fixture->path, 0, 4096);
    expect_open_fails(fixture->uri, ERROR_INVALID, "restore a backup");
    assert_int_equal(store_initialize(fixture->uri, &error), -1);
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    fixture_sql(fixture, "PRAGMA application_id = 1");
    expect_open_fails(fixture->uri, ERROR_INVALID, "another program");
    assert_int_equal(store_initialize(fixture->uri, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

/* The second layout had no answers, and the audit trail of the first no column for its time. */
static void a_store_of_the_first_layout_is_brought_to_ours(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    struct store *store;
    char id[UUID_SIZE];
    bool sound = false;
    fixture_add(fixture, STORE_AUDIT,
                document_pack("{s:s, s:i}", "id", fixture_id(id, 1), "time", 50));
    fixture_add(fixture, STORE_AUDIT,
                document_pack("{s:s, s:i}", "id", fixture_id(id, 2), "time", 40));
    fixture_add(fixture, STORE_AUDIT,
                document_pack("{s:s, s:s}", "id", fixture_id(id, 3), "time", "x"));
    fixture_sql(fixture, "DROP INDEX audit_time; ALTER TABLE audit DROP COLUMN time;"
                         "DROP TABLE answers; ALTER TABLE meta DROP COLUMN identity;"
                         "PRAGMA user_version = 1");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(store_open(fixture->uri, &store, &error), 0);
        struct store_query query = {.kind = STORE_QUERY_AUDIT, .limit = 10};
        struct store_operation operation = store_query(&query);
        assert_int_equal(store_run(store, &operation, 1, &error), 0);
        assert_int_equal(operation.result.count, 3);
        assert_int_equal(document_integer(operation.result.items[1].document, "time", 0), 40);
        assert_int_equal(document_integer(operation.result.items[2].document, "time", 0), 50);
        store_release(&operation, 1);
        assert_int_equal(store_verify_integrity(store, &sound, &error), 0);
        assert_true(sound);
        store_close(store);
    }
    assert_int_equal(store_initialize(fixture->uri, &error), 0);
}

static void a_store_of_the_second_layout_is_brought_to_ours(void **state)
{
    struct store_fixture *fixture = *state;
    bool sound = false;
    struct error error;
    fixture_add(fixture, STORE_AUDIT, document_pack("{s:s, s:i}", "id", "kept", "time", 50));
    fixture_sql(fixture, "DROP TABLE answers; ALTER TABLE meta DROP COLUMN identity;"
                         "PRAGMA user_version = 2");
    fixture_reopen(fixture);
    fixture_add(fixture, STORE_ANSWERS,
                document_pack("{s:s, s:I}", "id", "a", "expiresAt", (int64_t)CLOCK_MAXIMUM));
    assert_int_equal(fixture_status(fixture, store_get(STORE_ANSWERS, NULL, "a")), STORE_DONE);
    assert_int_equal(fixture_status(fixture, store_get(STORE_AUDIT, NULL, "kept")), STORE_DONE);
    assert_int_equal(store_verify_integrity(fixture->store, &sound, &error), 0);
    assert_true(sound);
}

static void a_store_of_the_third_layout_gets_an_identity_that_lasts(void **state)
{
    struct store_fixture *fixture = *state;
    char made[UUID_SIZE];
    char again[UUID_SIZE];
    struct error error;
    fixture_sql(fixture, "ALTER TABLE meta DROP COLUMN identity; PRAGMA user_version = 3");
    fixture_reopen(fixture);
    assert_int_equal(store_identify(fixture->store, made, &error), 0);
    assert_true(uuid_is_valid(made));
    fixture_reopen(fixture);
    assert_int_equal(store_identify(fixture->store, again, &error), 0);
    assert_string_equal(made, again);
}

static void every_store_has_an_identity_of_its_own_and_a_backup_its_originals(void **state)
{
    struct store_fixture *fixture = *state;
    char ids[3][UUID_SIZE];
    char uris[2][128];
    struct error error;
    snprintf(uris[0], sizeof(uris[0]), "sqlite:%s/other.db", fixture->directory);
    snprintf(uris[1], sizeof(uris[1]), "sqlite:%s/copy.db", fixture->directory);
    assert_int_equal(store_initialize(uris[0], &error), 0);
    assert_int_equal(store_backup(fixture->store, strchr(uris[1], ':') + 1, &error), 0);
    assert_int_equal(store_identify(fixture->store, ids[0], &error), 0);
    for (int i = 0; i < 2; i++) {
        struct store *store;
        assert_int_equal(store_open(uris[i], &store, &error), 0);
        assert_int_equal(store_identify(store, ids[i + 1], &error), 0);
        store_close(store);
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_equal(ids[0], ids[2]);
}

static void a_store_whose_identity_is_gone_is_damaged(void **state)
{
    struct store_fixture *fixture = *state;
    char id[UUID_SIZE];
    struct error error;
    fixture_sql(fixture, "UPDATE meta SET identity = 'x'");
    assert_int_equal(store_identify(fixture->store, id, &error), -1);
    assert_non_null(strstr(error.message, "has no identity"));
}

static void a_layout_of_a_newer_version_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    fixture_sql(fixture, "PRAGMA user_version = 99");
    expect_open_fails(fixture->uri, ERROR_INVALID, "has layout 99, but this program supports 5");
    assert_int_equal(store_initialize(fixture->uri, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
}

/* Runs `check` in a child that is an ordinary user; exit status 0 means it went well. */
static void as_ordinary_user(struct store_fixture *fixture, void (*check)(struct store_fixture *))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
            _exit(9);
        check(fixture);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void check_denied(struct store_fixture *fixture)
{
    struct store *store;
    struct error error = {0};
    if (store_open(fixture->uri, &store, &error) == 0 || error.kind != ERROR_DENIED ||
        !strstr(error.message, "may not"))
        _exit(1);
}

static void a_file_that_may_not_be_written_says_who_may(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(chmod(fixture->directory, 0777), 0);
    assert_int_equal(chmod(fixture->path, 0440), 0);
    as_ordinary_user(fixture, check_denied);
}

static void a_directory_that_may_not_be_written_is_named(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(chmod(fixture->path, 0666), 0);
    assert_int_equal(chmod(fixture->directory, 0555), 0);
    as_ordinary_user(fixture, check_denied);
    assert_int_equal(chmod(fixture->directory, 0700), 0);
}

static void a_removed_file_is_noticed_and_used_again_when_it_is_back(void **state)
{
    struct store_fixture *fixture = *state;
    char aside[160];
    struct error error;
    fixture_add_audit(fixture, "kept");
    snprintf(aside, sizeof(aside), "%s.aside", fixture->path);
    assert_int_equal(rename(fixture->path, aside), 0);
    for (int i = 0; i < 2; i++) {
        fixture_expect_no_write(fixture, "does not exist");
        fixture_expect_no_read(fixture, "does not exist");
    }
    assert_int_equal(rename(aside, fixture->path), 0);
    assert_int_equal(fixture_status(fixture, fixture_get_audit("kept")), STORE_DONE);
    fixture_add_audit(fixture, "after");

    /* Another file at its place is another store. */
    assert_int_equal(unlink(fixture->path), 0);
    fixture_expect_no_write(fixture, "does not exist");
    snprintf(aside, sizeof(aside), "%s-wal", fixture->path);
    unlink(aside);
    assert_int_equal(store_initialize(fixture->uri, &error), 0);
    assert_int_equal(fixture_status(fixture, fixture_get_audit("kept")), STORE_NOT_FOUND);
    fixture_add_audit(fixture, "new");
    fixture_reopen(fixture);
    assert_int_equal(fixture_status(fixture, fixture_get_audit("new")), STORE_DONE);
}

static void a_store_that_was_replaced_by_something_else_is_not_used(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_audit(fixture, "kept");
    assert_int_equal(unlink(fixture->path), 0);
    close(open(fixture->path, O_CREAT | O_WRONLY, 0660));
    fixture_expect_no_write(fixture, "is empty");
    fixture_expect_no_read(fixture, "is empty");
}

static void a_lock_of_another_process_is_waited_for_and_then_reported(void **state)
{
    struct store_fixture *fixture = *state;
    sqlite3 *other;
    fixture_add_audit(fixture, "kept");
    assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct monotonic start = clock_monotonic();
    fixture_expect_no_write(fixture, "locked by another process");
    assert_in_range(clock_elapsed(start), 4500, 20000);
    /* Readers do not mind. */
    assert_int_equal(fixture_status(fixture, fixture_get_audit("kept")), STORE_DONE);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    fixture_add_audit(fixture, "after");
}

static void a_commit_that_did_not_reach_the_disk_is_not_acknowledged(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_audit(fixture, "kept");
    sync_fails = true;
    for (int i = 0; i < 3; i++)
        fixture_expect_no_write(fixture, "check its disk");
    sync_fails = false;
    assert_int_equal(fixture_status(fixture, fixture_get_audit("never")), STORE_NOT_FOUND);
    fixture_add_audit(fixture, "after");
    fixture_expect_sound(fixture);
    fixture_reopen(fixture);
    assert_int_equal(fixture_status(fixture, fixture_get_audit("after")), STORE_DONE);
    assert_int_equal(fixture_status(fixture, fixture_get_audit("kept")), STORE_DONE);
}

/* Writes until the disk is full, makes room, and goes on. */
static void check_full_disk(struct store_fixture *fixture)
{
    struct rlimit full = {.rlim_cur = 2 * 1024 * 1024, .rlim_max = RLIM_INFINITY};
    struct rlimit room = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    struct error error;
    int written = 0;
    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &room) < 0 || (full.rlim_max = room.rlim_max, 0) ||
        setrlimit(RLIMIT_FSIZE, &full) < 0)
        _exit(2);
    for (;; written++) {
        struct json_object *document =
            document_pack("{s:o, s:o}", "id", document_new_string_format("%d", written), "text",
                          document_new_string_format("%050000d", written));
        struct store_operation create = store_create(STORE_AUDIT, document);
        int status = store_run(fixture->store, &create, 1, &error);
        bool done = status == 0 && create.result.status == STORE_DONE;
        store_release(&create, 1);
        json_object_put(document);
        if (!done)
            break;
        if (written > 1000)
            _exit(3);
    }
    if (error.kind != ERROR_UNAVAILABLE || written == 0)
        _exit(4);
    if (setrlimit(RLIMIT_FSIZE, &room) < 0)
        _exit(5);
    fixture_add_audit(fixture, "after");
    for (int i = 0; i < written; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        if (fixture_status(fixture, fixture_get_audit(id)) != STORE_DONE)
            _exit(6);
    }
    fixture_expect_sound(fixture);
}

static void a_full_disk_loses_nothing_that_was_acknowledged(void **state)
{
    struct store_fixture *fixture = *state;
    int status;
    store_close(fixture->store);
    fixture->store = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        fixture_reopen(fixture);
        check_full_disk(fixture);
        store_close(fixture->store);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fixture_reopen(fixture);
}

static void expect_unsound(struct store_fixture *fixture, const char *reason)
{
    bool sound = true;
    struct error error;
    assert_int_equal(store_verify_integrity(fixture->store, &sound, &error), 0);
    assert_false(sound);
    if (!strstr(error.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
}

static void damage_in_the_file_is_found(void **state)
{
    struct store_fixture *fixture = *state;
    struct stat status;
    for (int i = 0; i < 300; i++)
        fixture_add_manifest(fixture, (struct fixture_manifest){.id = i, .cluster = i});
    fixture_expect_sound(fixture);
    store_close(fixture->store); /* moves all of it from the log into the file */
    fixture->store = NULL;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_true(status.st_size > 40 * 4096);
    overwrite(fixture->path, status.st_size / 2 / 4096 * 4096, 4096);
    fixture_reopen(fixture);
    expect_unsound(fixture, "damaged");
}

static void columns_and_counters_that_lie_are_found(void **state)
{
    struct store_fixture *fixture = *state;
    static const struct {
        const char *lie;
        const char *reason;
        const char *truth;
    } cases[] = {
        {"UPDATE meta SET open_manifests = 7", "counter of open manifests",
         "UPDATE meta SET open_manifests = 1"},
        {"UPDATE manifests SET bucket = bucket + 1", "column bucket",
         "UPDATE manifests SET bucket = bucket - 1"},
        {"UPDATE manifests SET phase = NULL", "column phase", "UPDATE manifests SET phase = 1"},
        {"UPDATE manifests SET partition = 'x'", "column partition",
         "UPDATE manifests SET partition = cluster"},
        {"UPDATE heads SET priority = 5", "runnable", "UPDATE heads SET priority = 0"},
        {"UPDATE heads SET lease_expires = 5", "runnable", "UPDATE heads SET lease_expires = 0"},
        {"UPDATE heads SET cluster = 'x'", "runnable",
         "UPDATE heads SET cluster = (SELECT cluster FROM manifests)"},
        {"DELETE FROM heads", "is not noted for cluster",
         "INSERT INTO heads SELECT cluster, sequence, bucket, 0, priority, run_after, id"
         " FROM manifests"},
        {"UPDATE manifests SET document = 'x'",
         "MaintenanceManifests 00000000-0000-4000-a000-000000000001", NULL},
    };
    fixture_add_cluster(fixture, 1);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 1, .cluster = 1});
    fixture_expect(fixture, (struct store_query){.kind = STORE_QUERY_RUNNABLE}, "1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_expect_sound(fixture);
        fixture_sql(fixture, cases[i].lie);
        expect_unsound(fixture, cases[i].reason);
        if (cases[i].truth)
            fixture_sql(fixture, cases[i].truth);
    }
}

static void a_backup_is_a_store_of_its_own(void **state)
{
    struct store_fixture *fixture = *state;
    struct error error;
    struct stat status;
    char path[96];
    struct store_fixture copy = {0};
    for (int i = 0; i < 50; i++)
        fixture_add_manifest(fixture, (struct fixture_manifest){.id = i, .cluster = i});
    snprintf(path, sizeof(path), "%s/backup.db", fixture->directory);
    assert_int_equal(store_backup(fixture->store, path, &error), 0);
    fixture_add_manifest(fixture, (struct fixture_manifest){.id = 99});

    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    snprintf(copy.uri, sizeof(copy.uri), "sqlite:%s", path);
    fixture_reopen(&copy);
    fixture_expect_sound(&copy);
    struct store_operation length =
        fixture_query(&copy, (struct store_query){.kind = STORE_QUERY_QUEUE_LENGTH});
    assert_int_equal(length.result.total, 50);
    store_release(&length, 1);
    fixture_add_audit(&copy, "written");
    store_close(copy.store);

    assert_int_equal(store_backup(fixture->store, path, &error), -1);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    snprintf(path, sizeof(path), "%s/none/backup.db", fixture->directory);
    assert_int_equal(store_backup(fixture->store, path, &error), -1);
    assert_int_equal(error.kind, ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_for_owner_and_group_whatever_the_umask),
        ON_STORE(a_file_made_by_root_belongs_to_who_owns_its_directory),
        ON_STORE(a_store_that_is_not_there_says_how_to_make_one),
        ON_STORE(an_empty_file_is_no_store_until_it_is_initialized),
        ON_STORE(a_file_that_is_no_database_is_refused),
        ON_STORE(a_database_of_another_program_is_left_alone),
        ON_STORE(a_store_of_the_first_layout_is_brought_to_ours),
        ON_STORE(a_store_of_the_second_layout_is_brought_to_ours),
        ON_STORE(a_store_of_the_third_layout_gets_an_identity_that_lasts),
        ON_STORE(every_store_has_an_identity_of_its_own_and_a_backup_its_originals),
        ON_STORE(a_store_whose_identity_is_gone_is_damaged),
        ON_STORE(a_layout_of_a_newer_version_is_refused),
        ON_STORE(a_file_that_may_not_be_written_says_who_may),
        ON_STORE(a_directory_that_may_not_be_written_is_named),
        ON_STORE(a_removed_file_is_noticed_and_used_again_when_it_is_back),
        ON_STORE(a_store_that_was_replaced_by_something_else_is_not_used),
        ON_STORE(a_lock_of_another_process_is_waited_for_and_then_reported),
        ON_STORE(a_commit_that_did_not_reach_the_disk_is_not_acknowledged),
        ON_STORE(a_full_disk_loses_nothing_that_was_acknowledged),
        ON_STORE(damage_in_the_file_is_found),
        ON_STORE(columns_and_counters_that_lie_are_found),
        ON_STORE(a_backup_is_a_store_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
