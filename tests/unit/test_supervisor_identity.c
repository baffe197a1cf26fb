/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_identity.c - tests of supervisor/identity.h: one ID lasts, each start has its own incarnation, and a directory
 * that was copied or moved to another store is refused with what to do. */
#include "expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "supervisor/identity.h"

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/mimo-unit-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    remove_private_folder(directory);
    return 0;
}

static const struct identity_place here = {
    .machine = "m1", .boot = "b1", .store = "s1", .lock = "17.1700000000.5"};

static struct actuator_start open_at(const struct identity_place *place)
{
    struct actuator_start start;
    struct error error;
    expect_success(identity_open(directory, place, &start, &error), &error);
    return start;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void the_id_lasts_and_each_start_is_its_own(void **state)
{
    (void)state;
    struct actuator_start first = open_at(&here);
    struct actuator_start second = open_at(&here);
    assert_true(uuid_is_valid(first.id));
    assert_true(uuid_is_valid(first.incarnation));
    assert_string_equal(first.id, second.id);
    assert_string_not_equal(first.incarnation, second.incarnation);
    assert_int_equal(first.ended_count, 0);
}

static void earlier_starts_since_the_machine_started_have_ended(void **state)
{
    (void)state;
    char incarnations[12][UUID_SIZE];
    for (int i = 0; i < 12; i++) {
        struct actuator_start start = open_at(&here);
        memcpy(incarnations[i], start.incarnation, UUID_SIZE);
        for (int j = 0; j < i; j++)
            assert_int_equal(identity_has_ended(&start, incarnations[j]),
                             i - j <= IDENTITY_ENDED_MAXIMUM);
        assert_false(identity_has_ended(&start, start.incarnation));
        assert_false(identity_has_ended(&start, ""));
    }
}

/* Red when the image of a machine takes the starts of its original for its own. */
static void starts_from_before_the_machine_started_prove_nothing(void **state)
{
    (void)state;
    struct identity_place later = here;
    struct actuator_start first = open_at(&here);
    strcpy(later.boot, "b2");
    struct actuator_start second = open_at(&later);
    assert_string_equal(first.id, second.id);
    assert_false(identity_has_ended(&second, first.incarnation));
    struct actuator_start third = open_at(&later);
    assert_true(identity_has_ended(&third, second.incarnation));
    assert_false(identity_has_ended(&third, first.incarnation));
    later.boot[0] = '\0'; /* a machine that does not say */
    struct actuator_start fourth = open_at(&later);
    assert_int_equal(fourth.ended_count, 0);
}

static void refused_at(const struct identity_place *place, const char *words)
{
    struct actuator_start start;
    struct error error;
    expect_failure(identity_open(directory, place, &start, &error), &error, ERROR_CONFLICT, words);
    assert_non_null(strstr(error.message, "remove actuator.id and actuator.start"));
    assert_non_null(strstr(error.message, directory));
}

static void a_copy_is_refused_and_says_what_to_do(void **state)
{
    (void)state;
    struct actuator_start first = open_at(&here);
    struct identity_place other = here;
    strcpy(other.machine, "m2");
    refused_at(&other, "another machine");
    other = here;
    strcpy(other.store, "s2");
    refused_at(&other, "another store");
    other = here;
    strcpy(other.lock, "18.1700000000.5");
    refused_at(&other, "its lock file is another one");
    /* As the message says: */
    assert_int_equal(unlink(path_of("actuator.start")), 0);
    struct actuator_start moved = open_at(&other);
    assert_string_equal(moved.id, first.id);
    assert_int_equal(moved.ended_count, 0);
    assert_int_equal(unlink(path_of("actuator.start")), 0);
    assert_int_equal(unlink(path_of("actuator.id")), 0);
    struct actuator_start fresh = open_at(&here);
    assert_string_not_equal(fresh.id, first.id);
}

static void a_refused_start_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct actuator_start first = open_at(&here);
    struct identity_place other = here;
    strcpy(other.machine, "m2");
    refused_at(&other, "another machine");
    struct actuator_start second = open_at(&here);
    assert_true(identity_has_ended(&second, first.incarnation));
    assert_int_equal(second.ended_count, 1);
}

static void what_a_machine_does_not_say_is_not_compared(void **state)
{
    (void)state;
    struct actuator_start first = open_at(&here);
    struct identity_place silent = {.boot = "b1"};
    struct actuator_start second = open_at(&silent);
    assert_string_equal(first.id, second.id);
    open_at(&here);
}

static void damaged_files_are_named(void **state)
{
    (void)state;
    struct actuator_start start;
    struct error error;
    open_at(&here);
    expect_success(io_replace_file(path_of("actuator.start"), "{\"machine\":", 11, 0640, &error),
                   &error);
    expect_failure(identity_open(directory, &here, &start, &error), &error, ERROR_INVALID,
                   "actuator.start is damaged");
    assert_int_equal(unlink(path_of("actuator.start")), 0);
    expect_success(io_replace_file(path_of("actuator.id"), "no", 2, 0640, &error), &error);
    expect_failure(identity_open(directory, &here, &start, &error), &error, ERROR_INVALID,
                   "does not contain a UUID");
}

static void a_lock_file_is_known_by_itself(void **state)
{
    (void)state;
    struct identity_place places[3];
    int locks[2];
    struct error error;
    expect_success(identity_lock(directory, &locks[0], &error), &error);
    identity_find_place(locks[0], &places[0]);
    close(locks[0]);
    expect_success(identity_lock(directory, &locks[0], &error), &error);
    identity_find_place(locks[0], &places[1]);
    assert_string_equal(places[0].lock, places[1].lock);
    assert_string_not_equal(places[0].lock, "");
    assert_string_not_equal(places[0].boot, "");
    assert_int_equal(rename(path_of("actuator.lock"), "/tmp/mimo-unit-moved-lock"), 0);
    expect_success(identity_lock(directory, &locks[1], &error), &error);
    identity_find_place(locks[1], &places[2]);
    assert_string_not_equal(places[0].lock, places[2].lock);
    unlink("/tmp/mimo-unit-moved-lock");
    close(locks[0]);
    close(locks[1]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_id_lasts_and_each_start_is_its_own),
        CASE(earlier_starts_since_the_machine_started_have_ended),
        CASE(starts_from_before_the_machine_started_prove_nothing),
        CASE(a_copy_is_refused_and_says_what_to_do),
        CASE(a_refused_start_leaves_everything_as_it_was),
        CASE(what_a_machine_does_not_say_is_not_compared),
        CASE(damaged_files_are_named),
        CASE(a_lock_file_is_known_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
