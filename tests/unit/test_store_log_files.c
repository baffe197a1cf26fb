/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store_log_files.c - operators who move the database away, or remove the files beside it: what
 * was written last is not lost.
 */
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"

static const char *beside(const struct store_fixture *fixture, const char *suffix)
{
    static char path[160];
    snprintf(path, sizeof(path), "%s%s", fixture->path, suffix);
    return path;
}

/* The latest changes are in the log alone. */
static void a_log_that_is_removed_under_a_program_is_saved_and_nothing_more_written(void **state)
{
    struct store_fixture *fixture = *state;
    static const char *const removed[][2] = {{"-wal", "-shm"}, {"-wal", ""}, {"-shm", ""}};
    for (size_t i = 0; i < sizeof(removed) / sizeof(*removed); i++) {
        char id[16];
        snprintf(id, sizeof(id), "kept-%zu", i);
        fixture_add_audit(fixture, id);
        for (size_t j = 0; j < 2 && *removed[i][j]; j++)
            assert_int_equal(unlink(beside(fixture, removed[i][j])), 0);
        for (int times = 0; times < 2; times++) {
            fixture_expect_no_write(
                fixture, "removed while the store was in use; nothing is lost: stop all");
            fixture_expect_no_read(fixture, "removed while the store was in use");
        }
        fixture_reopen(fixture);
        assert_int_equal(fixture_status(fixture, fixture_get_audit(id)), STORE_DONE);
        assert_int_equal(fixture_status(fixture, fixture_get_audit("x")), STORE_NOT_FOUND);
    }
}

/* Its pages might be newer than those of the log that was removed. */
static void a_removed_log_is_not_written_over_what_others_wrote_since(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_add_audit(fixture, "lost");
    assert_int_equal(fixture_status(fixture, fixture_get_audit("lost")), STORE_DONE);
    assert_int_equal(unlink(beside(fixture, "-wal")), 0);
    FILE *other = fopen(beside(fixture, "-wal"), "w");
    assert_non_null(other);
    fputs("somebody else's", other);
    fclose(other);
    fixture_expect_no_write(fixture, "may be lost");
}

static void a_missing_database_whose_log_is_there_is_not_made_anew(void **state)
{
    struct store_fixture *fixture = *state;
    char aside[160];
    struct error error;
    fixture_add_audit(fixture, "kept");
    snprintf(aside, sizeof(aside), "%s.aside", fixture->path);
    assert_int_equal(rename(fixture->path, aside), 0);
    expect_failure(store_initialize(fixture->uri, &error), &error, ERROR_CONFLICT,
                   "does not exist, but its log");
    fixture_expect_no_read(fixture, "put the database");
    close(open(fixture->path, O_CREAT | O_WRONLY, 0660)); /* as touch(1) does */
    expect_failure(store_initialize(fixture->uri, &error), &error, ERROR_CONFLICT,
                   "is empty, but its log");
    assert_int_equal(rename(aside, fixture->path), 0);
    fixture_reopen(fixture);
    assert_int_equal(fixture_status(fixture, fixture_get_audit("kept")), STORE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STORE(a_log_that_is_removed_under_a_program_is_saved_and_nothing_more_written),
        ON_STORE(a_removed_log_is_not_written_over_what_others_wrote_since),
        ON_STORE(a_missing_database_whose_log_is_there_is_not_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
