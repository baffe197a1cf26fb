/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_supervisor_worker.c - the worker table, what reports do to a worker, its limits, and
 * URLs.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <sys/wait.h>

#include "mimo/document.h"
#include "supervisor/worker.h"

enum { SLOTS = 3 };

struct table_test {
    uv_loop_t loop;
    struct worker_table table;
};

static struct table_test test;

static int open_table(void **state)
{
    struct error error;
    (void)state;
    uv_loop_init(&test.loop);
    return worker_table_initialize(&test.table, &test.loop, SLOTS, NULL, &error);
}

static int close_table(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < test.table.size; i++)
        uv_close((uv_handle_t *)&test.table.workers[i].deadline, NULL);
    uv_run(&test.loop, UV_RUN_DEFAULT);
    worker_table_free(&test.table);
    return uv_loop_close(&test.loop);
}

static struct worker *take(void)
{
    struct claim claim = {0};
    strcpy(claim.manifest.id, "2b65ac7b-cbf5-4fdc-829d-a737e646d492");
    claim.manifest.attempt = 2;
    return worker_table_take(&test.table, &claim, clock_monotonic());
}

/* The states of all slots, as their lists and as the entries tell them, agree. */
static void assert_consistent(void)
{
    uint32_t listed = 0;
    for (int state = 0; state < WORKER_STATE_COUNT; state++) {
        uint32_t count = 0;
        const struct worker *previous = NULL;
        const struct worker *worker = worker_table_first(&test.table, (enum worker_state)state);
        for (; worker; previous = worker, worker = worker->next, count++) {
            assert_int_equal(worker->state, state);
            assert_ptr_equal(worker->previous, previous);
        }
        assert_ptr_equal(test.table.lists[state].last, previous);
        assert_int_equal(test.table.lists[state].count, count);
        listed += count;
    }
    assert_int_equal(listed, SLOTS);
}

static void slots_are_given_out_and_come_back(void **state)
{
    (void)state;
    struct worker *workers[SLOTS];
    assert_int_equal(worker_table_free_slots(&test.table), SLOTS);
    for (int i = 0; i < SLOTS; i++)
        assert_non_null(workers[i] = take());
    assert_null(take());
    assert_int_equal(worker_table_active(&test.table), SLOTS);
    assert_int_equal(workers[0]->settlement.attempt, 2);
    assert_consistent();

    worker_change_state(&test.table, workers[1], WORKER_SETTLING);
    assert_int_equal(worker_table_active(&test.table), SLOTS);
    assert_consistent();
    worker_table_release(&test.table, workers[1]);
    assert_int_equal(worker_table_active(&test.table), SLOTS - 1);
    assert_int_equal(worker_table_free_slots(&test.table), 1);
    assert_consistent();
    assert_ptr_equal(take(), workers[1]);
    assert_consistent();
}

/* A user for each slot: two workers that run at once must not share a slot. */
static void concurrent_attempts_have_slots_and_tokens_of_their_own(void **state)
{
    (void)state;
    struct worker *workers[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        workers[i] = take();
        assert_true(workers[i]->slot < SLOTS);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(workers[i]->slot, workers[j]->slot);
            assert_true(workers[i]->token > workers[j]->token);
        }
    }
}

static void the_slot_that_was_free_for_longest_comes_next(void **state)
{
    (void)state;
    struct worker *first = take();
    worker_change_state(&test.table, first, WORKER_SETTLING);
    worker_table_release(&test.table, first);
    for (int i = 1; i < SLOTS; i++)
        assert_ptr_not_equal(take(), first);
    assert_ptr_equal(take(), first);
}

static void a_slot_whose_pipe_is_open_is_not_free(void **state)
{
    (void)state;
    struct worker *worker = take();
    worker->pipe_state = WORKER_PIPE_CLOSING;
    worker_change_state(&test.table, worker, WORKER_SETTLING);
    worker_table_release(&test.table, worker);
    assert_int_equal(worker->state, WORKER_CLOSING);
    assert_int_equal(worker_table_free_slots(&test.table), SLOTS - 1);
    assert_int_equal(worker_table_active(&test.table), 0);
    worker_table_pipe_closed(&test.table, worker);
    assert_int_equal(worker_table_free_slots(&test.table), SLOTS);
    assert_consistent();
}

static void a_pipe_that_closes_before_the_end_frees_nothing(void **state)
{
    (void)state;
    struct worker *worker = take();
    worker->pipe_state = WORKER_PIPE_CLOSING;
    worker_change_state(&test.table, worker, WORKER_LAUNCHING);
    worker_table_pipe_closed(&test.table, worker);
    assert_int_equal(worker->state, WORKER_LAUNCHING);
    assert_int_equal(worker->pipe_state, WORKER_PIPE_NONE);
    worker_change_state(&test.table, worker, WORKER_SETTLING);
    worker_table_release(&test.table, worker);
    assert_int_equal(worker->state, WORKER_FREE);
}

/* Whatever an attempt left in its slot, the next one finds nothing of it. */
static void nothing_of_an_attempt_is_left_to_the_next(void **state)
{
    (void)state;
    for (int i = 1; i < SLOTS; i++)
        take();
    struct worker *worker = take();
    const uint32_t slot = worker->slot;
    const size_t kept = offsetof(struct worker, token);
    settlement_free(&worker->settlement);
    memset((char *)worker + kept, 0x5a, sizeof(*worker) - kept);
    worker->settlement = (struct settlement){0};
    report_reader_initialize(&worker->reader);
    worker_change_state(&test.table, worker, WORKER_SETTLING);
    worker_table_release(&test.table, worker);

    assert_ptr_equal(take(), worker);
    assert_int_equal(worker->slot, slot);
    assert_false(worker->writing || worker->progress_dirty || worker->orphaned || worker->reaped);
    assert_int_equal(worker->write_failures, 0);
    assert_int_equal(worker->pid, 0);
    assert_int_equal(worker->alarm_milliseconds, 0);
    assert_int_equal(worker->lease_milliseconds, 0);
    assert_null(worker->task);
    const struct worker_end untouched = {0};
    assert_memory_equal(&worker->end, &untouched, sizeof(untouched));
    assert_string_equal(worker->message, "");
    assert_string_equal(worker->forbidden_call, "");
    assert_string_equal(worker->task_id, "");
    assert_string_equal(worker->cluster, "");
    assert_string_equal(worker->manifest_id, "2b65ac7b-cbf5-4fdc-829d-a737e646d492");
}

static void only_workers_with_a_process_are_found_by_token(void **state)
{
    (void)state;
    struct worker *worker = take();
    struct worker *other = take();
    uint64_t token = worker->token;
    assert_null(worker_table_find(&test.table, token));
    assert_false(worker_has_process(worker));
    worker_change_state(&test.table, other, WORKER_LAUNCHING);
    worker_change_state(&test.table, worker, WORKER_LAUNCHING);
    assert_true(worker_has_process(worker));
    assert_ptr_equal(worker_table_find(&test.table, token), worker);
    assert_int_equal(worker_table_live(&test.table), 2);
    worker_change_state(&test.table, worker, WORKER_RUNNING);
    assert_ptr_equal(worker_table_find(&test.table, token), worker);
    assert_int_equal(worker_table_live(&test.table), 2);
    worker_change_state(&test.table, worker, WORKER_SETTLING);
    assert_null(worker_table_find(&test.table, token));
    assert_int_equal(worker_table_live(&test.table), 1);
    worker_table_release(&test.table, worker);
    assert_true(take()->token != token);
}

static void each_state_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"free",    "preparing", "launching",
                                        "running", "settling",  "closing"};
    for (int i = 0; i < WORKER_STATE_COUNT; i++)
        assert_string_equal(worker_state_name((enum worker_state)i), names[i]);
}

static struct report patch_report(struct json_object *patch)
{
    return (struct report){.type = REPORT_PATCH_CLUSTER, .patch = patch};
}

static void a_patch_must_be_declared_by_the_task(void **state)
{
    (void)state;
    static const char *const declared[] = {"properties.registryProfiles", "properties.note", NULL};
    static const struct task task = {.patches = declared};
    static const struct task silent = {0};
    struct worker *worker = take();
    cleanup_json struct json_object *good = document_pack("{s:{s:s}}", "properties", "note", "x");
    cleanup_json struct json_object *bad =
        document_pack("{s:{s:s, s:s}}", "properties", "note", "x", "operatorFlags", "y");
    cleanup_json struct json_object *whole = document_pack("{s:s}", "properties", "gone");
    cleanup_json struct json_object *empty =
        document_pack("{s:{s:{}}}", "properties", "operatorFlags");
    cleanup_json struct json_object *dotted = document_pack("{s:s}", "properties.note", "x");
    struct report empty_report = patch_report(empty), dotted_report = patch_report(dotted);
    struct report good_report = patch_report(good);
    struct report bad_report = patch_report(bad);
    struct report whole_report = patch_report(whole);

    worker->task = &task;
    assert_true(worker_take_report(worker, &good_report));
    assert_int_equal(document_length(worker->settlement.cluster_patches), 1);
    assert_false(worker_take_report(worker, &bad_report));
    assert_non_null(
        strstr(worker->end.bad_report, "member \"properties.operatorFlags\" is not declared"));
    assert_true(worker->end.bad_patch);
    assert_false(worker_take_report(worker, &whole_report));
    assert_false(worker_take_report(worker, &empty_report));
    assert_false(worker_take_report(worker, &dotted_report));
    worker->task = &silent;
    assert_false(worker_take_report(worker, &good_report));
    assert_int_equal(document_length(worker->settlement.cluster_patches), 1);
    worker->task = &task;
    assert_true(worker_take_report(worker, &good_report));
    assert_int_equal(document_length(worker->settlement.cluster_patches), 2);
}

/* What a patch may hold: declared members, and objects above them that hold nothing else. */
static void a_patch_is_a_tree_and_not_a_path(void **state)
{
    (void)state;
    static const char *const declared[] = {"properties.note", "properties.deep.inner.x", NULL};
    static const struct task task = {.patches = declared};
    static const struct {
        const char *patch;
        bool taken;
    } rows[] = {
        {"{}", true},
        {"{\"properties\":{}}", true},
        {"{\"properties\":{\"note\":{\"any\":{}}}}", true},
        {"{\"properties\":{\"note\":null}}", true},
        {"{\"properties\":{\"deep\":{\"inner\":{\"x\":1}}}}", true},
        {"{\"properties\":{\"deep\":{\"inner\":{}}}}", true},
        {"{\"properties\":{\"deep\":{\"inner\":{\"y\":1}}}}", false},
        {"{\"properties\":{\"deep\":{\"inner\":1}}}", false},
        {"{\"properties\":{\"deep\":null}}", false},
        {"{\"properties\":{\"dee\":{}}}", false},
        {"{\"properties\":{\"apiserverProfile\":{}}}", false},
        {"{\"properties\":{\"apiserverProfile\":{\"url\":{}}}}", false},
        {"{\"properties\":null}", false},
        {"{\"properties\":[]}", false},
        {"{\"properties.note\":\"x\"}", false},
        {"{\"properties\":{\"deep.inner\":{\"x\":1}}}", false},
        {"{\"id\":{}}", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error;
        struct worker worker = {.task = &task};
        cleanup_json struct json_object *patch =
            document_parse(rows[i].patch, strlen(rows[i].patch), &error);
        struct report report = patch_report(patch);
        if (worker_take_report(&worker, &report) != rows[i].taken)
            fail_msg("%s: expected %d", rows[i].patch, rows[i].taken);
        assert_int_equal(document_length(worker.settlement.cluster_patches), rows[i].taken);
        json_object_put(worker.settlement.cluster_patches);
    }
}

static void reports_become_progress_and_result(void **state)
{
    (void)state;
    struct worker *worker = take();
    struct report step = {.type = REPORT_STEP, .step = 1, .steps = 2, .text = "one\x1b[2J"};
    struct report status = {.type = REPORT_STATUS, .text = "waiting"};
    struct report forbidden = {.type = REPORT_FORBIDDEN, .text = "openat"};
    struct report result = {.type = REPORT_RESULT,
                            .outcome = OUTCOME_TRANSIENT,
                            .text = "503 later",
                            .retry_after = 30};

    assert_true(worker_take_report(worker, &step));
    assert_true(worker->progress_dirty);
    assert_int_equal(worker->settlement.step, 1);
    assert_int_equal(worker->settlement.steps, 2);
    assert_null(strchr(worker->settlement.step_name, '\x1b'));
    assert_true(worker_take_report(worker, &status));
    assert_string_equal(worker->settlement.status_text, "waiting");
    assert_true(worker_take_report(worker, &forbidden));
    assert_string_equal(worker->end.forbidden_call, "openat");
    assert_true(worker_take_report(worker, &result));
    assert_true(worker->end.has_result);
    assert_int_equal(worker->end.result, OUTCOME_TRANSIENT);
    assert_int_equal(worker->end.retry_after, 30);
    assert_string_equal(worker->end.message, "503 later");
}

/* Whatever lease and timeout are: alarm and grace end before the lease does, and the alarm is real.
 */
static void a_worker_is_dead_before_its_lease_is(void **state)
{
    (void)state;
    static const int64_t leases[] = {2000, 3000, 10000, 59999, 60000, 3600000, 86400000};
    static const int64_t timeouts[] = {1000, 5000, 3600000, 86400000};
    for (size_t i = 0; i < sizeof(leases) / sizeof(leases[0]); i++)
        for (size_t j = 0; j < sizeof(timeouts) / sizeof(timeouts[0]); j++) {
            struct worker_limits limits = worker_limits_of(leases[i], timeouts[j]);
            assert_true(limits.alarm_seconds >= 1);
            assert_true(limits.alarm_seconds * 1000 <= timeouts[j]);
            assert_true(limits.grace_milliseconds > 0);
            assert_true(limits.alarm_seconds * 1000 + limits.grace_milliseconds < leases[i]);
            assert_true(limits.alarm_seconds * 1000 <= limits.latest_milliseconds);
            assert_true(limits.latest_milliseconds < leases[i]);
        }
    struct worker_limits normal = worker_limits_of(3600000, 3600000);
    assert_int_equal(normal.alarm_seconds, 3585);
    assert_int_equal(normal.grace_milliseconds, 10000);
}

/* A claim that took longer than its lease, or nearly so: a store that waits, an actuator that was
 * stopped. */
static void no_worker_is_started_when_the_lease_is_nearly_over(void **state)
{
    (void)state;
    static const int64_t left[] = {-5000, 0, 500, 1000, 1600};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        assert_int_equal(worker_limits_of(left[i], 3600000).alarm_seconds, 0);
}

int main(void)
{
#define WITH_TABLE(name) cmocka_unit_test_setup_teardown(name, open_table, close_table)
    const struct CMUnitTest tests[] = {
        WITH_TABLE(slots_are_given_out_and_come_back),
        WITH_TABLE(concurrent_attempts_have_slots_and_tokens_of_their_own),
        WITH_TABLE(the_slot_that_was_free_for_longest_comes_next),
        WITH_TABLE(a_slot_whose_pipe_is_open_is_not_free),
        WITH_TABLE(a_pipe_that_closes_before_the_end_frees_nothing),
        WITH_TABLE(nothing_of_an_attempt_is_left_to_the_next),
        cmocka_unit_test(each_state_has_its_name),
        WITH_TABLE(only_workers_with_a_process_are_found_by_token),
        WITH_TABLE(a_patch_must_be_declared_by_the_task),
        cmocka_unit_test(a_patch_is_a_tree_and_not_a_path),
        WITH_TABLE(reports_become_progress_and_result),
        cmocka_unit_test(a_worker_is_dead_before_its_lease_is),
        cmocka_unit_test(no_worker_is_started_when_the_lease_is_nearly_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
