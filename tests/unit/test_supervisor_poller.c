/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_poller.c - rounds against the store: when they come, and what they do. */
#include <string.h>
#include <unistd.h>

#include "mimo/document.h"
#include "supervisor/poller.h"
#include "supervisor_store.h"

enum { PATIENCE = 60 };

static struct test_store *store;
static uv_loop_t loop;
static struct poller poller;
static struct config config;
static struct settle_rules rules = {.actuator = TEST_ACTUATOR, .mark = TEST_MARK};
static struct steady_clock steady;
static int failing_runs; /* -1: all */
static struct {
    int rounds, answered, recovered, refreshed;
    size_t claimed, watched, stops;
    size_t free_workers;
    size_t running; /* attempts to be looked after */
    bool busy;
    struct stop_watch watch;
} seen;

int __real_store_run(struct store *handle, struct store_operation *operations, size_t count,
                     struct error *error);
int __wrap_store_run(struct store *handle, struct store_operation *operations, size_t count,
                     struct error *error);

int __wrap_store_run(struct store *handle, struct store_operation *operations, size_t count,
                     struct error *error)
{
    if (failing_runs != 0) {
        if (failing_runs > 0)
            failing_runs--;
        return error_set(error, ERROR_UNAVAILABLE, "the disk is full");
    }
    return __real_store_run(handle, operations, count, error);
}

int64_t __wrap_clock_unix_milliseconds(void);
static int64_t booted;

/* It is TEST_NOW when a test begins. */
int64_t __wrap_clock_unix_milliseconds(void)
{
    return INT64_C(1000) * TEST_NOW + clock_boot_milliseconds() - booted;
}

static size_t free_workers(void *context)
{
    (void)context;
    return seen.free_workers;
}

static size_t running(void *context, struct stop_watch *watches)
{
    (void)context;
    for (size_t i = 0; i < seen.running; i++)
        watches[i] = seen.watch;
    return seen.running;
}

static bool busy(void *context)
{
    (void)context;
    return seen.busy;
}

static void on_polled(void *context, struct poll_result *result)
{
    (void)context;
    seen.rounds++;
    seen.answered += result->answered;
    seen.recovered += result->recovered;
    seen.refreshed += result->refreshed;
    seen.claimed += result->claims.count;
    seen.watched += result->watch_count;
    for (size_t i = 0; i < result->watch_count; i++)
        seen.stops += result->watches[i].stop;
    if (!result->answered)
        assert_string_not_equal(result->error.message, "");
    assert_int_equal(result->lease_milliseconds, config.actuator_lease_ttl);
}

static const struct poller_handlers handlers = {free_workers, running, busy, on_polled};

static int set_up(void **state)
{
    struct error error;
    struct membership membership = {.start.id = TEST_ACTUATOR,
                                    .hostname = "vm",
                                    .ttl_seconds = 60,
                                    .max_workers = 3,
                                    .mode = "working",
                                    .buckets = {0, -1}};
    if (test_store_setup(state) < 0 || membership_initialize(&membership, &error) < 0)
        return -1;
    alarm(PATIENCE);
    store = *state;
    failing_runs = 0;
    memset(&seen, 0, sizeof(seen));
    config = (struct config){.actuator_max_workers = 3,
                             .actuator_poll_interval = 20,
                             .actuator_membership_interval = 10 * 1000,
                             .actuator_membership_ttl = 60 * 1000,
                             .actuator_lease_ttl = 3600 * 1000};
    uv_loop_init(&loop);
    booted = clock_boot_milliseconds();
    steady_clock_start(&steady, config.actuator_lease_ttl, INT64_C(1000) * TEST_NOW, booted);
    return poller_initialize(&poller, &loop, store->store, &config, &rules, &steady, &membership,
                             &handlers, NULL, &error);
}

static int tear_down(void **state)
{
    alarm(0);
    failing_runs = 0;
    poller_close(&poller);
    membership_free(&poller.membership);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return test_store_teardown(state);
}

static void run_rounds(int count)
{
    int until = seen.rounds + count;
    while (seen.rounds < until)
        uv_run(&loop, UV_RUN_ONCE);
}

static void the_first_round_recovers_and_the_next_claim(void **state)
{
    (void)state;
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW, NULL);
    seen.free_workers = 0; /* the supervisor still starts */
    poller_wake(&poller);  /* too early: nothing is begun */
    assert_false(poller_is_busy(&poller));
    poller_start(&poller);
    assert_true(poller_is_busy(&poller));
    run_rounds(1);
    assert_int_equal(seen.recovered, 1);
    assert_int_equal(seen.refreshed, 1);
    assert_true(poller.recovered);
    assert_int_equal(poller.membership.buckets.first, 0);
    assert_int_equal(poller.membership.buckets.last, BUCKET_COUNT - 1);
    assert_int_equal(poller.membership.live, 1);
    assert_int_equal(seen.claimed, 0);
    seen.free_workers = 3;
    run_rounds(2);
    assert_int_equal(seen.claimed, 1);
    assert_int_equal(seen.recovered, 1);
    assert_int_equal(seen.refreshed, 1); /* its interval is not over */
    assert_int_equal(seen.answered, seen.rounds);
}

static void a_wake_begins_a_round_at_once(void **state)
{
    (void)state;
    poller_start(&poller);
    run_rounds(1);
    config.actuator_poll_interval = 3600 * 1000;
    run_rounds(1);
    poller_wake(&poller);
    assert_true(poller_is_busy(&poller));
    poller_wake(&poller); /* while a round is in flight: another follows */
    run_rounds(2);
    assert_false(poller_is_busy(&poller));
    poller_wake_soon(&poller);
    assert_false(poller_is_busy(&poller));
    assert_true(uv_timer_get_due_in(&poller.timer) <= 2);
    run_rounds(1);
    assert_true(uv_timer_get_due_in(&poller.timer) > 1000);
}

static void the_next_manifest_that_becomes_due_shortens_the_pause(void **state)
{
    (void)state;
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW + 30, NULL);
    seen.free_workers = 3;
    config.actuator_poll_interval = 3600 * 1000;
    poller_start(&poller);
    run_rounds(1);
    uint64_t due = uv_timer_get_due_in(&poller.timer);
    assert_true(due > 20 * 1000 && due <= 30 * 1000);
}

static void a_store_that_fails_is_asked_again_and_written_to_first(void **state)
{
    (void)state;
    poller_start(&poller);
    run_rounds(1);
    failing_runs = 1;
    run_rounds(1);
    assert_int_equal(seen.answered, 1);
    assert_int_equal(seen.refreshed, 1);
    run_rounds(1);
    assert_int_equal(seen.answered, 2);
    assert_int_equal(seen.refreshed, 2); /* although the interval is not over */
}

static void recovery_is_tried_until_it_succeeds(void **state)
{
    (void)state;
    failing_runs = 2;
    poller_start(&poller);
    run_rounds(2);
    assert_false(poller.recovered);
    run_rounds(1);
    assert_true(poller.recovered);
    assert_int_equal(seen.recovered, 1);
}

static void paused_it_claims_nothing_and_keeps_its_buckets(void **state)
{
    (void)state;
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW, NULL);
    poller_start(&poller);
    run_rounds(1);
    seen.free_workers = 3;
    poller_set_hold(&poller, POLLER_PAUSED);
    run_rounds(3);
    assert_string_equal(poller.membership.mode, "paused");
    assert_int_equal(seen.claimed, 0);
    assert_true(seen.refreshed >= 2); /* the others are told at once */
    assert_int_equal(poller.membership.buckets.last, BUCKET_COUNT - 1);
    poller_set_hold(&poller, POLLER_WORKING);
    run_rounds(2);
    assert_string_equal(poller.membership.mode, "working");
    assert_int_equal(seen.claimed, 1);
}

/* Checks what the others read of this actuator. */
static void check_record(const char *mode, int last_bucket)
{
    struct error error;
    struct store_operation read = store_get(STORE_MEMBERS, NULL, TEST_ACTUATOR);
    assert_int_equal(store_run(store->store, &read, 1, &error), 0);
    assert_int_equal(read.result.status, STORE_DONE);
    const struct json_object *record = read.result.items[0].document;
    assert_string_equal(document_string(record, "mode", ""), mode);
    assert_int_equal(document_number(document_item(document_get(record, "buckets"), 1)),
                     last_bucket);
    store_release(&read, 1);
}

/* Red when the record is removed: operators then take the actuator for gone. */
static void drained_it_gives_its_buckets_away_and_stays_on_record(void **state)
{
    (void)state;
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW, NULL);
    poller_start(&poller);
    run_rounds(1);
    check_record("working", BUCKET_COUNT - 1);
    seen.free_workers = 3;
    poller_set_hold(&poller, POLLER_DRAINED);
    run_rounds(3);
    check_record("drained", -1);
    assert_true(poller.membership.buckets.last < poller.membership.buckets.first);
    assert_int_equal(seen.claimed, 0);
    poller_set_hold(&poller, POLLER_WORKING);
    run_rounds(2);
    check_record("working", BUCKET_COUNT - 1);
    assert_int_equal(seen.claimed, 1);
}

/* Red if "drained" is announced while a lease is held, or if running attempts are not watched. */
static void it_is_drained_when_the_last_lease_is_given_back(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW, id);
    strcpy(seen.watch.manifest_id, id);
    strcpy(seen.watch.cluster, test_cluster_id(1));
    seen.running = 1;
    seen.busy = true;
    poller_start(&poller);
    run_rounds(1);
    poller_set_hold(&poller, POLLER_DRAINED);
    run_rounds(2);
    check_record("draining", -1);
    size_t watched = seen.watched;
    run_rounds(2);
    check_record("draining", -1);
    assert_true(seen.watched > watched);
    seen.running = 0;
    seen.busy = false;
    poller_wake_soon(&poller); /* a worker became free; the membership interval is not over */
    run_rounds(2);
    check_record("drained", -1);
}

static void running_attempts_are_looked_after_at_each_poll(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    test_add_cluster(store, 1, "Succeeded");
    test_add_manifest(store, 1, 0, TEST_NOW, id);
    strcpy(seen.watch.manifest_id, id);
    strcpy(seen.watch.cluster, test_cluster_id(1));
    seen.running = 1;
    poller_start(&poller);
    run_rounds(2);
    assert_true(seen.watched >= 1);
    assert_int_equal(seen.stops, 0);
}

#define WITH_POLLER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POLLER(the_first_round_recovers_and_the_next_claim),
        WITH_POLLER(a_wake_begins_a_round_at_once),
        WITH_POLLER(the_next_manifest_that_becomes_due_shortens_the_pause),
        WITH_POLLER(a_store_that_fails_is_asked_again_and_written_to_first),
        WITH_POLLER(recovery_is_tried_until_it_succeeds),
        WITH_POLLER(paused_it_claims_nothing_and_keeps_its_buckets),
        WITH_POLLER(drained_it_gives_its_buckets_away_and_stays_on_record),
        WITH_POLLER(it_is_drained_when_the_last_lease_is_given_back),
        WITH_POLLER(running_attempts_are_looked_after_at_each_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
