/* SPDX-License-Identifier: Apache-2.0 */
/* test_supervisor_status.c - readiness, and the answers on the control socket. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "mimo/document.h"
#include "supervisor/commands.h"
#include "supervisor/status.h"

static const struct membership membership = {.start.id = "11111111-1111-4111-8111-111111111111",
                                             .index = 3,
                                             .hostname = "vm",
                                             .buckets = {7, 9},
                                             .live = 2,
                                             .mode = "working"};
static const struct task task = {.name = "Test"};
static struct worker workers[3];
static struct worker_table table = {.workers = workers, .size = 3};
static enum poller_hold held;

static struct status_snapshot ready_snapshot(void)
{
    static const struct launcher_ready launcher = {
        .programs = LAUNCHER_PROGRAMS_IN_NAMESPACE,
        .cgroup = LAUNCHER_CGROUP_USED | LAUNCHER_CGROUP_PROCESSES,
    };
    return (struct status_snapshot){
        .launcher = &launcher,
        .mode = STATUS_WORKING,
        .membership = &membership,
        .table = &table,
        .processes = {{"supervisor", 10, 7}, {"launcher", 11, 6}, {"metrics helper", 0, 7}},
        .landlock_abi = 6,
        .uptime = 100,
        .readiness_delay = 100,
        .recovered = true,
        .refresh_age = 60,
        .refresh_fresh = 60,
        .answer_age = 3,
        .answer_fresh = 3,
        .clusters_answer = true,
    };
}

static void expect_reason(const struct status_snapshot *snapshot, const char *expected)
{
    char reason[256] = "untouched";
    status_explain(snapshot, reason, sizeof(reason));
    assert_string_equal(reason, expected);
    assert_int_equal(status_is_ready(snapshot), *expected == '\0');
}

static void each_condition_of_readiness_is_told_by_its_reason(void **state)
{
    (void)state;
    struct status_snapshot snapshot = ready_snapshot();
    expect_reason(&snapshot, "");
    static const char *const modes[] = {
        [STATUS_STARTING] = "starting", [STATUS_PAUSED] = "paused",
        [STATUS_DRAINING] = "draining", [STATUS_DRAINED] = "drained",
        [STATUS_STOPPING] = "stopping",
    };
    for (int mode = STATUS_STARTING; mode <= STATUS_STOPPING; mode++) {
        snapshot = ready_snapshot();
        snapshot.mode = (enum status_mode)mode;
        if (mode != STATUS_WORKING)
            expect_reason(&snapshot, modes[mode]);
    }
    snapshot = ready_snapshot();
    snapshot.uptime--;
    expect_reason(&snapshot, "it has not run for readiness_delay yet");
    snapshot = ready_snapshot();
    snapshot.store_trouble = "database or disk is full";
    expect_reason(&snapshot, "the store does not work: database or disk is full");
    snapshot = ready_snapshot();
    snapshot.refresh_age++;
    expect_reason(&snapshot,
                  "its membership record is outdated, so another actuator may own its buckets");
    snapshot = ready_snapshot();
    snapshot.answer_age++;
    expect_reason(&snapshot, "the store did not answer the latest polls");
    snapshot = ready_snapshot();
    snapshot.clusters_answer = false;
    expect_reason(&snapshot, "no cluster of its buckets answered within 5 minutes");
    snapshot = ready_snapshot();
    snapshot.recovered = false;
    assert_false(status_is_ready(&snapshot));
    char cut[12];
    status_explain(&snapshot, cut, sizeof(cut));
    assert_string_equal(cut, "its members");
}

static struct status_snapshot current;

static void hold(void *context, enum poller_hold wanted)
{
    *(int *)context += 1;
    held = wanted;
    current.mode = wanted == POLLER_PAUSED ? STATUS_PAUSED : STATUS_WORKING;
}

static struct status_snapshot snapshot(void *context)
{
    (void)context;
    return current;
}

static const struct commands_handlers handlers = {hold, snapshot};

static struct json_object *ask(const char *command, int *holds)
{
    cleanup_json struct json_object *request = document_pack("{s:s}", "command", command);
    struct json_object *answer = commands_answer(request, &handlers, holds);
    assert_non_null(answer);
    return answer;
}

static void status_tells_what_operators_need(void **state)
{
    (void)state;
    int holds = 0;
    current = ready_snapshot();
    current.store_trouble = "locked";
    current.mode = STATUS_DRAINED;
    cleanup_json struct json_object *answer = ask("status", &holds);
    struct json_object *actuator = document_member(answer, "actuator");
    assert_true(document_is_true(document_member(answer, "ok")));
    assert_string_equal(document_string(actuator, "id", ""), membership.start.id);
    assert_int_equal(document_integer(actuator, "index", 0), 3);
    assert_string_equal(document_string(actuator, "hostname", ""), "vm");
    assert_string_equal(document_string(actuator, "mode", ""), "drained");
    assert_string_equal(document_string(actuator, "storeTrouble", ""), "locked");
    assert_false(document_is_true(document_member(actuator, "storeReachable")));
    assert_false(document_is_true(document_member(actuator, "ready")));
    assert_false(document_is_true(document_member(actuator, "draining")));
    struct json_object *reasons = document_member(actuator, "notReady");
    assert_int_equal(document_length(reasons), 2);
    assert_string_equal(document_text(document_item(reasons, 1)),
                        "the store does not work: locked");
    struct json_object *buckets = document_member(actuator, "buckets");
    assert_int_equal(document_number(document_item(buckets, 0)), 7);
    assert_int_equal(document_number(document_item(buckets, 1)), 9);
    assert_int_equal(document_integer(actuator, "liveActuators", 0), 2);
    assert_int_equal(document_integer(actuator, "maxWorkers", 0), 3);
    assert_int_equal(document_integer(actuator, "landlockAbi", 0), 6);
    assert_int_equal(holds, 0);

    current = ready_snapshot();
    cleanup_json struct json_object *well = ask("status", &holds);
    actuator = document_member(well, "actuator");
    assert_false(document_has(actuator, "storeTrouble"));
    assert_true(document_is_true(document_member(actuator, "ready")));
    assert_true(document_is_true(document_member(actuator, "storeReachable")));
    assert_int_equal(document_length(document_member(actuator, "notReady")), 0);
    current.mode = STATUS_STOPPING;
    cleanup_json struct json_object *stopping = ask("status", &holds);
    assert_true(
        document_is_true(document_member(document_member(stopping, "actuator"), "draining")));
}

static void ps_shows_attempts_that_are_not_over(void **state)
{
    (void)state;
    int holds = 0;
    current = ready_snapshot();
    memset(workers, 0, sizeof(workers));
    workers[0].state = WORKER_FREE;
    workers[1] = (struct worker){.state = WORKER_RUNNING, .slot = 1, .task = &task};
    strcpy(workers[1].manifest_id, "2b65ac7b-cbf5-4fdc-829d-a737e646d492");
    strcpy(workers[1].settlement.step_name, "one");
    workers[1].settlement.attempt = 4;
    workers[1].settlement.step = 1;
    workers[1].settlement.steps = 2;
    workers[2].state = WORKER_CLOSING;
    cleanup_json struct json_object *answer = ask("ps", &holds);
    struct json_object *shown = document_member(answer, "workers");
    assert_int_equal(document_length(shown), 1);
    struct json_object *worker = document_item(shown, 0);
    assert_string_equal(document_string(worker, "manifestID", ""), workers[1].manifest_id);
    assert_string_equal(document_string(worker, "state", ""), "running");
    assert_string_equal(document_string(worker, "task", ""), "Test");
    assert_string_equal(document_string(worker, "stepName", ""), "one");
    assert_int_equal(document_integer(worker, "slot", 0), 1);
    assert_int_equal(document_integer(worker, "attempt", 0), 4);
    assert_int_equal(document_integer(worker, "step", 0), 1);
    assert_int_equal(document_integer(worker, "steps", 0), 2);
    assert_int_equal(document_integer(worker, "rssKiB", -1), 0);

    workers[1].pid = 77;
    cleanup_json struct json_object *security = ask("security", &holds);
    struct json_object *processes = document_member(security, "processes");
    assert_int_equal(document_length(processes), 3); /* the helper does not run */
    assert_string_equal(document_string(document_item(processes, 0), "role", ""), "supervisor");
    assert_int_equal(document_integer(document_item(processes, 1), "pid", 0), 11);
    const struct json_object *attempts = document_get(document_item(processes, 1), "attempts");
    assert_string_equal(document_string(attempts, "programs", ""), "pidNamespace");
    assert_true(document_is_true(document_get(attempts, "cgroup")));
    assert_false(document_is_true(document_get(attempts, "memoryLimit")));
    assert_true(document_is_true(document_get(attempts, "processLimit")));
    struct json_object *of_worker = document_item(processes, 2);
    assert_string_equal(document_string(of_worker, "role", ""), "worker");
    assert_int_equal(document_integer(of_worker, "pid", 0), 77);
    assert_int_equal(document_integer(of_worker, "landlockAbi", 0), 6);
    assert_string_equal(document_string(of_worker, "task", ""), "Test");
    status_log_workers(&table);
    memset(workers, 0, sizeof(workers));
}

static void commands_of_operators_take_effect_before_they_answer(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        enum poller_hold hold;
        const char *mode;
    } rows[] = {{"pause", POLLER_PAUSED, "paused"},
                {"resume", POLLER_WORKING, "working"},
                {"drain", POLLER_DRAINED, "working"}};
    int holds = 0;
    current = ready_snapshot();
    for (int i = 0; i < 3; i++) {
        cleanup_json struct json_object *answer = ask(rows[i].command, &holds);
        assert_int_equal(holds, i + 1);
        assert_int_equal(held, rows[i].hold);
        assert_string_equal(document_string(answer, "actuator.mode", ""), rows[i].mode);
    }
}

static void an_unknown_command_is_answered_with_the_known_ones(void **state)
{
    (void)state;
    int holds = 0;
    current = ready_snapshot();
    cleanup_json struct json_object *answer = ask("halt", &holds);
    assert_false(document_is_true(document_member(answer, "ok")));
    assert_string_equal(
        document_string(answer, "error", ""),
        "unknown command \"halt\"; known: status, ps, security, pause, drain, resume");
    assert_int_equal(holds, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition_of_readiness_is_told_by_its_reason),
        cmocka_unit_test(status_tells_what_operators_need),
        cmocka_unit_test(ps_shows_attempts_that_are_not_over),
        cmocka_unit_test(commands_of_operators_take_effect_before_they_answer),
        cmocka_unit_test(an_unknown_command_is_answered_with_the_known_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
