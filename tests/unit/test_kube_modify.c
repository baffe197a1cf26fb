/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_modify.c - objects that are read, changed and written back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube_fixture.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

struct change {
    int calls;
    int verdict;          /* what it returns from the first call on */
    enum error_kind kind; /* of its failure; NONE: INVALID */
};

static int change_label(struct json_object *object, void *context, struct error *error)
{
    struct change *change = context;
    char value[32];
    change->calls++;
    if (change->verdict < 0)
        return error_set(error, change->kind ? change->kind : ERROR_INVALID,
                         "not what it should be");
    snprintf(value, sizeof(value), "v%d", change->calls);
    if (change->verdict > 0)
        document_set_string(object, "metadata.labels.changed", value);
    return change->verdict;
}

static struct step_result modify(struct change *change, bool *ret_changed)
{
    pauses = (struct pauses){0};
    kube_client_set_pause(practice.admin, count_pause, NULL);
    return kube_modify(practice.admin, ARO_PATH, "the cluster", change_label, change, ret_changed);
}

static void a_change_is_written_once(void **state)
{
    (void)state;
    bool changed = false;
    struct change change = {.verdict = 1};
    int before = practice_server_count(&practice, "\"changed\": true");
    struct step_result result = modify(&change, &changed);
    assert_string_equal("", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_true(changed);
    assert_int_equal(1, change.calls);
    assert_int_equal(before + 1, practice_server_count(&practice, "\"changed\": true"));
}

static void nothing_to_change_writes_nothing(void **state)
{
    (void)state;
    bool changed = true;
    struct change change = {.verdict = 0};
    int before = practice_server_count(&practice, "\"write\": true");
    assert_int_equal(OUTCOME_SUCCEEDED, modify(&change, &changed).outcome);
    assert_false(changed);
    assert_int_equal(before, practice_server_count(&practice, "\"write\": true"));
}

static void an_object_that_cannot_be_changed_is_terminal(void **state)
{
    (void)state;
    bool changed = true;
    struct change change = {.verdict = -1};
    struct step_result result = modify(&change, &changed);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("the cluster: not what it should be", result.message);
    assert_false(changed);
}

static void a_change_that_lacks_memory_is_transient(void **state)
{
    (void)state;
    bool changed = false;
    struct change change = {.verdict = -1, .kind = ERROR_MEMORY};
    struct step_result result = modify(&change, &changed);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_string_equal("the cluster: not what it should be", result.message);
    assert_false(changed);
}

static void a_conflict_is_read_again_five_times(void **state)
{
    (void)state;
    bool changed = false;
    struct change change = {.verdict = 1};
    practice_server_trouble(&practice, "{'method': 'PUT', 'path': '/clusters/cluster', "
                                       "'interfere': true, 'times': 5}");
    struct step_result result = modify(&change, &changed);
    assert_string_equal("", result.message);
    assert_true(changed);
    assert_int_equal(6, change.calls);

    change = (struct change){.verdict = 1};
    practice_server_trouble(&practice,
                            "{'method': 'PUT', 'path': '/clusters/cluster', 'interfere': true}");
    result = modify(&change, &changed);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_string_equal(
        "409 the cluster was changed by another client in each of 6 attempts to write it",
        result.message);
    assert_false(changed);
    assert_int_equal(6, change.calls);
}

static void failures_of_reading_and_writing_come_through(void **state)
{
    (void)state;
    bool changed = true;
    struct change change = {.verdict = 1};
    practice_server_trouble(&practice,
                            "{'method': 'PUT', 'path': '/clusters/cluster', 'status': 503}");
    struct step_result result = modify(&change, &changed);
    expect_message(&result, OUTCOME_TRANSIENT, "503 the cluster: ");
    assert_false(changed);
    assert_int_equal(1, change.calls);
    practice_server_trouble(&practice, "{'path': '/clusters/cluster', 'status': 404}");
    result = modify(&change, &changed);
    expect_message(&result, OUTCOME_TERMINAL, "404 the cluster not found");
    assert_int_equal(1, pauses.count);
    assert_int_equal(1, change.calls);
}

static void an_object_without_a_version_is_not_written(void **state)
{
    (void)state;
    struct hostile_answer answer = {
        .text =
            "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"metadata\":{\"name\":\"cluster\"}}",
        .keep_open = 1,
    };
    struct hostile_server server;
    struct change change = {.verdict = 1};
    char heard[8192];
    bool changed = true;
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    struct step_result result =
        kube_modify(client, ARO_PATH, "the cluster", change_label, &change, &changed);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, heard, sizeof(heard));
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_string_equal("the cluster has no metadata.resourceVersion: it cannot be changed safely",
                        result.message);
    assert_int_equal(0, change.calls);
    assert_null(strstr(heard, "PUT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_written_once),
        TEST(nothing_to_change_writes_nothing),
        TEST(an_object_that_cannot_be_changed_is_terminal),
        TEST(a_change_that_lacks_memory_is_transient),
        TEST(a_conflict_is_read_again_five_times),
        TEST(failures_of_reading_and_writing_come_through),
        TEST(an_object_without_a_version_is_not_written),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
