/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_attempts.c - the life of an attempt, with the test as launcher and worker. */
#include "attempts_fixture.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXITED(code) ((code) << 8)

static int64_t count_of(enum metric metric)
{
    return fixture.feed.message.values[metric];
}

static void an_attempt_that_succeeds_completes_its_manifest(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    assert_int_equal(fixture.ready, 1);
    assert_int_equal(fixture.attempts.launcher.landlock_abi, 5);
    expect_logged("launcher is ready: Landlock level 5, workers run as this user");
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    assert_int_equal(order.type, LAUNCHER_LAUNCH);
    assert_int_equal(order.launch.alarm_seconds, 60);
    assert_int_equal(order.launch.cpu_seconds, 60);
    assert_int_equal(order.launch.memory, 1 << 28);
    assert_int_equal(order.launch.sealed_length, 0);
    assert_non_null(strstr(order.launch.title, "mimo-worker: Test cluster-1 "));
    struct worker *worker = worker_of(&order);
    assert_int_equal(worker->state, WORKER_LAUNCHING);

    tell_started(&order);
    assert_int_equal(worker->state, WORKER_RUNNING);
    assert_int_equal(worker->pid, 1000 + order.launch.slot);
    assert_int_equal(count_of(METRIC_WORKERS_ACTIVE), 1);
    expect_logged("manifest %s: attempt 1 of Test on %s runs as worker %d", id, test_cluster_id(1),
                  1000 + (int)order.launch.slot);
    report_line(&order, "{\"type\":\"step\",\"step\":1,\"steps\":2,\"name\":\"one\"}");
    assert_string_equal(worker->settlement.step_name, "one");
    report_line(&order,
                "{\"type\":\"result\",\"outcome\":\"succeeded\",\"message\":\"well done\"}");
    tell_ended(order.launch.token, 0);
    assert_int_equal(worker->state, WORKER_RUNNING); /* its pipe is open */
    close_report(&order);
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_COMPLETED, "well done");
    expect_logged("manifest %s: attempt 1 succeeded after ", id);
    expect_logged(" ms: now Completed: well done");
    assert_int_equal(count_of(METRIC_WORKERS_ACTIVE), 0);
    assert_int_equal(count_of(METRIC_ATTEMPTS_STARTED), 1);
    assert_int_equal(count_of(METRIC_ATTEMPTS_SUCCEEDED), 1);
    assert_int_equal(count_of(METRIC_WORKERS_DENIED), 0);
    assert_int_equal(fixture.answered_by_cluster, 0); /* the task needs none */
    assert_true(fixture.released >= 2);               /* by its pipe, and by its result */
    assert_true(fixture.written > 0);
}

static void the_pipe_may_end_before_the_status_is_known(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    live_and_end(&order, "terminal", "404 gone");
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_FAILED, "TerminalError: 404 gone");
    assert_int_equal(count_of(METRIC_ATTEMPTS_TERMINAL), 1);
}

/* A user for each slot: workers that run at once must not share one. */
static void concurrent_workers_have_slots_of_their_own(void **state)
{
    (void)state;
    struct launcher_message orders[FIXTURE_SLOTS];
    bool used[FIXTURE_SLOTS] = {false};
    for (int i = 0; i < FIXTURE_SLOTS; i++) {
        begin_attempt(i + 1, NULL);
        orders[i] = next_order();
        assert_true(orders[i].launch.slot < FIXTURE_SLOTS);
        assert_false(used[orders[i].launch.slot]);
        used[orders[i].launch.slot] = true;
        for (int j = 0; j < i; j++)
            assert_true(orders[i].launch.token != orders[j].launch.token);
    }
    for (int i = 0; i < FIXTURE_SLOTS; i++)
        live_and_end(&orders[i], "succeeded", "");
    turn_until(is_idle);
    assert_int_equal(count_of(METRIC_ATTEMPTS_SUCCEEDED), FIXTURE_SLOTS);
}

static void a_launch_that_the_launcher_cannot_do_frees_its_slot(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    for (int i = 1; i <= FIXTURE_SLOTS + 1; i++) { /* more than there are slots */
        begin_attempt(i, id);
        struct launcher_message order = next_order();
        close_report(&order);
        tell((struct launcher_message){.type = LAUNCHER_FAILED,
                                       .failed = {.token = order.launch.token, .error_number = 11},
                                       .job_fd = -1,
                                       .report_fd = -1});
        turn_until(is_idle);
        expect_manifest(i, id, MANIFEST_PENDING,
                        "TransientError: worker could not be started: Resource temporarily "
                        "unavailable");
        expect_logged("manifest %s: the launcher could not start a worker: Resource temporarily",
                      id);
    }
    assert_int_equal(count_of(METRIC_ATTEMPTS_TRANSIENT), FIXTURE_SLOTS + 1);
}

static void a_launch_that_cannot_be_ordered_frees_its_slot(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    close(fixture.launcher);
    fixture.launcher = -1;
    for (int i = 1; i <= FIXTURE_SLOTS + 1; i++) {
        begin_attempt(i, id);
        turn_until(is_idle);
        struct manifest manifest = test_manifest(fixture.store, i, id);
        assert_int_equal(manifest.state, MANIFEST_PENDING);
        manifest_free(&manifest);
    }
    assert_int_equal(fixture.lost, 1);
}

static void a_lease_that_is_nearly_over_starts_no_worker(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt_with_lease(1, 1200, id);
    expect_no_order();
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_PENDING,
                    "TransientError: worker could not be started: its lease is nearly over");
    expect_logged("manifest %s: no worker could be started: its lease is nearly over", id);
}

static void a_task_that_is_not_registered_is_terminal(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    fixture.registered = false;
    fixture.config.actuator_index = 7;
    begin_attempt(1, id);
    expect_no_order();
    turn_until(is_idle);
    struct manifest manifest = test_manifest(fixture.store, 1, id);
    assert_int_equal(manifest.state, MANIFEST_FAILED);
    assert_non_null(
        strstr(document_string(manifest_document(&manifest), "maintenanceManifest.statusText", ""),
               "task ID not registered: actuator 7 has no task " TEST_TASK));
    manifest_free(&manifest);
}

static void what_a_worker_logs_is_in_the_log(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    report_line(&order, "{\"type\":\"log\",\"level\":\"warning\",\"text\":\"a node is odd\"}");
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
    expect_logged("warning: manifest %s: a node is odd", id);
}

static void a_report_that_breaks_the_rules_kills_the_worker(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    report_line(&order, "this is no JSON");
    expect_signal(order.launch.token, SIGKILL);
    expect_logged("manifest %s: worker %d is killed: ", id, 1000 + (int)order.launch.slot);
    report_line(&order, "nor is this");
    expect_no_order(); /* it is killed once */
    close_report(&order);
    tell_ended(order.launch.token, SIGKILL);
    turn_until(is_idle);
    struct manifest manifest = test_manifest(fixture.store, 1, id);
    assert_int_equal(manifest.state, MANIFEST_PENDING);
    assert_non_null(
        strstr(document_string(manifest_document(&manifest), "maintenanceManifest.statusText", ""),
               "bad report: "));
    manifest_free(&manifest);
    expect_logged("sandbox: manifest %s, cluster %s, task Test, attempt 1, worker %d: ", id,
                  test_cluster_id(1), 1000 + (int)order.launch.slot);
    assert_int_equal(count_of(METRIC_WORKERS_DENIED), 1);
}

static void killed_before_the_alarm_is_a_crash(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    close_report(&order);
    tell_ended(order.launch.token, SIGKILL);
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_PENDING, "TransientError: worker killed by signal 9 (SIGKILL)");
}

static void killed_after_the_alarm_is_a_timeout(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    expire_deadline(worker_of(&order));
    expect_signal(order.launch.token, SIGKILL);
    expect_logged("manifest %s: worker %d outlived its alarm and is killed", id,
                  1000 + (int)order.launch.slot);
    close_report(&order);
    tell_ended(order.launch.token, SIGKILL);
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_PENDING, "TransientError: timeout: task exceeded 1m0s");
    assert_int_equal(count_of(METRIC_WORKERS_DENIED), 1);
}

/* The deadline of a worker is its alarm and a grace, and ends before its lease does. */
static void the_deadline_is_behind_the_alarm_and_before_the_end_of_the_lease(void **state)
{
    (void)state;
    begin_attempt_with_lease(1, 40000, NULL);
    struct launcher_message order = next_order();
    uint64_t due = uv_timer_get_due_in(&worker_of(&order)->deadline);
    assert_true(due > order.launch.alarm_seconds * 1000);
    assert_true(due < 40000);
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
}

/* A launcher that does not report the end of a killed worker is stopped or hangs: that is known before
 * the lease is over. */
static void a_launcher_that_hangs_is_noticed_before_the_end_of_the_lease(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    struct worker *worker = worker_of(&order);
    expire_deadline(worker);
    expect_signal(order.launch.token, SIGKILL);
    assert_int_equal(fixture.hanging, 0);
    uint64_t due = uv_timer_get_due_in(&worker->deadline);
    assert_true((int64_t)due < worker->lease_milliseconds - clock_elapsed(worker->claimed));
    assert_true(due <= 5000);
    expire_deadline(worker);
    assert_int_equal(fixture.hanging, 1);
    expect_no_order();
    close_report(&order);
    tell_ended(order.launch.token, SIGKILL);
    turn_until(is_idle);
}

static void a_stop_takes_its_time_and_is_no_denial(void **state)
{
    (void)state;
    struct stop_watch watches[FIXTURE_SLOTS];
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    assert_int_equal(attempts_watch(&fixture.attempts, watches), 0); /* it does not run yet */
    tell_started(&order);
    assert_int_equal(attempts_watch(&fixture.attempts, watches), 1);
    assert_string_equal(watches[0].manifest_id, id);
    assert_string_equal(watches[0].cluster, test_cluster_id(1));
    assert_string_equal(watches[0].claim_token, worker_of(&order)->settlement.token);
    assert_int_equal(watches[0].token, order.launch.token);

    attempts_stop(&fixture.attempts, watches[0].token + 1000, "as a test asks"); /* nobody's */
    expect_no_order();
    attempts_stop(&fixture.attempts, watches[0].token, "as a test asks");
    assert_int_equal(uv_timer_get_due_in(&worker_of(&order)->deadline), 10000);
    expect_signal(order.launch.token, SIGTERM);
    expect_logged("manifest %s: worker %d is stopped, as a test asks", id,
                  1000 + (int)order.launch.slot);
    assert_true(worker_of(&order)->orphaned);
    assert_int_equal(attempts_watch(&fixture.attempts, watches), 0);
    assert_int_equal(worker_of(&order)->end.stop, WORKER_STOP_OPERATOR);
    expire_deadline(worker_of(&order));
    expect_signal(order.launch.token, SIGKILL);
    expect_logged("manifest %s: worker %d outlived its SIGTERM and is killed", id,
                  1000 + (int)order.launch.slot);
    assert_int_equal(worker_of(&order)->end.stop, WORKER_STOP_OPERATOR);
    close_report(&order);
    tell_ended(order.launch.token, SIGKILL);
    turn_until(is_idle);
    assert_int_equal(count_of(METRIC_WORKERS_DENIED), 0);
}

static void a_drain_ends_workers_and_starts_none(void **state)
{
    (void)state;
    char ids[2][UUID_SIZE];
    begin_attempt(1, ids[0]);
    struct launcher_message order = next_order();
    tell_started(&order);
    attempts_drain(&fixture.attempts, SIGTERM);
    expect_signal(order.launch.token, SIGTERM);
    attempts_drain(&fixture.attempts, SIGKILL);
    expect_signal(order.launch.token, SIGKILL);
    begin_attempt(2, ids[1]); /* claimed while the drain began */
    expect_no_order();
    close_report(&order);
    tell_ended(order.launch.token, SIGKILL);
    turn_until(is_idle);
    for (int i = 0; i < 2; i++)
        expect_manifest(i + 1, ids[i], MANIFEST_PENDING,
                        "returned to the queue: its actuator was stopped; this attempt does not "
                        "count");
    assert_int_equal(count_of(METRIC_WORKERS_DENIED), 0);
}

static void a_pipe_that_stays_open_is_closed(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    tell_started(&order);
    report_line(&order, "{\"type\":\"result\",\"outcome\":\"succeeded\",\"message\":\"\"}");
    tell_ended(order.launch.token, EXITED(0));
    assert_non_null(worker_of(&order));
    assert_true(uv_timer_get_due_in(&worker_of(&order)->deadline) <= 5000);
    expire_deadline(worker_of(&order));
    expect_logged("manifest %s: the result pipe of worker %d is still open", id,
                  1000 + (int)order.launch.slot);
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_COMPLETED, "");
    close_report(&order);
}

static void a_worker_that_was_reaped_is_not_signalled(void **state)
{
    (void)state;
    begin_attempt(1, NULL);
    struct launcher_message order = next_order();
    tell_started(&order);
    tell_ended(order.launch.token, EXITED(3));
    attempts_drain(&fixture.attempts, SIGTERM);
    attempts_stop(&fixture.attempts, order.launch.token, "as a test asks");
    expect_no_order();
    close_report(&order);
    turn_until(is_idle);
}

static void messages_about_nobody_change_nothing(void **state)
{
    (void)state;
    begin_attempt(1, NULL);
    struct launcher_message order = next_order();
    struct launcher_message other = order;
    other.launch.token += 1000;
    tell_started(&other);
    tell_ended(other.launch.token, 0);
    tell((struct launcher_message){.type = LAUNCHER_FAILED,
                                   .failed = {.token = other.launch.token, .error_number = 11},
                                   .job_fd = -1,
                                   .report_fd = -1});
    assert_int_equal(worker_of(&order)->state, WORKER_LAUNCHING);
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
}

static void an_answer_of_the_cluster_is_passed_on(void **state)
{
    (void)state;
    fixture.task.flags = TASK_NEEDS_CLUSTER;
    begin_attempt(1, NULL); /* its cluster has no URL: nothing is looked up */
    struct launcher_message order = next_order();
    live_and_end(&order, "transient", "503");
    turn_until(is_idle);
    assert_int_equal(fixture.answered_by_cluster, 0);
    begin_attempt(2, NULL);
    order = next_order();
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
    assert_int_equal(fixture.answered_by_cluster, 1);
}

static void a_result_of_somebody_elses_manifest_is_late(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt(1, id);
    struct launcher_message order = next_order();
    assert_int_equal(
        test_run(fixture.store, store_delete(STORE_MANIFESTS, test_cluster_id(1), id, NULL)),
        STORE_DONE);
    live_and_end(&order, "succeeded", "");
    turn_until(is_idle);
    assert_int_equal(count_of(METRIC_RESULTS_LATE), 1);
    expect_logged("result \"succeeded\" dropped: ");
    assert_int_equal(count_of(METRIC_ATTEMPTS_SUCCEEDED), 0);
}

static void the_worker_may_reach_the_port_of_its_cluster(void **state)
{
    (void)state;
    char id[UUID_SIZE];
    begin_attempt_at(1, "https://127.0.0.1:7443", id);
    assert_int_equal(worker_table_first(&fixture.attempts.table, WORKER_PREPARING)->pid, 0);
    struct launcher_message order = next_order();
    assert_int_equal(order.launch.port_count, 1);
    assert_int_equal(order.launch.ports[0], 7443);
    live_and_end(&order, "succeeded", "done");
    turn_until(is_idle);
    expect_manifest(1, id, MANIFEST_COMPLETED, "done");
    assert_int_equal(fixture.answered_by_cluster, 1);
}

/* Its URL will never be another: no attempt can help. A name may be known again. */
static void a_cluster_without_an_address_ends_the_attempt(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum manifest_state state;
        const char *text;
    } rows[] = {
        {"http://127.0.0.1:1", MANIFEST_FAILED, "TerminalError: "},
        {"https://no-such-host.invalid:6443", MANIFEST_PENDING, "TransientError: "},
    };
    for (int i = 0; i < 2; i++) {
        char id[UUID_SIZE];
        begin_attempt_at(i + 1, rows[i].url, id);
        turn_until(is_idle);
        expect_no_order();
        struct manifest manifest = test_manifest(fixture.store, i + 1, id);
        assert_int_equal(manifest.state, rows[i].state);
        const char *text =
            document_string(manifest_document(&manifest), "maintenanceManifest.statusText", "");
        assert_int_equal(strncmp(text, rows[i].text, strlen(rows[i].text)), 0);
        manifest_free(&manifest);
    }
}

static void a_launcher_that_breaks_the_rules_is_lost(void **state)
{
    (void)state;
    assert_int_equal(send(fixture.launcher, "x", 1, 0), 1);
    turn();
    assert_int_equal(fixture.lost, 1);
    assert_int_equal(fixture.lost_error.kind, ERROR_INVALID);
    expect_logged("sandbox: the launcher broke the rules of its channel: ");
}

#define WITH_LAUNCHER(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, set_up_attempts, tear_down_attempts)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LAUNCHER(an_attempt_that_succeeds_completes_its_manifest),
        WITH_LAUNCHER(the_pipe_may_end_before_the_status_is_known),
        WITH_LAUNCHER(concurrent_workers_have_slots_of_their_own),
        WITH_LAUNCHER(a_launch_that_the_launcher_cannot_do_frees_its_slot),
        WITH_LAUNCHER(a_launch_that_cannot_be_ordered_frees_its_slot),
        WITH_LAUNCHER(a_lease_that_is_nearly_over_starts_no_worker),
        WITH_LAUNCHER(a_task_that_is_not_registered_is_terminal),
        WITH_LAUNCHER(what_a_worker_logs_is_in_the_log),
        WITH_LAUNCHER(a_report_that_breaks_the_rules_kills_the_worker),
        WITH_LAUNCHER(killed_before_the_alarm_is_a_crash),
        WITH_LAUNCHER(killed_after_the_alarm_is_a_timeout),
        WITH_LAUNCHER(a_launcher_that_hangs_is_noticed_before_the_end_of_the_lease),
        WITH_LAUNCHER(the_deadline_is_behind_the_alarm_and_before_the_end_of_the_lease),
        WITH_LAUNCHER(a_stop_takes_its_time_and_is_no_denial),
        WITH_LAUNCHER(a_drain_ends_workers_and_starts_none),
        WITH_LAUNCHER(a_pipe_that_stays_open_is_closed),
        WITH_LAUNCHER(a_worker_that_was_reaped_is_not_signalled),
        WITH_LAUNCHER(messages_about_nobody_change_nothing),
        WITH_LAUNCHER(an_answer_of_the_cluster_is_passed_on),
        WITH_LAUNCHER(a_result_of_somebody_elses_manifest_is_late),
        WITH_LAUNCHER(the_worker_may_reach_the_port_of_its_cluster),
        WITH_LAUNCHER(a_cluster_without_an_address_ends_the_attempt),
        WITH_LAUNCHER(a_launcher_that_breaks_the_rules_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
