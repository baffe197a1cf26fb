/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_supervisor_writer.c - progress and results on their way into a store that fails, is slow,
 * or belongs to others.
 */
#include "attempts_fixture.h"

#include <string.h>

static struct worker *settling(void)
{
    return worker_table_first(&fixture.attempts.table, WORKER_SETTLING);
}

static bool first_has_failed(void)
{
    return settling() && settling()->write_failures == 1 &&
           !writer_is_busy(&fixture.attempts.writer);
}

static bool one_is_free(void)
{
    return worker_table_free_slots(&fixture.attempts.table) == FIXTURE_SLOTS - 1;
}

static void a_result_is_kept_until_the_store_answers(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    fixture.failing_runs = 3;
    live_and_end(&order, "succeeded", "at last");
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_COMPLETED, "at last");
    assert_int_equal(fixture.not_written, 3);
    assert_int_equal(fixture.written, 1);
}

/* The pause is that of one result: 100 ms, doubled with each failure, at most 5 s. */
static void the_pause_grows_with_each_failure(void **state)
{
    (void)state;
    static const struct {
        int failures;
        uint64_t pause;
    } rows[] = {{1, 100}, {2, 200}, {3, 400}, {6, 3200}, {7, 5000}, {50, 5000}};
    begin_attempt(1, NULL);
    struct launcher_message order = next_order();
    fixture.failing_runs = 1;
    live_and_end(&order, "succeeded", "");
    turn_until(first_has_failed);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        settling()->write_failures = rows[i].failures;
        settling()->failed_at = clock_monotonic();
        uv_update_time(&fixture.loop);
        writer_wake(&fixture.attempts.writer);
        assert_false(writer_is_busy(&fixture.attempts.writer));
        uint64_t due = uv_timer_get_due_in(&fixture.attempts.writer.pause);
        assert_true(due <= rows[i].pause);
        assert_true(due > rows[i].pause * 9 / 10 - 50);
    }
    settling()->failed_at = (struct monotonic){0};
    writer_wake(&fixture.attempts.writer);
    turn_until(is_idle);
}

static void a_result_that_fails_delays_no_other(void **state)
{
    (void)state;
    char ids[2][UUID_SIZE];
    struct launcher_message orders[2];
    for (int i = 0; i < 2; i++) {
        begin_attempt(i + 1, ids[i]);
        orders[i] = next_order();
    }
    fixture.failing_runs = 1;
    live_and_end(&orders[0], "succeeded", "first");
    turn_until(first_has_failed);
    struct worker *failed = settling();
    failed->write_failures = 10; /* its next try is seconds away */
    live_and_end(&orders[1], "succeeded", "second");
    turn_until(one_is_free);
    expect_manifest(2, ids[1], MANIFEST_COMPLETED, "second");
    assert_ptr_equal(settling(), failed);
    assert_int_equal(failed->write_failures, 10);

    failed->failed_at = (struct monotonic){0};
    writer_wake(&fixture.attempts.writer);
    turn_until(is_idle);
    expect_manifest(1, ids[0], MANIFEST_COMPLETED, "first");
}

static bool two_have_their_results(void)
{
    return fixture.attempts.table.lists[WORKER_SETTLING].count == 2;
}

/* A result that the store cannot take is never in one batch with one that it can. */
static void results_that_failed_are_tried_apart_from_new_ones(void **state)
{
    (void)state;
    struct launcher_message orders[2];
    for (int i = 0; i < 2; i++) {
        begin_attempt(i + 1, NULL);
        orders[i] = next_order();
    }
    fixture.failing_runs = 1;
    live_and_end(&orders[0], "succeeded", "");
    turn_until(first_has_failed);
    struct worker *failed = settling();
    failed->write_failures = 10;
    fixture.attempts.writer.retries_next = false;
    tell_started(&orders[1]);
    report_line(&orders[1], "{\"type\":\"result\",\"outcome\":\"succeeded\",\"message\":\"\"}");
    close_report(&orders[1]);
    struct worker *fresh = worker_of(&orders[1]);
    failed->failed_at = (struct monotonic){0}; /* both are due at once */
    tell_ended(orders[1].launch.token, 0);
    assert_true(two_have_their_results());
    assert_true(fresh->writing);
    assert_false(failed->writing);
    turn_until(is_idle);
}

static void a_result_is_dropped_when_its_lease_is_over(void **state)
{
    (void)state;
    begin_attempt(1, NULL);
    struct launcher_message order = next_order();
    fixture.failing_runs = -1;
    worker_of(&order)->lease_milliseconds = 0;
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
    assert_int_equal(fixture.feed.message.values[METRIC_RESULTS_LATE], 1);
    fixture.failing_runs = 0;
}

static int stored_step(void)
{
    struct manifest manifest = test_manifest(
        fixture.store, 1, worker_table_first(&fixture.attempts.table, WORKER_RUNNING)->manifest_id);
    int step = (int)document_integer(manifest_document(&manifest), "progress.step", 0);
    manifest_free(&manifest);
    return step;
}

static bool first_step_is_stored(void)
{
    return stored_step() == 1;
}

static bool second_step_is_stored(void)
{
    return stored_step() == 2;
}

static void report_step(const struct launcher_message *order, int step)
{
    char line[128];
    snprintf(line, sizeof(line), "{\"type\":\"step\",\"step\":%d,\"steps\":9,\"name\":\"s\"}",
             step);
    report_line(order, line);
}

static void progress_is_written_once_a_second(void **state)
{
    (void)state;
    begin_attempt(1, NULL);
    struct launcher_message order = next_order();
    report_step(&order, 1); /* before the pid is known: waits for it */
    assert_false(writer_is_busy(&fixture.attempts.writer));
    tell_started(&order);
    turn_until(first_step_is_stored);
    struct monotonic first = fixture.attempts.writer.progress_written;
    report_step(&order, 2);
    assert_false(writer_is_busy(&fixture.attempts.writer));
    turn_until(second_step_is_stored);
    assert_true(fixture.attempts.writer.progress_written.milliseconds - first.milliseconds >= 1000);
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
}

static bool one_write_has_failed(void)
{
    return fixture.not_written == 1;
}

static void progress_that_failed_is_written_later(void **state)
{
    (void)state;
    begin_attempt(1, NULL);
    struct launcher_message order = next_order();
    tell_started(&order);
    fixture.failing_runs = 1;
    report_step(&order, 1);
    turn_until(one_write_has_failed);
    turn_until(first_step_is_stored);
    assert_int_equal(fixture.not_written, 1);
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
}

static bool first_is_orphaned(void)
{
    const struct worker *worker = worker_table_first(&fixture.attempts.table, WORKER_RUNNING);
    return worker && worker->orphaned;
}

static void progress_of_a_manifest_that_is_gone_is_not_written_again(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    assert_int_equal(
        test_run(fixture.store, store_delete(STORE_MANIFESTS, test_cluster_id(1), id, NULL)),
        STORE_DONE);
    report_step(&order, 1);
    turn_until(first_is_orphaned);
    int runs = fixture.store_runs;
    fixture.attempts.writer.progress_written = (struct monotonic){0};
    report_step(&order, 2);
    assert_false(writer_is_busy(&fixture.attempts.writer));
    assert_int_equal(fixture.store_runs, runs);
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
}

static void what_comes_meanwhile_is_the_next_batch(void **state)
{
    (void)state;
    struct launcher_message orders[FIXTURE_SLOTS];
    for (int i = 0; i < FIXTURE_SLOTS; i++) {
        begin_attempt(i + 1, NULL);
        orders[i] = next_order();
    }
    fixture.largest_run = 0;
    for (int i = 0; i < FIXTURE_SLOTS; i++)
        live_and_end(&orders[i], "succeeded", "");
    turn_until(is_idle);
    assert_true(fixture.written <= FIXTURE_SLOTS);
    assert_true(fixture.largest_run <= FIXTURE_SLOTS);
}

#define WITH_LAUNCHER(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, set_up_attempts, tear_down_attempts)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LAUNCHER(a_result_is_kept_until_the_store_answers),
        WITH_LAUNCHER(the_pause_grows_with_each_failure),
        WITH_LAUNCHER(a_result_that_fails_delays_no_other),
        WITH_LAUNCHER(results_that_failed_are_tried_apart_from_new_ones),
        WITH_LAUNCHER(a_result_is_dropped_when_its_lease_is_over),
        WITH_LAUNCHER(progress_is_written_once_a_second),
        WITH_LAUNCHER(progress_that_failed_is_written_later),
        WITH_LAUNCHER(progress_of_a_manifest_that_is_gone_is_not_written_again),
        WITH_LAUNCHER(what_comes_meanwhile_is_the_next_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
