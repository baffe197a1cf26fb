/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tls_certificates.c - the task TLS Certificate Rotation against a practice cluster: which
 * clusters it is for, and what it makes of what it finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificate_maker.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "task_on_cluster.h"
#include "tasks/tasks.h"

#define OWN_SECRETS "/api/v1/namespaces/openshift-config/secrets"
#define API_SERVER  "/apis/config.openshift.io/v1/apiservers/cluster"

static struct practice_server practice;
static struct made api_server, ingress;
static char *bundles[2];

static int start(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    const struct made_wishes for_api = {.names = "DNS:api.c.example.com,DNS:api.short.example.com"};
    const struct made_wishes for_apps = {
        .names = "DNS:*.apps.c.example.com,DNS:*.apps.short.example.com"};
    api_server = make_certificate_of("api.c.example.com", NULL, &for_api);
    ingress = make_certificate_of("apps.c.example.com", NULL, &for_apps);
    bundles[0] = join_pem(api_server.key_pem, api_server.certificate_pem, NULL);
    bundles[1] = join_pem(ingress.key_pem, ingress.certificate_pem, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    practice_server_stop(&practice);
    made_free(&api_server);
    made_free(&ingress);
    free(bundles[0]);
    free(bundles[1]);
    return 0;
}

static int calm(void **state)
{
    (void)state;
    practice_server_trouble(&practice, NULL);
    return 0;
}

/* Secrets are named after `name`, so that each test has its own. */
static struct step_result run(const char *name, const char *domain, const char *first,
                              const char *second)
{
    char job[1024];
    const struct task_run run = {
        .practice = &practice,
        .task = &tls_certificates_task,
        .job = job,
        .certificates = {first, second},
    };
    snprintf(job, sizeof(job),
             "{'cluster': {'id': 'x', 'properties': {'clusterProfile': {'domain': '%s'}}},"
             " 'settings': {'managedDomain': 'example.com', 'signedCertificates': true,"
             " 'certificates': ['%s-apiserver', '%s-ingress']}}",
             domain, name, name);
    return task_on_cluster(&run);
}

static void expect_start(const char *expected, const struct step_result *result)
{
    if (strncmp(expected, result->message, strlen(expected)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", result->message, expected);
}

static int count_writes(void)
{
    return practice_server_count(&practice, "\"write\": true");
}

static int set_named(struct json_object *api_server_object, void *context, struct error *error)
{
    (void)error;
    return document_set(api_server_object, "spec.servingCerts.namedCertificates",
                        json_of(context)) < 0
               ? -1
               : 1;
}

static void first_run_sets_all_and_second_run_nothing(void **state)
{
    (void)state;
    struct step_result result = run("first", "c.example.com", bundles[0], bundles[1]);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    expect_start("set: secrets (4 of 4 written), API server updated, ingress controller updated; "
                 "API server certificate: CN=api.c.example.com, serial 0A2B, expires ",
                 &result);
    assert_non_null(strstr(result.message, "; ingress certificate: CN=apps.c.example.com, serial"));
    int before = count_writes();
    result = run("first", "c.example.com", bundles[0], bundles[1]);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    expect_start("no change: secrets (0 of 4 written), API server unchanged", &result);
    assert_int_equal(before, count_writes());
}

static void domain_without_a_dot_is_completed(void **state)
{
    (void)state;
    struct kube_answer answer;
    char none[] = "[]";
    bool changed;
    kube_modify(practice.admin, API_SERVER, "API server", set_named, none, &changed);
    struct step_result result = run("short", "short", bundles[0], bundles[1]);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    kube_request(practice.admin, "GET", API_SERVER, NULL, &answer);
    struct json_object *entries =
        document_get(answer.document, "spec.servingCerts.namedCertificates");
    assert_int_equal(1, document_length(entries));
    struct json_object *names = document_get(document_item(entries, 0), "names");
    assert_string_equal("api.short.example.com", document_text(document_item(names, 0)));
    kube_answer_free(&answer);
}

static void clusters_under_other_domains_are_left_alone(void **state)
{
    (void)state;
    static const char *const domains[] = {
        "c.example.org",
        "example.com",
        "cexample.com",
    };
    int before = count_writes();
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        struct step_result result = run("none", domains[i], NULL, NULL);
        assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
        expect_start("not managed: the cluster's domain \"", &result);
    }
    assert_int_equal(before, count_writes());
}

static void a_domain_that_is_not_a_name_is_terminal(void **state)
{
    (void)state;
    static const char *const domains[] = {
        "",
        ".example.com",
        "c_d.example.com",
        "c/d",
        "-c",
        "c-",
        "c..d",
        "c.example.com.",
        "c d",
        "c-.example.com",
        "a234567890123456789012345678901234567890123456789012345678901234",
    };
    int before = count_writes();
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        struct step_result result = run("bad", domains[i], NULL, NULL);
        assert_int_equal(OUTCOME_TERMINAL, result.outcome);
        expect_start("the cluster's domain \"", &result);
        assert_non_null(strstr(result.message, "properties.clusterProfile.domain"));
    }
    assert_int_equal(before, count_writes());
}

static void a_certificate_that_is_unfit_ends_the_task_before_anything_is_written(void **state)
{
    (void)state;
    const struct made_wishes unnamed = {.usage = "serverAuth"};
    struct made wrong = make_certificate_of("api.c.example.com", NULL, &unnamed);
    char *pem = join_pem(wrong.key_pem, wrong.certificate_pem, NULL);
    int before = count_writes();
    struct step_result result = run("unfit", "c.example.com", pem, bundles[1]);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    expect_start("certificate unfit-apiserver cannot be used: it names no host", &result);
    result = run("unfit", "c.example.com", bundles[0], bundles[0]);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    expect_start("certificate unfit-ingress cannot be used: it is for api.c.example.com, "
                 "api.short.example.com, not for *.apps.c.example.com",
                 &result);
    result = run("unfit", "c.example.com", NULL, bundles[0]);
    assert_int_equal(OUTCOME_TERMINAL, result.outcome);
    assert_int_equal(before, count_writes());
    made_free(&wrong);
    free(pem);
}

static void expect_named(const char *expected)
{
    struct kube_answer answer;
    kube_request(practice.admin, "GET", API_SERVER, NULL, &answer);
    cleanup_json struct json_object *wanted = json_of(expected);
    assert_true(document_equal(
        wanted, document_get(answer.document, "spec.servingCerts.namedCertificates")));
    kube_answer_free(&answer);
}

static void named_certificates_of_others_stay(void **state)
{
    (void)state;
    char before[] =
        "[{'names': ['api.customer.example'], 'servingCertificate': {'name': 'theirs'}},"
        " {'names': ['API.c.example.com', 'also.example'],"
        "  'servingCertificate': {'name': 'old'}},"
        " {'servingCertificate': {'name': 'unnamed'}}]";
    bool changed;
    kube_modify(practice.admin, API_SERVER, "API server", set_named, before, &changed);
    struct step_result result = run("named", "c.example.com", bundles[0], bundles[1]);
    assert_string_equal("", result.outcome == OUTCOME_SUCCEEDED ? "" : result.message);
    assert_non_null(strstr(result.message, "API server updated (3 other named certificates kept: "
                                           "api.customer.example, also.example, one without a "
                                           "name)"));
    expect_named("[{'names': ['api.customer.example'], 'servingCertificate': {'name': 'theirs'}},"
                 " {'names': ['also.example'], 'servingCertificate': {'name': 'old'}},"
                 " {'names': ['api.c.example.com'], 'servingCertificate': {'name': "
                 "'named-apiserver'}}, {'servingCertificate': {'name': 'unnamed'}}]");
    int writes = count_writes();
    result = run("named", "c.example.com", bundles[0], bundles[1]);
    expect_start("no change: ", &result);
    assert_int_equal(writes, count_writes());
}

static void a_second_entry_with_our_name_is_removed(void **state)
{
    (void)state;
    char before[] = "[{'names': ['api.c.example.com'], 'servingCertificate': {'name': 'a'}},"
                    " {'names': ['api.c.example.com'], 'servingCertificate': {'name': 'b'}}]";
    bool changed;
    kube_modify(practice.admin, API_SERVER, "API server", set_named, before, &changed);
    struct step_result result = run("twice", "c.example.com", bundles[0], bundles[1]);
    assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
    expect_named("[{'names': ['api.c.example.com'],"
                 " 'servingCertificate': {'name': 'twice-apiserver'}}]");
}

static void one_failing_does_not_stop_the_other(void **state)
{
    (void)state;
    int before = count_writes();
    struct step_result result = run("one", "c.example.com", NULL, bundles[1]);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    assert_string_equal("404 certificate 0 not found", result.message);
    assert_int_equal(before + 2, count_writes());
    result = run("two", "c.example.com", bundles[0], NULL);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    expect_start("404 certificate 1 not found", &result);
    assert_int_equal(before + 4, count_writes());
}

static void all_that_failed_is_said(void **state)
{
    (void)state;
    practice_server_trouble(&practice, "{'method': 'POST', 'path': '/secrets$', 'status': 403}");
    struct step_result result = run("denied", "c.example.com", bundles[0], NULL);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    expect_start("forbidden: secret openshift-config/denied-apiserver", &result);
    assert_non_null(
        strstr(result.message, "; also: forbidden: secret openshift-azure-operator/denied-api"));
    assert_non_null(strstr(result.message, "; also: 404 certificate 1 not found"));
}

static void a_secret_of_another_type_is_not_touched(void **state)
{
    (void)state;
    struct kube_answer answer;
    cleanup_json struct json_object *opaque =
        json_of("{'apiVersion': 'v1', 'kind': 'Secret', 'type': 'Opaque', 'metadata': {'name': "
                "'odd-apiserver', 'namespace': 'openshift-config'}}");
    kube_request(practice.admin, "POST", OWN_SECRETS, opaque, &answer);
    assert_int_equal(201, answer.status);
    kube_answer_free(&answer);
    struct step_result result = run("odd", "c.example.com", bundles[0], bundles[1]);
    assert_int_equal(OUTCOME_TRANSIENT, result.outcome);
    expect_start("secret openshift-config/odd-apiserver: its type is \"Opaque\", which cannot be "
                 "changed to kubernetes.io/tls: delete it",
                 &result);
}

static void whoever_creates_the_secret_first_is_no_trouble(void **state)
{
    (void)state;
    practice_server_trouble(
        &practice,
        "{'method': 'POST', 'path': '/openshift-config/secrets$', 'status': 409, 'times': 1, "
        "'carryOut': true}");
    struct step_result result = run("race", "c.example.com", bundles[0], bundles[1]);
    assert_string_equal("", result.outcome == OUTCOME_SUCCEEDED ? "" : result.message);
    expect_start("set: secrets (3 of 4 written)", &result);
}

static void names_come_from_the_uuid_of_managed_clusters_only(void **state)
{
    (void)state;
    char domain[] = "example.com";
    struct config config = {.tasks_managed_domain = domain, .tasks_signed_certificates = true};
    cleanup_json struct json_object *cluster =
        json_of("{'id': 'u', 'openShiftCluster': {'properties': {'clusterProfile': {'domain': "
                "'c.example.com'}}}}");
    cleanup_json struct json_object *expected = json_of("['u-apiserver', 'u-ingress']");
    cleanup_json struct json_object *names = tls_certificates_task.certificates(&config, cluster);
    assert_true(document_equal(expected, names));
    config.tasks_signed_certificates = false;
    cleanup_json struct json_object *disabled =
        tls_certificates_task.certificates(&config, cluster);
    assert_int_equal(0, document_length(disabled));
    cleanup_json struct json_object *settings = tls_certificates_task.settings(&config);
    cleanup_json struct json_object *wanted =
        json_of("{'managedDomain': 'example.com', 'signedCertificates': false}");
    assert_true(document_equal(wanted, settings));
}

#define TEST(function) cmocka_unit_test_setup(function, calm)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_run_sets_all_and_second_run_nothing),
        TEST(domain_without_a_dot_is_completed),
        TEST(clusters_under_other_domains_are_left_alone),
        TEST(a_domain_that_is_not_a_name_is_terminal),
        TEST(a_certificate_that_is_unfit_ends_the_task_before_anything_is_written),
        TEST(named_certificates_of_others_stay),
        TEST(a_second_entry_with_our_name_is_removed),
        TEST(one_failing_does_not_stop_the_other),
        TEST(all_that_failed_is_said),
        TEST(a_secret_of_another_type_is_not_touched),
        TEST(whoever_creates_the_secret_first_is_no_trouble),
        TEST(names_come_from_the_uuid_of_managed_clusters_only),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
