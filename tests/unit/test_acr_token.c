/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_acr_token.c - what the ACR Token Checker says of tokens of every age.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mimo/clock.h"
#include "mimo/document.h"
#include "task_double.h"
#include "tasks/tasks.h"

#define NOW     INT64_C(1795392000) /* 2026-11-23T00:00:00Z */
#define DAYS(n) ((n)*INT64_C(86400))

/* Judges a cluster with a token of another registry and one of ours, issued `age` seconds ago. */
static struct step_result judge(int64_t age)
{
    char issued[CLOCK_TEXT_SIZE];
    struct json_object *properties = document_pack(
        "{s:[{s:s, s:s}, {s:s, s:s, s:s}]}", "registryProfiles", "name", "other.azurecr.test",
        "issueDate", "2001-01-01T00:00:00Z", "name", "Fleet.azurecr.test", "username", "puller",
        "issueDate", clock_format(issued, NOW - age));
    assert_non_null(properties);
    struct step_result result = acr_token_judge(properties, "fleet.azurecr.test", NOW);
    json_object_put(properties);
    return result;
}

static void tokens_are_judged_by_their_age(void **state)
{
    (void)state;
    static const struct {
        int64_t age;
        enum outcome_kind outcome;
        const char *message;
    } cases[] = {
        {0, OUTCOME_SUCCEEDED, "token is valid for 180 days, issued 2026-11-23T00:00:00Z"},
        {DAYS(140), OUTCOME_SUCCEEDED, "token is valid for 40 days, issued 2026-07-06T00:00:00Z"},
        {DAYS(140) + 1, OUTCOME_TERMINAL,
         "token able to be renewed for less than a day, please rotate"},
        {DAYS(178), OUTCOME_TERMINAL, "token able to be renewed for 38 days, please rotate"},
        {DAYS(179), OUTCOME_TERMINAL, "token able to be renewed for 39 days, please rotate"},
        {DAYS(180), OUTCOME_TERMINAL, "token able to be renewed for 40 days, please rotate"},
        {DAYS(180) + 1, OUTCOME_TERMINAL,
         "token is expired, please rotate: token expired less than a day ago, "
         "issued 2026-05-26T23:59:59Z"},
        {DAYS(200), OUTCOME_TERMINAL,
         "token is expired, please rotate: token expired 20 days ago, "
         "issued 2026-05-07T00:00:00Z"},
        {DAYS(-1), OUTCOME_SUCCEEDED, "token is valid for 181 days, issued 2026-11-24T00:00:00Z"},
        {DAYS(-1) - 1, OUTCOME_TERMINAL,
         "the issue date 2026-11-24T00:00:01Z lies in the future, please rotate token"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct step_result result = judge(cases[i].age);
        assert_string_equal(cases[i].message, result.message);
        assert_int_equal(cases[i].outcome, result.outcome);
    }
}

static void documents_without_a_date_ask_for_rotation(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "no issue date detected, please rotate token"},
        {"{'registryProfiles': []}", "no issue date detected, please rotate token"},
        {"{'registryProfiles': {'name': 'a.test'}}", "no issue date detected, please rotate token"},
        {"{'registryProfiles': [null, 1, {'name': 7}, {'name': 'b.test'}]}",
         "no issue date detected, please rotate token"},
        {"{'registryProfiles': [{'name': 'a.test'}]}",
         "no issue date detected, please rotate token"},
        {"{'registryProfiles': [{'name': 'a.test', 'issueDate': null}]}",
         "no issue date detected, please rotate token"},
        {"{'registryProfiles': [{'name': 'a.test', 'issueDate': 1795392000}]}",
         "issueDate is not a string, please rotate token"},
        {"{'registryProfiles': [{'name': 'a.test', 'issueDate': 'yesterday'}]}",
         "issueDate is not a time, please rotate token"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{'cluster': {'properties': %s}}", cases[i][0]);
        struct task_double context;
        task_double_initialize(&context, &acr_token_task, text);
        struct step_result result =
            acr_token_judge(document_member(context.job.cluster, "properties"), "a.test", NOW);
        assert_int_equal(OUTCOME_TERMINAL, result.outcome);
        assert_int_equal(0, strncmp(cases[i][1], result.message, strlen(cases[i][1])));
        task_double_free(&context);
    }
}

static void a_cluster_without_properties_has_no_date(void **state)
{
    (void)state;
    struct step_result result = acr_token_judge(NULL, "a.test", NOW);
    assert_string_equal("no issue date detected, please rotate token", result.message);
}

static void without_a_domain_the_configuration_is_to_blame(void **state)
{
    (void)state;
    struct task_double context;
    task_double_initialize(&context, &acr_token_task, "{'settings': {'acrDomain': ''}}");
    struct step_result result = task_run(&context.context);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_non_null(strstr(result.message, "set tasks.acr_domain"));
    task_double_free(&context);
}

static void the_task_takes_its_domain_from_the_settings(void **state)
{
    (void)state;
    char domain[] = "a.test";
    struct config config = {.tasks_acr_domain = domain};
    struct json_object *settings = acr_token_task.settings(&config);
    assert_string_equal("a.test", document_text(document_member(settings, "acrDomain")));
    json_object_put(settings);

    char issued[CLOCK_TEXT_SIZE];
    char job[512];
    clock_format(issued, clock_unix_seconds() - DAYS(10));
    snprintf(job, sizeof(job),
             "{'settings': {'acrDomain': 'a.test'}, 'cluster': {'properties': "
             "{'registryProfiles': [{'name': 'a.test', 'issueDate': '%s'}]}}}",
             issued);
    struct task_double context;
    task_double_initialize(&context, &acr_token_task, job);
    struct step_result result = task_run(&context.context);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    /* a second may have gone by */
    assert_non_null(strstr(result.message, "token is valid for 1"));
    task_double_free(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_judged_by_their_age),
        cmocka_unit_test(documents_without_a_date_ask_for_rotation),
        cmocka_unit_test(a_cluster_without_properties_has_no_date),
        cmocka_unit_test(without_a_domain_the_configuration_is_to_blame),
        cmocka_unit_test(the_task_takes_its_domain_from_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
