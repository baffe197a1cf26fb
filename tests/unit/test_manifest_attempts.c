/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest_attempts.c - a manifest from its first claim to its end, in every way that it may
 * go. */
#include "manifest_fixture.h"
#include "mimo/document.h"

static void a_claim_counts_leases_and_is_remembered(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    manifest.next_attempt = NOW - 1;
    manifest_set_status_text(&manifest, "TransientError: 503");
    claim(&manifest, NOW);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
    assert_int_equal(manifest.attempt, 1);
    assert_int_equal(manifest.dequeues, 1);
    assert_string_equal(manifest.lease_owner, OWNER);
    assert_int_equal(manifest.lease_expires, NOW + LEASE);
    assert_int_equal(manifest.started_at, NOW);
    assert_int_equal(manifest.next_attempt, 0);
    assert_string_equal(manifest.status_text, "");
    cleanup_json struct json_object *entry =
        document_pack("{s:i, s:i, s:s}", "number", 1, "startedAt", NOW, "actuator", OWNER);
    assert_true(document_equal(attempt_at(&manifest, 0), entry));
    expect_failure(manifest_claim(&manifest, OTHER, NOW, LEASE, &error), &error, ERROR_CONFLICT,
                   "is InProgress: claim is not possible");
    assert_string_equal(manifest.lease_owner, OWNER);
    assert_int_equal(document_length(document_get(manifest.document, "attempts")), 1);
    manifest_free(&manifest);
}

static void a_claim_and_its_end_leave_no_mark_of_another(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    strcpy(manifest.claim_token, OTHER); /* as a foreign producer may leave them */
    strcpy(manifest.incarnation, OTHER);
    claim(&manifest, NOW);
    assert_string_equal(manifest.claim_token, "");
    assert_string_equal(manifest.incarnation, "");
    expect_success(manifest_mark_claim(&manifest, TASK, SCHEDULE, &error), &error);
    assert_string_equal(manifest.claim_token, TASK);
    assert_string_equal(manifest.incarnation, SCHEDULE);
    end_with(&manifest, OUTCOME_DRAINED, "", &backoff, NOW);
    assert_string_equal(manifest.claim_token, "");
    assert_string_equal(manifest.incarnation, "");
    assert_int_equal(manifest.lease_expires, 0);
    manifest_free(&manifest);
}

static void only_the_attempt_that_runs_owns_the_manifest(void **state)
{
    struct manifest manifest = make();

    (void)state;
    assert_false(manifest_is_owned(&manifest, OWNER, 0));
    claim(&manifest, NOW);
    assert_true(manifest_is_owned(&manifest, OWNER, 1));
    assert_false(manifest_is_owned(&manifest, OTHER, 1));
    assert_false(manifest_is_owned(&manifest, OWNER, 2));
    end_with(&manifest, OUTCOME_DRAINED, "", &backoff, NOW);
    claim(&manifest, NOW);
    assert_int_equal(manifest.dequeues, 1); /* as at first, but the fence has moved */
    assert_false(manifest_is_owned(&manifest, OWNER, 1));
    assert_true(manifest_is_owned(&manifest, OWNER, 2));
    manifest_free(&manifest);
}

/* Ends the attempt as one that a server asked to wait this long for. */
static void end_deferred(struct manifest *manifest, int64_t retry_after, int64_t now)
{
    struct outcome outcome = {.kind = OUTCOME_TRANSIENT, .retry_after = retry_after};
    struct error error;

    expect_success(manifest_end_attempt(manifest, &outcome, NULL, &backoff, now, 0, &error),
                   &error);
}

static void a_server_that_asks_to_wait_costs_no_attempt_up_to_a_bound(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int i = 1; i <= MANIFEST_DEFERRALS_MAXIMUM; i++) {
        claim(&manifest, NOW);
        end_deferred(&manifest, 77, NOW);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.dequeues, 0);
        assert_int_equal(manifest.attempt, i);
        assert_int_equal(manifest.next_attempt, NOW + 77);
    }
    claim(&manifest, NOW);
    end_deferred(&manifest, 1000000, NOW);
    assert_int_equal(manifest.dequeues, 1);
    assert_int_equal(manifest.next_attempt, NOW + 1000000);
    for (int i = 2; i <= MANIFEST_ATTEMPTS_MAXIMUM; i++) {
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        claim(&manifest, NOW);
        end_deferred(&manifest, 1, NOW);
        assert_int_equal(manifest.dequeues, i);
    }
    assert_int_equal(manifest.state, MANIFEST_RETRIES_EXCEEDED);
    assert_int_equal(manifest.next_attempt, 0);
    manifest_free(&manifest);
}

static void success_completes(void **state)
{
    struct manifest manifest = make();

    (void)state;
    claim(&manifest, NOW);
    manifest_set_progress(&manifest, 2, 3, "API server is up", "waiting");
    end_with(&manifest, OUTCOME_SUCCEEDED, "valid until 2027", &backoff, NOW + 60);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_string_equal(manifest.status_text, "valid until 2027");
    assert_int_equal(manifest.finished_at, NOW + 60);
    assert_int_equal(manifest.started_at, NOW);
    assert_string_equal(manifest.lease_owner, "");
    assert_int_equal(manifest.lease_expires, 0);
    assert_null(document_get(manifest.document, "progress"));
    cleanup_json struct json_object *entry =
        document_pack("{s:i, s:i, s:s, s:i, s:s, s:s, s:i, s:i}", "number", 1, "startedAt", NOW,
                      "actuator", OWNER, "finishedAt", NOW + 60, "outcome", "succeeded", "message",
                      "valid until 2027", "maxRssKiB", 5000, "cpuMs", 250);
    assert_true(document_equal(attempt_at(&manifest, 0), entry));
    manifest_free(&manifest);
}

static void a_terminal_error_fails_at_once(void **state)
{
    struct manifest manifest = make();

    (void)state;
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_TERMINAL, "TerminalError: 404", &backoff, NOW + 1);
    assert_int_equal(manifest.state, MANIFEST_FAILED);
    assert_string_equal(manifest.status_text, "TerminalError: 404");
    assert_int_equal(manifest.finished_at, NOW + 1);
    assert_int_equal(manifest.next_attempt, 0);
    manifest_free(&manifest);
}

static void transient_errors_are_retried_four_times_with_growing_pauses(void **state)
{
    static const int64_t pauses[] = {90, 180, 360, 720};
    struct manifest manifest = make();
    int64_t now = NOW;

    (void)state;
    for (int attempt = 1; attempt <= 4; attempt++) {
        claim(&manifest, now);
        end_with(&manifest, OUTCOME_TRANSIENT, "TransientError: 503", &backoff, now);
        store_and_read(&manifest);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.dequeues, attempt);
        assert_int_equal(manifest.finished_at, 0);
        assert_string_equal(manifest.status_text, "TransientError: 503");
        assert_in_range(manifest.next_attempt, now + pauses[attempt - 1],
                        now + pauses[attempt - 1] + 1);
        now = manifest.next_attempt;
    }
    claim(&manifest, now);
    end_with(&manifest, OUTCOME_TIMEOUT, "TransientError: timeout: task exceeded 60m0s", &backoff,
             now);
    assert_int_equal(manifest.state, MANIFEST_RETRIES_EXCEEDED);
    assert_string_equal(manifest.status_text,
                        "did not succeed after 5 attempts: TransientError: timeout: task "
                        "exceeded 60m0s");
    assert_int_equal(manifest.finished_at, now);
    assert_int_equal(manifest.next_attempt, 0);
    assert_int_equal(document_length(document_get(manifest.document, "attempts")), 5);
    assert_string_equal(document_string(attempt_at(&manifest, 4), "outcome", ""), "timeout");
    assert_string_equal(document_string(attempt_at(&manifest, 4), "message", ""),
                        "TransientError: timeout: task exceeded 60m0s");
    manifest_free(&manifest);
}

static void a_fifth_attempt_may_still_succeed(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int attempt = 1; attempt <= 4; attempt++) {
        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_CRASHED, "x", &no_backoff, NOW);
    }
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_SUCCEEDED, "", &no_backoff, NOW);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_string_equal(manifest.status_text, "");
    manifest_free(&manifest);
}

static void without_backoff_a_retry_is_due_at_once_and_else_never_early(void **state)
{
    static const struct {
        int64_t first;
        int64_t pause; /* seconds; -1: none is stored */
    } cases[] = {{0, -1}, {1, 1}, {999, 1}, {1000, 1}, {1001, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct backoff pause = {.first = cases[i].first, .maximum = 900000};
        struct manifest manifest = make();

        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_TRANSIENT, "x", &pause, NOW);
        assert_int_equal(manifest.next_attempt, cases[i].pause < 0 ? 0 : NOW + cases[i].pause);
        assert_int_equal(manifest_is_runnable(&manifest, NOW), cases[i].pause < 0);
        manifest_free(&manifest);
    }
}

static void a_drained_attempt_does_not_count(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int round = 1; round <= 10; round++) {
        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_DRAINED, "returned to the queue", &backoff, NOW);
        store_and_read(&manifest);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        assert_int_equal(manifest.dequeues, 0);
        assert_int_equal(manifest.attempt, round);
        assert_true(manifest_is_runnable(&manifest, NOW));
        assert_string_equal(manifest.status_text, "returned to the queue");
    }
    manifest_free(&manifest);
}

static void the_history_keeps_the_newest(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int round = 1; round <= 30; round++) {
        claim(&manifest, NOW + round);
        end_with(&manifest, OUTCOME_DRAINED, "x", &backoff, NOW);
    }
    assert_int_equal(document_length(document_get(manifest.document, "attempts")),
                     MANIFEST_HISTORY_MAXIMUM);
    assert_int_equal(document_integer(attempt_at(&manifest, 0), "number", 0), 11);
    assert_int_equal(document_integer(attempt_at(&manifest, 19), "number", 0), 30);
    manifest_free(&manifest);
}

static void an_attempt_without_history_gets_its_entry_when_it_ends(void **state)
{
    struct manifest manifest = make();
    struct outcome outcome;
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    document_remove(manifest_document(&manifest), "attempts");
    store_and_read(&manifest);
    outcome_of_kind(OUTCOME_OWNER_GONE, NULL, &outcome);
    expect_success(manifest_end_attempt(&manifest, &outcome, NULL, &backoff, NOW + 5, 0, &error),
                   &error);
    cleanup_json struct json_object *entry =
        document_pack("{s:i, s:i, s:s, s:i, s:s, s:s}", "number", 1, "startedAt", NOW, "actuator",
                      OWNER, "finishedAt", NOW + 5, "outcome", "ownerGone", "message",
                      "TransientError: its actuator stopped during the attempt");
    assert_true(document_equal(attempt_at(&manifest, 0), entry));
    manifest_free(&manifest);
}

static void an_attempt_that_does_not_run_cannot_end(void **state)
{
    struct manifest manifest = make();
    struct outcome outcome = {.kind = OUTCOME_SUCCEEDED};
    struct error error;

    (void)state;
    expect_failure(manifest_end_attempt(&manifest, &outcome, NULL, &backoff, NOW, 0, &error),
                   &error, ERROR_CONFLICT, "is Pending: succeed is not possible");
    claim(&manifest, NOW);
    expect_success(manifest_cancel(&manifest, NOW, true, &error), &error);
    expect_failure(manifest_end_attempt(&manifest, &outcome, NULL, &backoff, NOW, 0, &error),
                   &error, ERROR_CONFLICT, "is Cancelled: succeed is not possible");
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    manifest_free(&manifest);
}

static void a_long_last_message_leaves_room_for_what_stands_before_it(void **state)
{
    struct manifest manifest = make();
    static char text[STATUS_TEXT_SIZE];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (int attempt = 1; attempt <= 5; attempt++) {
        claim(&manifest, NOW);
        end_with(&manifest, OUTCOME_TRANSIENT, text, &no_backoff, NOW);
    }
    assert_int_equal(strlen(manifest.status_text), STATUS_TEXT_SIZE - 1);
    assert_int_equal(strncmp(manifest.status_text, "did not succeed after 5 attempts: xxx", 37), 0);
    manifest_free(&manifest);
}

static void progress_is_shown_while_an_attempt_runs(void **state)
{
    struct manifest manifest = make();

    (void)state;
    claim(&manifest, NOW);
    manifest_set_progress(&manifest, 2, 3, "API\nserver", "waiting for x");
    store_and_read(&manifest);
    cleanup_json struct json_object *expected =
        document_pack("{s:i, s:i, s:s}", "step", 2, "steps", 3, "name", "API?server");
    assert_true(document_equal(document_get(manifest.document, "progress"), expected));
    assert_string_equal(manifest.status_text, "waiting for x");
    manifest_set_progress(&manifest, 3, 3, "last", NULL);
    assert_string_equal(manifest.status_text, "waiting for x");
    assert_int_equal(document_integer(manifest.document, "progress.step", 0), 3);
    manifest_free(&manifest);
}

/* Other ends */

static void what_did_not_start_in_time_times_out(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    manifest.run_before = 1795996800;
    expect_failure(manifest_time_out(&manifest, 1795996800, &error), &error, ERROR_CONFLICT,
                   "may still start before 2026-11-30T00:00:00Z");
    expect_success(manifest_time_out(&manifest, 1795996801, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_TIMED_OUT);
    assert_string_equal(manifest.status_text, "timed out: not started before 2026-11-30T00:00:00Z");
    assert_int_equal(manifest.finished_at, 1795996801);
    expect_failure(manifest_time_out(&manifest, 1795996801, &error), &error, ERROR_CONFLICT,
                   "is TimedOut: expire is not possible");
    manifest_free(&manifest);

    manifest = make();
    manifest.run_before = 0;
    expect_failure(manifest_time_out(&manifest, CLOCK_MAXIMUM, &error), &error, ERROR_CONFLICT,
                   "may still start at any time");
    manifest_free(&manifest);

    manifest = make();
    claim(&manifest, NOW);
    expect_failure(manifest_time_out(&manifest, NOW + WEEK + 1, &error), &error, ERROR_CONFLICT,
                   "is InProgress: expire is not possible");
    manifest_free(&manifest);
}

static void what_is_pending_may_be_cancelled(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_TRANSIENT, "x", &backoff, NOW);
    expect_success(manifest_cancel(&manifest, NOW + 1, false, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    assert_string_equal(manifest.status_text, "cancelled by an operator");
    assert_int_equal(manifest.finished_at, NOW + 1);
    assert_int_equal(manifest.next_attempt, 0);
    manifest_free(&manifest);
}

static void what_runs_is_cancelled_only_when_stuck_or_forced(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    expect_failure(
        manifest_cancel(&manifest, NOW + 3599, false, &error), &error, ERROR_DENIED,
        "cannot cancel task in state InProgress: it has been running since 2026-11-23T07:08:00Z; "
        "wait for its "
        "end, "
        "stop it, or cancel it with force=true; after 60 minutes it may be cancelled as stuck");
    assert_int_equal(manifest.state, MANIFEST_IN_PROGRESS);
    expect_success(manifest_cancel(&manifest, NOW + 3600, false, &error), &error);
    store_and_read(&manifest);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    assert_string_equal(manifest.lease_owner, "");
    assert_int_equal(manifest.lease_expires, 0);
    assert_string_equal(document_string(attempt_at(&manifest, 0), "outcome", ""), "cancelled");
    assert_int_equal(document_integer(attempt_at(&manifest, 0), "finishedAt", 0), NOW + 3600);
    assert_non_null(strstr(manifest.status_text, "a worker that still runs is not stopped"));
    manifest_free(&manifest);

    manifest = make();
    claim(&manifest, NOW);
    expect_success(manifest_cancel(&manifest, NOW, true, &error), &error);
    assert_int_equal(manifest.state, MANIFEST_CANCELLED);
    manifest_free(&manifest);
}

static void expect_stopped(struct manifest *manifest)
{
    store_and_read(manifest);
    assert_int_equal(manifest->state, MANIFEST_CANCELLED);
    assert_string_equal(manifest->status_text, "stopped by an operator");
    assert_string_equal(document_string(attempt_at(manifest, 0), "message", ""),
                        manifest->status_text);
    manifest_free(manifest);
}

static void stopping_says_so_also_after_cancelling(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    expect_success(manifest_stop_attempt(&manifest, NOW, &error), &error);
    expect_stopped(&manifest);

    manifest = make();
    claim(&manifest, NOW);
    expect_success(manifest_cancel(&manifest, NOW, true, &error), &error);
    expect_success(manifest_stop_attempt(&manifest, NOW + 1, &error), &error);
    expect_stopped(&manifest);

    manifest = make();
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_SUCCEEDED, "done", &backoff, NOW);
    expect_success(manifest_stop_attempt(&manifest, NOW, &error), &error);
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    assert_string_equal(manifest.status_text, "done");
    manifest_free(&manifest);
}

static void what_has_ended_is_not_cancelled(void **state)
{
    struct manifest manifest = make();
    struct error error;

    (void)state;
    claim(&manifest, NOW);
    end_with(&manifest, OUTCOME_SUCCEEDED, "", &backoff, NOW);
    expect_failure(manifest_cancel(&manifest, NOW, true, &error), &error, ERROR_DENIED,
                   "cannot cancel task in state Completed");
    assert_int_equal(manifest.state, MANIFEST_COMPLETED);
    manifest_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_counts_leases_and_is_remembered),
        cmocka_unit_test(a_claim_and_its_end_leave_no_mark_of_another),
        cmocka_unit_test(only_the_attempt_that_runs_owns_the_manifest),
        cmocka_unit_test(a_server_that_asks_to_wait_costs_no_attempt_up_to_a_bound),
        cmocka_unit_test(success_completes),
        cmocka_unit_test(a_terminal_error_fails_at_once),
        cmocka_unit_test(transient_errors_are_retried_four_times_with_growing_pauses),
        cmocka_unit_test(a_fifth_attempt_may_still_succeed),
        cmocka_unit_test(without_backoff_a_retry_is_due_at_once_and_else_never_early),
        cmocka_unit_test(a_drained_attempt_does_not_count),
        cmocka_unit_test(the_history_keeps_the_newest),
        cmocka_unit_test(an_attempt_without_history_gets_its_entry_when_it_ends),
        cmocka_unit_test(an_attempt_that_does_not_run_cannot_end),
        cmocka_unit_test(a_long_last_message_leaves_room_for_what_stands_before_it),
        cmocka_unit_test(progress_is_shown_while_an_attempt_runs),
        cmocka_unit_test(what_did_not_start_in_time_times_out),
        cmocka_unit_test(what_is_pending_may_be_cancelled),
        cmocka_unit_test(what_runs_is_cancelled_only_when_stuck_or_forced),
        cmocka_unit_test(stopping_says_so_also_after_cancelling),
        cmocka_unit_test(what_has_ended_is_not_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
