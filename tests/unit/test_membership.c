/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of supervisor/membership.h: who counts as alive, whose buckets are whose, when to look
 * again, and what becomes of the records of the dead. */
#include "supervisor_store.h"

#include <string.h>

#include "mimo/document.h"
#include "supervisor/membership.h"

enum { TTL = 60, DAY_SECONDS = 24 * 60 * 60 };

static struct membership actuator(const char *id, int index)
{
    struct membership membership = {
        .index = index,
        .ttl_seconds = TTL,
        .assignment = ASSIGNMENT_AUTO,
        .static_count = 1,
        .mode = "working",
        .buckets = {0, -1},
    };
    strcpy(membership.id, id);
    return membership;
}

static void refresh(struct test_store *test, struct membership *membership, int64_t now)
{
    struct error error;
    if (membership_refresh(test->store, membership, now, &error) < 0)
        fail_msg("%s", error.message);
}

static bool is_recorded(struct test_store *test, const char *id)
{
    return test_run(test, store_get(STORE_MEMBERS, id, id)) == STORE_DONE;
}

static void one_that_is_alone_has_all_buckets_and_nobody_to_wait_for(void **state)
{
    struct membership own = actuator(TEST_ACTUATOR, 0);
    refresh(*state, &own, TEST_NOW);
    assert_int_equal(own.live, 1);
    assert_int_equal(own.buckets.first, 0);
    assert_int_equal(own.buckets.last, 255);
    assert_true(own.look_again == INT64_MAX);
}

/* Red when operators read of buckets that were in force an interval ago. */
static void the_record_says_which_buckets_are_ours_now(void **state)
{
    struct test_store *test = *state;
    struct membership own = actuator(TEST_ACTUATOR, 0);
    struct error error;
    refresh(test, &own, TEST_NOW);
    struct store_operation read = store_get(STORE_MEMBERS, own.id, own.id);
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    struct json_object *buckets = document_member(read.result.items[0].document, "buckets");
    assert_int_equal(document_number(document_item(buckets, 0)), 0);
    assert_int_equal(document_number(document_item(buckets, 1)), 255);
    store_release(&read, 1);
}

static void two_divide_the_buckets_by_their_index(void **state)
{
    struct membership own = actuator(TEST_ACTUATOR, 1);
    struct membership other = actuator(TEST_OTHER, 0);
    refresh(*state, &own, TEST_NOW);
    refresh(*state, &other, TEST_NOW);
    refresh(*state, &own, TEST_NOW);
    assert_int_equal(own.live, 2);
    assert_int_equal(other.buckets.first, 0);
    assert_int_equal(other.buckets.last, 127);
    assert_int_equal(own.buckets.first, 128);
    assert_int_equal(own.buckets.last, 255);
}

/* Red when the look is not planned for the death, or when death comes at another second. */
static void a_death_is_noticed_in_the_second_after_the_time_to_live(void **state)
{
    struct membership own = actuator(TEST_ACTUATOR, 0);
    struct membership other = actuator(TEST_OTHER, 1);
    refresh(*state, &other, TEST_NOW - 7);
    refresh(*state, &own, TEST_NOW);
    assert_int_equal(own.look_again, TEST_NOW - 7 + TTL + 1);
    refresh(*state, &own, own.look_again - 1);
    assert_int_equal(own.live, 2);
    refresh(*state, &own, own.look_again);
    assert_int_equal(own.live, 1);
    assert_int_equal(own.buckets.last, 255);
    assert_true(own.look_again == INT64_MAX);
}

static void the_next_look_is_for_the_first_of_them_to_die(void **state)
{
    struct membership own = actuator(TEST_ACTUATOR, 0);
    struct membership late = actuator(TEST_OTHER, 1);
    struct membership early = actuator("33333333-3333-4333-8333-333333333333", 2);
    refresh(*state, &early, TEST_NOW - 20);
    refresh(*state, &late, TEST_NOW - 5);
    refresh(*state, &own, TEST_NOW);
    assert_int_equal(own.live, 3);
    assert_int_equal(own.look_again, TEST_NOW - 20 + TTL + 1);
}

static void records_of_the_dead_are_kept_for_thirty_days(void **state)
{
    struct membership own = actuator(TEST_ACTUATOR, 0);
    struct membership other = actuator(TEST_OTHER, 1);
    refresh(*state, &other, TEST_NOW);
    refresh(*state, &own, TEST_NOW + 30 * DAY_SECONDS);
    assert_true(is_recorded(*state, TEST_OTHER));
    refresh(*state, &own, TEST_NOW + 30 * DAY_SECONDS + 1);
    assert_false(is_recorded(*state, TEST_OTHER));
    assert_true(is_recorded(*state, TEST_ACTUATOR));
}

static void static_assignment_goes_by_the_configuration_alone(void **state)
{
    struct membership own = actuator(TEST_ACTUATOR, 2);
    own.assignment = ASSIGNMENT_STATIC;
    own.static_count = 3;
    refresh(*state, &own, TEST_NOW);
    assert_int_equal(own.buckets.first, 171);
    assert_int_equal(own.buckets.last, 255);
}

static void one_that_leaves_is_gone_at_once(void **state)
{
    struct test_store *test = *state;
    struct membership own = actuator(TEST_ACTUATOR, 0);
    struct membership other = actuator(TEST_OTHER, 1);
    struct error error;
    refresh(test, &own, TEST_NOW);
    refresh(test, &other, TEST_NOW);
    assert_int_equal(membership_leave(test->store, &own, &error), 0);
    refresh(test, &other, TEST_NOW);
    assert_int_equal(other.live, 1);
    assert_int_equal(other.buckets.first, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, test_store_setup, test_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_that_is_alone_has_all_buckets_and_nobody_to_wait_for),
        CASE(the_record_says_which_buckets_are_ours_now),
        CASE(two_divide_the_buckets_by_their_index),
        CASE(a_death_is_noticed_in_the_second_after_the_time_to_live),
        CASE(the_next_look_is_for_the_first_of_them_to_die),
        CASE(records_of_the_dead_are_kept_for_thirty_days),
        CASE(static_assignment_goes_by_the_configuration_alone),
        CASE(one_that_leaves_is_gone_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
