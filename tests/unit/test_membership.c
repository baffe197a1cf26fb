/* SPDX-License-Identifier: Apache-2.0 */
/* test_membership.c - tests of supervisor/membership.h: who counts as alive, whose buckets are whose, when to look
 * again, what becomes of the records of the dead, and that no two processes are one actuator. */
#include "supervisor_store.h"

#include <string.h>

#include "mimo/document.h"
#include "store_double.h"
#include "supervisor/membership.h"

enum { TTL = 60, DAY_SECONDS = 24 * 60 * 60 };

#define THIRD "33333333-3333-4333-8333-333333333333"

/* Seconds of the monotonic clock when the wall clock says TEST_NOW. */
enum { UPTIME = 5000 };

static struct membership made[16];
static size_t made_count;

static struct membership *actuator(const char *id, int index)
{
    struct error error;
    struct membership *membership = &made[made_count++];
    *membership = (struct membership){
        .index = index,
        .ttl_seconds = TTL,
        .assignment = ASSIGNMENT_AUTO,
        .static_count = 1,
        .mode = "working",
        .buckets = {0, -1},
    };
    strcpy(membership->start.id, id);
    uuid_make(membership->start.incarnation);
    assert_int_equal(membership_initialize(membership, &error), 0);
    return membership;
}

static int set_up(void **state)
{
    made_count = 0;
    return test_store_setup(state);
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < made_count; i++)
        membership_free(&made[i]);
    return test_store_teardown(state);
}

/* Both clocks, `seconds` after TEST_NOW. */
static struct membership_time at(int64_t seconds)
{
    return (struct membership_time){TEST_NOW + seconds, {(UPTIME + seconds) * 1000}};
}

static void refresh(struct test_store *test, struct membership *membership, int64_t seconds)
{
    struct error error;
    if (membership_refresh(test->store, membership, at(seconds), &error) < 0)
        fail_msg("%s", error.message);
}

/* When it wants to look again, in seconds after TEST_NOW. */
static int64_t look_again(const struct membership *membership)
{
    return membership->look_again.milliseconds / 1000 - UPTIME;
}

static bool is_recorded(struct test_store *test, const char *id)
{
    return test_run(test, store_get(STORE_MEMBERS, id, id)) == STORE_DONE;
}

static struct json_object *read_record(struct test_store *test, const char *id)
{
    struct error error;
    struct store_operation read = store_get(STORE_MEMBERS, id, id);
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    assert_int_equal(read.result.status, STORE_DONE);
    struct json_object *document = document_copy(read.result.items[0].document);
    store_release(&read, 1);
    return document;
}

/* Puts a record of another actuator into the store. */
static void put_record(struct test_store *test, const char *id, int64_t seen_at)
{
    struct json_object *document =
        document_pack("{s:s, s:s, s:s, s:i, s:I}", "id", id, "workerType", "MIMO_ACTUATOR",
                      "hostname", "elsewhere", "index", 5, "seenAt", (int64_t)seen_at);
    struct error error;
    struct store_operation read = store_get(STORE_MEMBERS, id, id);
    assert_int_equal(store_run(test->store, &read, 1, &error), 0);
    assert_int_equal(
        test_run(test, read.result.status == STORE_DONE
                           ? store_replace(STORE_MEMBERS, read.result.items[0].etag, document)
                           : store_create(STORE_MEMBERS, document)),
        STORE_DONE);
    store_release(&read, 1);
    json_object_put(document);
}

/* Buckets */

static void one_that_is_alone_has_all_buckets_and_nobody_to_wait_for(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    refresh(*state, own, 0);
    assert_int_equal(own->standing, MEMBERSHIP_JOINED);
    assert_int_equal(own->live, 1);
    assert_int_equal(own->buckets.first, 0);
    assert_int_equal(own->buckets.last, 255);
    assert_true(own->look_again.milliseconds == INT64_MAX);
}

/* Red when operators read of buckets that were in force an interval ago. */
static void the_record_says_which_buckets_are_ours_now(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    refresh(*state, own, 0);
    struct json_object *document = read_record(*state, TEST_ACTUATOR);
    struct json_object *buckets = document_get(document, "buckets");
    assert_int_equal(document_number(document_item(buckets, 0)), 0);
    assert_int_equal(document_number(document_item(buckets, 1)), 255);
    assert_string_equal(document_string(document, "incarnation", ""), own->start.incarnation);
    json_object_put(document);
}

static void two_divide_the_buckets_by_their_index(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 1);
    struct membership *other = actuator(TEST_OTHER, 0);
    refresh(*state, own, 0);
    refresh(*state, other, 0);
    refresh(*state, own, 0);
    assert_int_equal(own->live, 2);
    assert_int_equal(other->buckets.first, 0);
    assert_int_equal(other->buckets.last, 127);
    assert_int_equal(own->buckets.first, 128);
    assert_int_equal(own->buckets.last, 255);
}

static void static_assignment_goes_by_the_configuration_alone(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 2);
    own->assignment = ASSIGNMENT_STATIC;
    own->static_count = 3;
    refresh(*state, own, 0);
    assert_int_equal(own->buckets.first, 171);
    assert_int_equal(own->buckets.last, 255);
}

/* Life and death */

/* Red when the look is not planned for the death, or when death comes at another second. */
static void a_death_is_noticed_when_it_falls_due(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    struct membership *other = actuator(TEST_OTHER, 1);
    refresh(*state, other, -7);
    refresh(*state, own, 0);
    assert_int_equal(look_again(own), -7 + TTL + 1);
    refresh(*state, own, look_again(own) - 1);
    assert_int_equal(own->live, 2);
    refresh(*state, own, look_again(own));
    assert_int_equal(own->live, 1);
    assert_int_equal(own->buckets.last, 255);
    assert_true(own->look_again.milliseconds == INT64_MAX);
}

static void the_next_look_is_for_the_first_of_them_to_die(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    struct membership *late = actuator(TEST_OTHER, 1);
    struct membership *early = actuator(THIRD, 2);
    refresh(*state, early, -20);
    refresh(*state, late, -5);
    refresh(*state, own, 0);
    assert_int_equal(own->live, 3);
    assert_int_equal(look_again(own), -20 + TTL + 1);
}

/* Red when what a record says of its time decides. */
static void a_record_that_changes_is_alive_whatever_its_clock_says(void **state)
{
    static const int64_t clocks[] = {
        0, -1, INT64_MIN, INT64_MAX, TEST_NOW + 100 * DAY_SECONDS, TEST_NOW - 100 * DAY_SECONDS};
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        struct membership *own = actuator(i % 2 ? TEST_ACTUATOR : THIRD, 0);
        int64_t base = (int64_t)i * 1000;
        put_record(*state, TEST_OTHER, clocks[i]);
        refresh(*state, own, base);
        put_record(*state, TEST_OTHER, clocks[i] + (clocks[i] < 0 ? 1 : -1));
        refresh(*state, own, base + 10);
        assert_int_equal(own->live, 2);
        assert_int_equal(look_again(own), base + 10 + TTL);
        refresh(*state, own, base + 10 + TTL - 1);
        assert_int_equal(own->live, 2);
        refresh(*state, own, base + 10 + TTL);
        assert_int_equal(own->live, 1);
        struct error error;
        assert_int_equal(membership_leave(((struct test_store *)*state)->store, own, &error), 0);
        test_run(*state, store_delete(STORE_MEMBERS, TEST_OTHER, TEST_OTHER, NULL));
    }
}

/* Red when a record with a time in the future idles its buckets for as long. */
static void a_record_from_the_future_that_never_changes_is_dead(void **state)
{
    static const int64_t clocks[] = {INT64_MAX, TEST_NOW + 1, TEST_NOW + 100 * DAY_SECONDS, -5};
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        char id[UUID_SIZE];
        uuid_make(id);
        put_record(*state, id, clocks[i]);
    }
    refresh(*state, own, 0);
    assert_int_equal(own->live, 1);
    assert_int_equal(own->buckets.last, 255);
}

static void the_wall_clock_decides_no_life_and_no_death(void **state)
{
    struct test_store *test = *state;
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    struct membership *other = actuator(TEST_OTHER, 1);
    struct error error;
    refresh(test, other, 0);
    refresh(test, own, 0);
    for (int step = 1; step <= 10; step++) { /* a wall clock that jumps by a day */
        struct membership_time time = {TEST_NOW + step * DAY_SECONDS,
                                       {(UPTIME + 10 * step) * 1000}};
        assert_int_equal(membership_refresh(test->store, other, time, &error), 0);
        assert_int_equal(membership_refresh(test->store, own, time, &error), 0);
        assert_int_equal(own->live, 2);
    }
}

static void records_of_the_dead_are_kept_for_thirty_days(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    struct membership *other = actuator(TEST_OTHER, 1);
    refresh(*state, other, 0);
    refresh(*state, own, 30 * DAY_SECONDS - 100);
    refresh(*state, own, 30 * DAY_SECONDS);
    assert_true(is_recorded(*state, TEST_OTHER));
    refresh(*state, own, 30 * DAY_SECONDS + 1);
    assert_false(is_recorded(*state, TEST_OTHER));
    assert_true(is_recorded(*state, TEST_ACTUATOR));
}

/* A clock that is a month behind must not have its record removed by everybody else. */
static void the_record_of_a_living_actuator_is_not_removed(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    refresh(*state, own, 0);
    for (int i = 0; i < 20; i++) {
        put_record(*state, TEST_OTHER, TEST_NOW - 60 * DAY_SECONDS + i);
        refresh(*state, own, 10 * i);
        assert_true(is_recorded(*state, TEST_OTHER));
    }
}

static void one_that_leaves_is_gone_at_once(void **state)
{
    struct test_store *test = *state;
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    struct membership *other = actuator(TEST_OTHER, 1);
    struct error error;
    refresh(test, own, 0);
    refresh(test, other, 0);
    assert_int_equal(membership_leave(test->store, own, &error), 0);
    refresh(test, other, 0);
    assert_int_equal(other->live, 1);
    assert_int_equal(other->buckets.first, 0);
}

static void check_range(const struct membership *membership, int first, int last)
{
    assert_int_equal(membership->buckets.first, first);
    assert_int_equal(membership->buckets.last, last);
}

/* Red when the others leave a gap for one that has given its buckets away, or do not see it. */
static void one_that_drains_stays_on_record_without_buckets(void **state)
{
    static const char *const modes[] = {"draining", "drained"};
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    struct membership *other = actuator(TEST_OTHER, 1);
    refresh(*state, own, 0);
    refresh(*state, other, 0);
    refresh(*state, own, 1);
    check_range(own, 0, 127);
    for (int i = 0; i < 2; i++) {
        own->mode = modes[i];
        refresh(*state, own, 2 + i);
        check_range(own, 0, -1);
        assert_int_equal(own->live, 1); /* the other one */
        refresh(*state, other, 2 + i);
        check_range(other, 0, 255);
        assert_int_equal(other->live, 1);
        struct json_object *record = read_record(*state, TEST_ACTUATOR);
        assert_string_equal(document_string(record, "mode", ""), modes[i]);
        assert_int_equal(document_number(document_item(document_get(record, "buckets"), 1)), -1);
        json_object_put(record);
    }
    own->mode = "working";
    refresh(*state, own, 5);
    refresh(*state, other, 5);
    check_range(own, 0, 127);
    check_range(other, 128, 255);
}

static void a_static_one_that_drains_has_no_buckets_either(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    own->assignment = ASSIGNMENT_STATIC;
    own->mode = "drained";
    refresh(*state, own, 0);
    check_range(own, 0, -1);
    own->mode = "paused";
    refresh(*state, own, 1);
    check_range(own, 0, 255);
}

/* Records of older versions have no mode: put_record() writes such. */
static void a_record_without_a_mode_counts(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    put_record(*state, TEST_OTHER, TEST_NOW);
    refresh(*state, own, 0);
    check_range(own, 0, 127);
}

/* One process an actuator */

static void a_start_joins_at_once_when_the_one_before_it_has_ended(void **state)
{
    struct membership *before = actuator(TEST_ACTUATOR, 0);
    struct membership *after = actuator(TEST_ACTUATOR, 0);
    refresh(*state, before, 0);
    strcpy(after->start.ended[after->start.ended_count++], before->start.incarnation);
    refresh(*state, after, 1);
    assert_int_equal(after->standing, MEMBERSHIP_JOINED);
    assert_int_equal(after->buckets.last, 255);
}

static int try_refresh(struct test_store *test, struct membership *membership, int64_t seconds,
                       struct error *error)
{
    *error = (struct error){0};
    return membership_refresh(test->store, membership, at(seconds), error);
}

/* Red when the copy of a state directory recovers what its original runs. */
static void a_start_does_not_join_beside_one_that_lives(void **state)
{
    struct test_store *test = *state;
    struct membership *original = actuator(TEST_ACTUATOR, 0);
    struct membership *copy = actuator(TEST_ACTUATOR, 0);
    struct error error;
    strcpy(original->hostname, "vm-original");
    refresh(test, original, 0);
    assert_int_equal(try_refresh(test, copy, 1, &error), 0);
    assert_int_equal(copy->standing, MEMBERSHIP_WATCHING);
    assert_true(copy->buckets.last < copy->buckets.first);
    assert_int_equal(look_again(copy), 1 + TTL);
    assert_non_null(strstr(error.message, "vm-original"));
    assert_int_equal(try_refresh(test, copy, 9, &error), 0);
    assert_int_equal(copy->standing, MEMBERSHIP_WATCHING);

    refresh(test, original, 10);
    assert_int_equal(original->standing, MEMBERSHIP_JOINED);
    assert_int_equal(try_refresh(test, copy, 11, &error), -1);
    assert_int_equal(copy->standing, MEMBERSHIP_FOREIGN);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "remove actuator.id and actuator.start"));
    struct json_object *document = read_record(test, TEST_ACTUATOR);
    assert_string_equal(document_string(document, "incarnation", ""), original->start.incarnation);
    json_object_put(document);
}

static void a_start_joins_when_the_one_before_it_stayed_silent(void **state)
{
    struct test_store *test = *state;
    struct membership *before = actuator(TEST_ACTUATOR, 0);
    struct membership *after = actuator(TEST_ACTUATOR, 0);
    struct error error;
    refresh(test, before, 0);
    assert_int_equal(try_refresh(test, after, 5, &error), 0);
    assert_int_equal(try_refresh(test, after, 5 + TTL - 1, &error), 0);
    assert_int_equal(after->standing, MEMBERSHIP_WATCHING);
    refresh(test, after, 5 + TTL);
    assert_int_equal(after->standing, MEMBERSHIP_JOINED);
    assert_int_equal(after->buckets.last, 255);
}

static void of_two_that_are_one_the_first_must_end_when_the_other_has_joined(void **state)
{
    struct test_store *test = *state;
    struct membership *first = actuator(TEST_ACTUATOR, 0);
    struct membership *second = actuator(TEST_ACTUATOR, 0);
    struct error error;
    refresh(test, first, 0);
    assert_int_equal(try_refresh(test, second, 0, &error), 0);
    refresh(test, second, TTL); /* the first was silent for too long */
    assert_int_equal(try_refresh(test, first, TTL + 1, &error), -1);
    assert_int_equal(first->standing, MEMBERSHIP_FOREIGN);
    assert_int_equal(membership_leave(test->store, first, &error), 0);
    assert_true(is_recorded(test, TEST_ACTUATOR)); /* the second one's */
}

static void a_record_without_incarnation_is_watched(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    put_record(*state, TEST_ACTUATOR, TEST_NOW);
    refresh(*state, own, 0);
    assert_int_equal(own->standing, MEMBERSHIP_WATCHING);
}

/* An older dump was loaded: its record is of an earlier start, which held the lock that is ours. */
static void a_record_of_an_own_earlier_start_that_comes_back_is_no_foreign_one(void **state)
{
    struct test_store *test = *state;
    struct membership *earlier = actuator(TEST_ACTUATOR, 0);
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    refresh(test, earlier, 0);
    strcpy(own->start.ended[own->start.ended_count++], earlier->start.incarnation);
    refresh(test, own, 1);
    assert_int_equal(own->standing, MEMBERSHIP_JOINED);
    test_run(test, store_delete(STORE_MEMBERS, TEST_ACTUATOR, TEST_ACTUATOR, NULL));
    refresh(test, earlier, 2);
    refresh(test, own, 3);
    assert_int_equal(own->standing, MEMBERSHIP_JOINED);
    struct json_object *document = read_record(test, TEST_ACTUATOR);
    assert_string_equal(document_string(document, "incarnation", ""), own->start.incarnation);
    json_object_put(document);
}

static void a_record_that_was_removed_is_written_again(void **state)
{
    struct membership *own = actuator(TEST_ACTUATOR, 0);
    refresh(*state, own, 0);
    test_run(*state, store_delete(STORE_MEMBERS, TEST_ACTUATOR, TEST_ACTUATOR, NULL));
    refresh(*state, own, 10);
    assert_int_equal(own->standing, MEMBERSHIP_JOINED);
    assert_true(is_recorded(*state, TEST_ACTUATOR));
}

static enum double_fate fail_at(struct store_double *double_made,
                                struct store_operation *operations, size_t count)
{
    (void)operations, (void)count;
    return double_made->runs == *(int *)double_made->context ? DOUBLE_FAIL : DOUBLE_PASS;
}

static void without_an_answer_nobody_joins_and_nothing_changes(void **state)
{
    struct test_store *test = *state;
    for (int broken = 1; broken <= 5; broken++) { /* read, write, members, read, write */
        struct store_double double_made;
        struct membership *own = actuator(TEST_ACTUATOR, 0);
        struct error error;
        store_double_initialize(&double_made, test->store);
        double_made.hook = fail_at;
        double_made.context = &broken;
        assert_int_equal(membership_refresh(&double_made.base, own, at(0), &error), -1);
        assert_int_equal(error.kind, ERROR_UNAVAILABLE);
        assert_int_not_equal(own->standing, MEMBERSHIP_FOREIGN);
        assert_true(own->buckets.last < own->buckets.first);
        if (broken <= 2)
            assert_int_equal(own->standing, MEMBERSHIP_UNKNOWN);
        test_run(test, store_delete(STORE_MEMBERS, TEST_ACTUATOR, TEST_ACTUATOR, NULL));
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_that_is_alone_has_all_buckets_and_nobody_to_wait_for),
        CASE(the_record_says_which_buckets_are_ours_now),
        CASE(two_divide_the_buckets_by_their_index),
        CASE(static_assignment_goes_by_the_configuration_alone),
        CASE(a_death_is_noticed_when_it_falls_due),
        CASE(the_next_look_is_for_the_first_of_them_to_die),
        CASE(a_record_that_changes_is_alive_whatever_its_clock_says),
        CASE(a_record_from_the_future_that_never_changes_is_dead),
        CASE(the_wall_clock_decides_no_life_and_no_death),
        CASE(records_of_the_dead_are_kept_for_thirty_days),
        CASE(the_record_of_a_living_actuator_is_not_removed),
        CASE(one_that_leaves_is_gone_at_once),
        CASE(one_that_drains_stays_on_record_without_buckets),
        CASE(a_static_one_that_drains_has_no_buckets_either),
        CASE(a_record_without_a_mode_counts),
        CASE(a_start_joins_at_once_when_the_one_before_it_has_ended),
        CASE(a_start_does_not_join_beside_one_that_lives),
        CASE(a_start_joins_when_the_one_before_it_stayed_silent),
        CASE(of_two_that_are_one_the_first_must_end_when_the_other_has_joined),
        CASE(a_record_without_incarnation_is_watched),
        CASE(a_record_of_an_own_earlier_start_that_comes_back_is_no_foreign_one),
        CASE(a_record_that_was_removed_is_written_again),
        CASE(without_an_answer_nobody_joins_and_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
