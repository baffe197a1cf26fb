/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_operator_flags.c - the task Operator Flags Update against a practice cluster, its first step
 * included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mimo/document.h"
#include "mimo/kube.h"
#include "task_on_cluster.h"
#include "tasks/tasks.h"

#define CLUSTER_PATH  "/apis/aro.openshift.io/v1alpha1/clusters/cluster"
#define OPERATOR_PATH "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"

static struct practice_server practice;

static int start_practice(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    return 0;
}

static int stop_practice(void **state)
{
    (void)state;
    practice_server_stop(&practice);
    return 0;
}

static int replace_flags(struct json_object *cluster, void *context, struct error *error)
{
    (void)error;
    assert_int_equal(0, document_set(cluster, "spec.operatorflags", json_object_get(context)));
    return 1;
}

/* The state that every test begins with. */
static int reset(void **state)
{
    bool changed;
    cleanup_json struct json_object *flags = json_of("{'a': 'true', 'b': 'false', 'c': '3'}");
    (void)state;
    practice_server_trouble(&practice, NULL);
    practice_server_condition(&practice, "Available", "True", "All is well");
    practice_server_condition(&practice, "Progressing", "False", "All is well");
    practice_server_condition(&practice, "Degraded", "False", "All is well");
    struct step_result result =
        kube_modify(practice.admin, CLUSTER_PATH, "cluster", replace_flags, flags, &changed);
    assert_string_equal("", result.message);
    return 0;
}

static char *flags_of_cluster(void)
{
    struct kube_answer answer;
    kube_request(practice.admin, "GET", CLUSTER_PATH, NULL, &answer);
    char *text = document_format_sorted(document_get(answer.document, "spec.operatorflags"));
    assert_non_null(text);
    kube_answer_free(&answer);
    return text;
}

static void expect_flags(const char *expected)
{
    char *flags = flags_of_cluster();
    assert_string_equal(expected, flags);
    free(flags);
}

/* Runs the task with these properties (single quotes); the cluster's reports are compared when
 * `reports` is given. */
static struct step_result run(const char *properties, const char *reports)
{
    char job[16 * 1024];
    const struct task_run run = {
        .practice = &practice, .task = &operator_flags_task, .job = job, .reports = reports};
    snprintf(job, sizeof(job), "{'cluster': {'id': 'x', 'properties': %s}}", properties);
    return task_on_cluster(&run);
}

static int count_writes(void)
{
    return practice_server_count(&practice, "\"write\": true");
}

static void flags_become_those_of_the_document(void **state)
{
    (void)state;
    struct step_result result = run("{'operatorFlags': {'a': 'true', 'b': 'true', 'd': 'new'}}",
                                    "step 1/2 API server is up\nstep 2/2 update operator flags\n");
    assert_string_equal("set 3 operator flags, changed: b, d; removed: c", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    expect_flags("{\"a\":\"true\",\"b\":\"true\",\"d\":\"new\"}");
}

static void messages_name_what_there_is_to_name(void **state)
{
    (void)state;
    struct step_result result = run("{'operatorFlags': {'a': 'no', 'b': 'false', 'c': '3'}}", NULL);
    assert_string_equal("set 3 operator flags, changed: a", result.message);
    result = run("{'operatorFlags': {'a': 'no'}}", NULL);
    assert_string_equal("set 1 operator flags, removed: b, c", result.message);
    result = run("{'operatorFlags': {}}", NULL);
    assert_string_equal("set 0 operator flags, removed: a", result.message);
    expect_flags("{}");
}

static void nothing_is_written_when_nothing_changes(void **state)
{
    (void)state;
    int before = count_writes();
    struct step_result result =
        run("{'operatorFlags': {'c': '3', 'b': 'false', 'a': 'true'}}", NULL);
    assert_string_equal("no change: the 3 operator flags are up to date", result.message);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_int_equal(before, count_writes());
}

static void a_second_run_changes_nothing(void **state)
{
    (void)state;
    run("{'operatorFlags': {'z': '1'}}", NULL);
    int before = count_writes();
    struct step_result result = run("{'operatorFlags': {'z': '1'}}", NULL);
    assert_string_equal("no change: the 1 operator flags are up to date", result.message);
    assert_int_equal(before, count_writes());
}

static void many_names_are_counted_instead_of_listed(void **state)
{
    (void)state;
    char properties[16 * 1024] = "{'operatorFlags': {'first': 'x'";
    size_t length = strlen(properties);
    for (int i = 0; i < 400; i++)
        length += (size_t)sprintf(properties + length, ", 'flag-number-%d': '%d'", i, i);
    strcpy(properties + length, "}}");
    struct step_result result = run(properties, NULL);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_non_null(
        strstr(result.message, "set 401 operator flags, changed: first, flag-number-0"));
    assert_non_null(strstr(result.message, " more; removed: a, b, c"));
    assert_true(strlen(result.message) < 2500);
}

static void documents_without_good_flags_are_terminal(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "the cluster's document has no properties.operatorFlags: register the cluster"},
        {"{'operatorFlags': null}", "the cluster's document has no properties.operatorFlags"},
        {"{'operatorFlags': ['a']}", "properties.operatorFlags is not an object"},
        {"{'operatorFlags': {'a': true}}", "properties.operatorFlags: \"a\" must be a string"},
        {"{'operatorFlags': {'a': null}}", "properties.operatorFlags: \"a\" must be a string"},
        {"{'operatorFlags': {'': 'x'}}", "properties.operatorFlags: a flag has no name"},
    };
    int before = count_writes();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct step_result result = run(cases[i][0], NULL);
        assert_int_equal(OUTCOME_TERMINAL, result.outcome);
        assert_non_null(strstr(result.message, cases[i][1]));
    }
    assert_int_equal(before, count_writes());
}

static void a_conflict_is_tried_again(void **state)
{
    (void)state;
    practice_server_trouble(&practice, "{'method': 'PUT', 'path': '/clusters/cluster', "
                                       "'interfere': true, 'times': 2}");
    struct step_result result = run("{'operatorFlags': {'a': '1'}}", NULL);
    assert_string_equal("set 1 operator flags, changed: a; removed: b, c", result.message);
    expect_flags("{\"a\":\"1\"}");
}

static void a_cluster_resource_that_is_missing_is_terminal(void **state)
{
    (void)state;
    practice_server_trouble(&practice, "{'path': '/clusters/cluster', 'status': 404}");
    struct step_result result = run("{'operatorFlags': {'a': '1'}}", NULL);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_int_equal(0, strncmp("404 clusters.aro.openshift.io/cluster not found", result.message,
                                strlen("404 clusters.aro.openshift.io/cluster not found")));
}

/* ---- API server is up ---- */

static void an_api_server_that_is_not_well_is_transient(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"Available", "False", "Available=False, Progressing=False, Degraded=False: etcd is slow"},
        {"Available", "Unknown",
         "Available=Unknown, Progressing=False, Degraded=False: etcd is slow"},
        {"Progressing", "True", "Available=True, Progressing=True, Degraded=False: etcd is slow"},
        {"Degraded", "True", "Available=True, Progressing=False, Degraded=True: etcd is slow"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[256];
        reset(NULL);
        practice_server_condition(&practice, cases[i][0], cases[i][1], "etcd is slow");
        int before = count_writes();
        struct step_result result =
            run("{'operatorFlags': {'a': '1'}}", "step 1/2 API server is up\n");
        snprintf(expected, sizeof(expected), "kube-apiserver %s", cases[i][2]);
        assert_string_equal(expected, result.message);
        assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
        assert_int_equal(before, count_writes());
    }
}

static void a_missing_operator_is_terminal_and_a_failing_server_transient(void **state)
{
    (void)state;
    practice_server_trouble(&practice, "{'path': 'clusteroperators', 'status': 404}");
    struct step_result result = run("{'operatorFlags': {'a': '1'}}", NULL);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_non_null(strstr(result.message, "404 clusteroperator kube-apiserver not found"));
    practice_server_trouble(&practice, "{'path': 'clusteroperators', 'status': 503}");
    result = run("{'operatorFlags': {'a': '1'}}", NULL);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_non_null(strstr(result.message, "503 clusteroperator kube-apiserver"));
    practice_server_trouble(&practice, "{'path': 'clusteroperators', 'status': 403}");
    result = run("{'operatorFlags': {'a': '1'}}", NULL);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_non_null(strstr(result.message, "forbidden: "));
}

static int drop_status(struct json_object *operator, void * context, struct error *error)
{
    (void)error;
    assert_int_equal(0, document_set(operator, "status.conditions", json_object_get(context)));
    return 1;
}

static void an_operator_that_says_nothing_is_not_up(void **state)
{
    (void)state;
    bool changed;
    cleanup_json struct json_object *conditions = json_of("[]");
    struct step_result result = kube_modify(practice.admin, OPERATOR_PATH "/status", "operator",
                                            drop_status, conditions, &changed);
    assert_string_equal("", result.message);
    result = run("{'operatorFlags': {'a': '1'}}", NULL);
    assert_string_equal("kube-apiserver Available=unknown, Progressing=unknown, Degraded=unknown",
                        result.message);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
}

#define TEST(function) cmocka_unit_test_setup(function, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flags_become_those_of_the_document),
        TEST(messages_name_what_there_is_to_name),
        TEST(nothing_is_written_when_nothing_changes),
        TEST(a_second_run_changes_nothing),
        TEST(many_names_are_counted_instead_of_listed),
        TEST(documents_without_good_flags_are_terminal),
        TEST(a_conflict_is_tried_again),
        TEST(a_cluster_resource_that_is_missing_is_terminal),
        TEST(an_api_server_that_is_not_well_is_transient),
        TEST(a_missing_operator_is_terminal_and_a_failing_server_transient),
        TEST(an_operator_that_says_nothing_is_not_up),
    };
    return cmocka_run_group_tests(tests, start_practice, stop_practice);
}
