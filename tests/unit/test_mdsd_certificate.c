/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mdsd_certificate.c - the task MDSD Certificate Rotation against a practice cluster.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificate_maker.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "task_on_cluster.h"
#include "tasks/tasks.h"

#define SECRET_PATH "/api/v1/namespaces/openshift-azure-operator/secrets/cluster"

static struct practice_server practice;
static struct made made;
static char *bundle;

static int start(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    made = make_certificate("logs.example.com", NULL, (struct made_dates){0});
    bundle = join_pem(made.key_pem, made.certificate_pem, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    practice_server_stop(&practice);
    made_free(&made);
    free(bundle);
    return 0;
}

static int make_old(struct json_object *secret, void *context, struct error *error)
{
    (void)context;
    if (secret_set(secret, "gcscert.pem", "old", NULL, error) < 0)
        return -1;
    return secret_set(secret, "gcskey.pem", "old", NULL, error) < 0 ? -1 : 1;
}

/* The state that every test begins with. */
static int reset(void **state)
{
    bool changed;
    (void)state;
    practice_server_trouble(&practice, NULL);
    struct step_result result =
        kube_modify(practice.admin, SECRET_PATH, "secret", make_old, NULL, &changed);
    assert_string_equal("", result.message);
    return 0;
}

static struct step_result run(const char *pem)
{
    const struct task_run run = {
        .practice = &practice,
        .task = &mdsd_certificate_task,
        .job = "{'settings': {'certificates': ['mdsd']}}",
        .certificates = {pem},
    };
    return task_on_cluster(&run);
}

static int count_writes(void)
{
    return practice_server_count(&practice, "\"write\": true");
}

/* True when the Secret's entry is the base64 of `text`. */
static bool has_entry(const char *key, const char *text)
{
    struct kube_answer answer;
    struct error error;
    kube_request(practice.admin, "GET", SECRET_PATH, NULL, &answer);
    int changed = secret_set(answer.document, key, text, NULL, &error);
    kube_answer_free(&answer);
    return changed == 0;
}

static void secret_gets_key_and_chain_and_keeps_the_rest(void **state)
{
    (void)state;
    struct kube_answer answer;
    struct step_result result = run(bundle);
    assert_string_equal("", result.outcome == OUTCOME_SUCCEEDED ? "" : result.message);
    assert_int_equal(0, strncmp("set the logging certificate: CN=logs.example.com, serial 0A2B, "
                                "expires 20",
                                result.message, 73));
    assert_true(has_entry("gcscert.pem", made.certificate_pem));
    assert_true(has_entry("gcskey.pem", made.key_pem));
    kube_request(practice.admin, "GET", SECRET_PATH, NULL, &answer);
    struct json_object *data = document_get(answer.document, "data");
    assert_non_null(document_member(data, ".dockerconfigjson"));
    assert_int_equal(3, document_member_count(data));
    kube_answer_free(&answer);
}

static void second_run_writes_nothing(void **state)
{
    (void)state;
    run(bundle);
    int before = count_writes();
    struct step_result result = run(bundle);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_int_equal(0, strncmp("no change: the logging certificate is CN=logs.example.com",
                                result.message, 57));
    assert_int_equal(before, count_writes());
}

/* The same key in another encoding and the same chain with a comment: as the service wrote them. */
static int write_otherwise(struct json_object *secret, void *context, struct error *error)
{
    (void)context;
    char *key = make_traditional_key(&made);
    char *chain = join_pem("subject=logs\n", made.certificate_pem, NULL);
    int status = secret_set(secret, "gcskey.pem", key, NULL, error) < 0 ||
                         secret_set(secret, "gcscert.pem", chain, NULL, error) < 0
                     ? -1
                     : 1;
    free(key);
    free(chain);
    return status;
}

static void an_equal_key_in_another_encoding_is_left_as_it_is(void **state)
{
    (void)state;
    bool changed;
    kube_modify(practice.admin, SECRET_PATH, "secret", write_otherwise, NULL, &changed);
    assert_true(changed);
    int before = count_writes();
    struct step_result result = run(bundle);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_int_equal(before, count_writes());
}

static void the_key_is_written_in_the_encoding_of_the_source(void **state)
{
    (void)state;
    char *key = make_traditional_key(&made);
    char *pem = join_pem(key, made.certificate_pem, NULL);
    struct step_result result = run(pem);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_true(has_entry("gcskey.pem", key));
    free(pem);
    free(key);
}

static int spoil_key(struct json_object *secret, void *context, struct error *error)
{
    (void)context;
    return secret_set(secret, "gcskey.pem", "half", NULL, error);
}

static void a_secret_that_is_right_by_half_is_mended(void **state)
{
    (void)state;
    bool changed;
    run(bundle);
    kube_modify(practice.admin, SECRET_PATH, "secret", spoil_key, NULL, &changed);
    assert_true(changed);
    struct step_result result = run(bundle);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    assert_true(has_entry("gcskey.pem", made.key_pem));
}

static void a_missing_secret_is_terminal(void **state)
{
    (void)state;
    practice_server_trouble(&practice, "{'path': '/secrets/cluster', 'status': 404}");
    struct step_result result = run(bundle);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_int_equal(
        0, strncmp("404 secret openshift-azure-operator/cluster not found", result.message, 53));
}

static void bad_certificates_are_terminal_and_never_written(void **state)
{
    (void)state;
    int before = count_writes();
    struct step_result result = run(NULL);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("404 certificate 0 not found", result.message);
    result = run(made.certificate_pem);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_string_equal("certificate mdsd cannot be used: it holds no private key", result.message);
    assert_int_equal(before, count_writes());
}

static void data_that_is_no_object_is_refused(void **state)
{
    (void)state;
    struct error error = {0};
    cleanup_json struct json_object *bad = json_of("{'data': ['a']}");
    cleanup_json struct json_object *empty = json_of("{'data': null}");
    assert_int_equal(-1, secret_set(bad, "a", "b", NULL, &error));
    assert_string_equal("its data is not an object", error.message);
    assert_int_equal(1, secret_set(empty, "a.b", "b", NULL, &error));
    assert_string_equal("Yg==", document_text(document_member(document_get(empty, "data"), "a.b")));
}

static void name_of_the_certificate_is_configured(void **state)
{
    (void)state;
    char name[] = "geneva-2";
    struct config config = {.tasks_mdsd_secret = name};
    cleanup_json struct json_object *names = mdsd_certificate_task.certificates(&config, NULL);
    assert_int_equal(1, document_length(names));
    assert_string_equal("geneva-2", document_text(document_item(names, 0)));
}

#define TEST(function) cmocka_unit_test_setup(function, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(secret_gets_key_and_chain_and_keeps_the_rest),
        TEST(second_run_writes_nothing),
        TEST(an_equal_key_in_another_encoding_is_left_as_it_is),
        TEST(the_key_is_written_in_the_encoding_of_the_source),
        TEST(a_secret_that_is_right_by_half_is_mended),
        TEST(a_missing_secret_is_terminal),
        TEST(bad_certificates_are_terminal_and_never_written),
        TEST(data_that_is_no_object_is_refused),
        TEST(name_of_the_certificate_is_configured),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
