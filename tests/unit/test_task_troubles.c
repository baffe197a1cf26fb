/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_task_troubles.c - every trouble at every request of every task: what the run ends in, and
 * that the next one mends whatever was left behind.
 *
 * Three runs a case: one in trouble, which must end as the table of outcomes says; one without,
 * which must succeed; and one more, which must find nothing left to write ("no change": the first
 * test shows that this means no write, by the log of requests).
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
#include "task_on_cluster.h"
#include "tasks/tasks.h"

#define OPERATOR_PATH "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"
#define FLAGS_PATH    "/apis/aro.openshift.io/v1alpha1/clusters/cluster"
#define API_SERVER    "/apis/config.openshift.io/v1/apiservers/cluster"
#define INGRESS                                                                                    \
    "/apis/operator.openshift.io/v1/namespaces/openshift-ingress-operator/ingresscontrollers/"     \
    "default"
#define SECRETS(namespace) "/api/v1/namespaces/" namespace "/secrets"
#define MDSD_SECRET        SECRETS("openshift-azure-operator") "/cluster"

enum { SHORT_TIMEOUT = 300 };

static struct practice_server practice;
static struct made first, second;
static char *bundles[2];

static int start(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    const struct made_wishes for_api = {.names = "DNS:api.c.example.com"};
    const struct made_wishes for_apps = {.names = "DNS:*.apps.c.example.com"};
    first = make_certificate_of("first.example.com", NULL, &for_api);
    second = make_certificate_of("second.example.com", NULL, &for_apps);
    bundles[0] = join_pem(first.key_pem, first.certificate_pem, NULL);
    bundles[1] = join_pem(second.key_pem, second.certificate_pem, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    practice_server_stop(&practice);
    made_free(&first);
    made_free(&second);
    free(bundles[0]);
    free(bundles[1]);
    return 0;
}

/* ---- the tasks, their requests, and clusters where there is something to do ---- */

struct request {
    const char *method;
    const char *path;
    int status;           /* of the answer without trouble */
    bool is_retried;      /* its step makes a transient failure of any */
    bool is_as_elsewhere; /* has its troubles in another scene */
    const char *body;     /* a part of it, where method and path do not tell it from others */
};

static const struct request flags_requests[] = {
    {"GET", OPERATOR_PATH, 200, false, false},
    {"GET", FLAGS_PATH, 200, false, false},
    {"PUT", FLAGS_PATH, 200, false, false},
    {0},
};

static const struct request mdsd_requests[] = {
    {"GET", OPERATOR_PATH, 200, false, false},
    {"GET", MDSD_SECRET, 200, false, false},
    {"PUT", MDSD_SECRET, 200, false, false},
    {0},
};

#define API_SECRET     "/u-apiserver"
#define INGRESS_SECRET "/u-ingress"

static const struct request tls_requests[] = {
    {"GET", OPERATOR_PATH, 200, false, false},
    {"GET", SECRETS("openshift-config") API_SECRET, 404, true, false},
    {"POST", SECRETS("openshift-config"), 201, true, false},
    {"GET", SECRETS("openshift-azure-operator") API_SECRET, 404, true, false},
    {"POST", SECRETS("openshift-azure-operator"), 201, true, false, "u-apiserver"},
    {"GET", SECRETS("openshift-ingress") INGRESS_SECRET, 404, true, false},
    {"POST", SECRETS("openshift-ingress"), 201, true, false},
    {"GET", SECRETS("openshift-azure-operator") INGRESS_SECRET, 404, true, false},
    {"POST", SECRETS("openshift-azure-operator"), 201, true, false, "u-ingress"},
    {"GET", API_SERVER, 200, false, false},
    {"PUT", API_SERVER, 200, false, false},
    {"GET", INGRESS, 200, false, false},
    {"PUT", INGRESS, 200, false, false},
    {0},
};

/* Where the Secrets are there, with other certificates. */
static const struct request tls_renewal_requests[] = {
    {"GET", OPERATOR_PATH, 200, false, true},
    {"GET", SECRETS("openshift-config") API_SECRET, 200, true, true},
    {"PUT", SECRETS("openshift-config") API_SECRET, 200, true, false},
    {"GET", SECRETS("openshift-azure-operator") API_SECRET, 200, true, true},
    {"PUT", SECRETS("openshift-azure-operator") API_SECRET, 200, true, false},
    {"GET", SECRETS("openshift-ingress") INGRESS_SECRET, 200, true, true},
    {"PUT", SECRETS("openshift-ingress") INGRESS_SECRET, 200, true, false},
    {"GET", SECRETS("openshift-azure-operator") INGRESS_SECRET, 200, true, true},
    {"PUT", SECRETS("openshift-azure-operator") INGRESS_SECRET, 200, true, false},
    {"GET", API_SERVER, 200, false, true},
    {"PUT", API_SERVER, 200, false, true},
    {"GET", INGRESS, 200, false, true},
    {"PUT", INGRESS, 200, false, true},
    {0},
};

static int clear_flags(struct json_object *object, void *context, struct error *error)
{
    (void)context;
    (void)error;
    return document_set(object, "spec.operatorflags", json_object_new_object()) < 0 ? -1 : 1;
}

static int clear_data(struct json_object *object, void *context, struct error *error)
{
    static const char *const keys[] = {"gcscert.pem", "gcskey.pem", "tls.crt", "tls.key"};
    (void)context;
    (void)error;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (document_member(document_get(object, "data"), keys[i]))
            document_add(document_get(object, "data"), keys[i], document_new_string("b2xk"));
    return 1;
}

static int clear_references(struct json_object *object, void *context, struct error *error)
{
    (void)context;
    (void)error;
    document_delete(document_get(object, "spec"), "servingCerts");
    document_delete(document_get(object, "spec"), "defaultCertificate");
    return 1;
}

static void change(const char *path, kube_change_f *function)
{
    bool is_changed;
    struct step_result result =
        kube_modify(practice.admin, path, path, function, NULL, &is_changed);
    assert_string_equal("", result.message);
}

static void reset_flags(void)
{
    change(FLAGS_PATH, clear_flags);
}

static void reset_mdsd(void)
{
    change(MDSD_SECRET, clear_data);
}

static const char *const tls_secrets[] = {
    SECRETS("openshift-config") API_SECRET,
    SECRETS("openshift-azure-operator") API_SECRET,
    SECRETS("openshift-ingress") INGRESS_SECRET,
    SECRETS("openshift-azure-operator") INGRESS_SECRET,
};

static void reset_tls(void)
{
    for (size_t i = 0; i < sizeof(tls_secrets) / sizeof(tls_secrets[0]); i++) {
        struct kube_answer answer;
        kube_request(practice.admin, "DELETE", tls_secrets[i], NULL, &answer);
        assert_true(answer.status == 200 || answer.status == 404);
        kube_answer_free(&answer);
    }
    change(API_SERVER, clear_references);
    change(INGRESS, clear_references);
}

/* Of a cluster where all was set once. */
static void reset_tls_renewal(void)
{
    for (size_t i = 0; i < sizeof(tls_secrets) / sizeof(tls_secrets[0]); i++)
        change(tls_secrets[i], clear_data);
    change(API_SERVER, clear_references);
    change(INGRESS, clear_references);
}

static const struct scene {
    const char *name;
    const struct task *task;
    const char *job;
    const struct request *requests; /* of a run without trouble, all of them in their order */
    void (*reset)(void);
} scenes[] = {
    {"flags", &operator_flags_task,
     "{'cluster': {'id': 'x', 'properties': {'operatorFlags': {'a': 'true', 'b': 'false'}}}}",
     flags_requests, reset_flags},
    {"MDSD", &mdsd_certificate_task, "{'settings': {'certificates': ['mdsd']}}", mdsd_requests,
     reset_mdsd},
#define TLS_JOB                                                                                    \
    "{'cluster': {'id': 'x', 'properties': {'clusterProfile': {'domain': 'c.example.com'}}},"      \
    " 'settings': {'managedDomain': 'example.com', 'signedCertificates': true,"                    \
    " 'certificates': ['u-apiserver', 'u-ingress']}}"
    {"TLS", &tls_certificates_task, TLS_JOB, tls_requests, reset_tls},
    {"TLS renewal", &tls_certificates_task, TLS_JOB, tls_renewal_requests, reset_tls_renewal},
};

static struct step_result run(const struct scene *scene, long timeout)
{
    const struct task_run task_run = {
        .practice = &practice,
        .task = scene->task,
        .job = scene->job,
        .certificates = {bundles[0], bundles[1]},
        .timeout = timeout,
    };
    return task_on_cluster(&task_run);
}

static int count_requests(void)
{
    return practice_server_count(&practice, "\"number\"");
}

static int count_writes(void)
{
    return practice_server_count(&practice, "\"write\": true");
}

/* ---- the troubles ---- */

enum which { ANY, READ, WRITE, NOT_FIRST };

/* A conflict of a write is settled, unless there is no end of them. */
static const struct trouble {
    const char *rule; /* how often it strikes is part of it */
    enum which which;
    enum outcome_kind outcome;
    const char *start; /* of the message; NULL: any */
    long timeout;
} troubles[] = {
    {"'times': 1, 'status': 401", ANY, OUTCOME_TRANSIENT, "401 unauthorized: ", 0},
    {"'times': 1, 'status': 403", ANY, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 2, 'status': 403", ANY, OUTCOME_TERMINAL, "forbidden: ", 0},
    {"'times': 1, 'status': 404", ANY, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 2, 'status': 404", ANY, OUTCOME_TERMINAL, "404 ", 0},
    /* "<html>" */
    {"'times': 1, 'status': 404, 'answerBase64': 'PGh0bWw+'", ANY, OUTCOME_TRANSIENT, "404 ", 0},
    {"'times': 1, 'status': 408", ANY, OUTCOME_TRANSIENT, "408 ", 0},
    {"'times': 1, 'status': 409", READ, OUTCOME_TRANSIENT, "409 ", 0},
    {"'times': 1, 'status': 409", WRITE, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 5, 'status': 409", WRITE, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 6, 'status': 409", WRITE, OUTCOME_TRANSIENT, "409 ", 0},
    {"'times': 1, 'interfere': true", WRITE, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 1, 'status': 410", ANY, OUTCOME_TERMINAL, "410 ", 0},
    {"'times': 1, 'status': 422", ANY, OUTCOME_TERMINAL, "422 ", 0},
    {"'times': 1, 'status': 429", ANY, OUTCOME_TRANSIENT, "429 ", 0},
    {"'times': 1, 'status': 429, 'headers': {'Retry-After': '1'}", ANY, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 1, 'status': 429, 'headers': {'Retry-After': '99'}", ANY, OUTCOME_TRANSIENT, "429 ",
     0},
    {"'times': 1, 'status': 500", ANY, OUTCOME_TRANSIENT, "500 ", 0},
    {"'times': 1, 'status': 502", ANY, OUTCOME_TRANSIENT, "502 ", 0},
    {"'times': 1, 'status': 503", ANY, OUTCOME_TRANSIENT, "503 ", 0},
    {"'times': 1, 'status': 504", ANY, OUTCOME_TRANSIENT, "504 ", 0},
    {"'times': 1, 'status': 503, 'carryOut': true", WRITE, OUTCOME_TRANSIENT, "503 ", 0},
    {"'times': 1, 'redirect': 'https://elsewhere.test/'", ANY, OUTCOME_TRANSIENT, "307 ", 0},
    {"'times': 1, 'delayMs': 60000", ANY, OUTCOME_TRANSIENT, "timeout waiting for an answer of ",
     SHORT_TIMEOUT},
    {"'times': 1, 'slowBytesMs': 20", ANY, OUTCOME_TRANSIENT, "timeout waiting for an answer of ",
     SHORT_TIMEOUT},
    {"'times': 2, 'drop': true", ANY, OUTCOME_TRANSIENT, "connection closed without an answer by ",
     0},
    {"'times': 2, 'drop': true, 'carryOut': true", WRITE, OUTCOME_TRANSIENT,
     "connection closed without an answer by ", 0},
    {"'times': 1, 'drop': true, 'carryOut': true", WRITE, OUTCOME_SUCCEEDED, NULL, 0},
    {"'times': 2, 'reset': true", ANY, OUTCOME_TRANSIENT, "connection lost while ", 0},
    {"'times': 1, 'half': true", ANY, OUTCOME_TRANSIENT,
     "connection closed in the middle of an answer by ", 0},
    {"'times': 1, 'certificate': 'expired'", NOT_FIRST, OUTCOME_TRANSIENT,
     "TLS: untrusted certificate of ", 0},
    {"'times': 1, 'certificate': 'wrong-name'", NOT_FIRST, OUTCOME_TRANSIENT,
     "TLS: untrusted certificate of ", 0},
    {"'times': 1, 'garbage': true", ANY, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:", 0},
    {"'times': 1, 'noHttp': true", ANY, OUTCOME_TRANSIENT, "no HTTP/1.1 answer from ", 0},
    {"'times': 1, 'hugeBytes': 8500000", ANY, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:", 0},
    /* {"a":"\xff"} */
    {"'times': 1, 'answerBase64': 'eyJhIjoi/yJ9'", ANY, OUTCOME_TRANSIENT,
     "the answer of 127.0.0.1:", 0},
    /* nothing at all */
    {"'times': 1, 'answerBase64': ''", ANY, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:", 0},
    /* [] */
    {"'times': 1, 'answerBase64': 'W10='", ANY, OUTCOME_TRANSIENT, "the answer of 127.0.0.1:", 0},
    /* {"kind":"Pod","metadata":{"name":"p","resourceVersion":"1"}} */
    {"'times': 1, 'answerBase64': "
     "'eyJraW5kIjoiUG9kIiwibWV0YWRhdGEiOnsibmFtZSI6InAiLCJyZXNvdXJjZVZlcnNpb24iOiIxIn19'",
     NOT_FIRST, OUTCOME_TRANSIENT, NULL, 0},
};

static bool strikes(const struct trouble *trouble, const struct request *request, bool is_first)
{
    bool is_read = strcmp(request->method, "GET") == 0;
    switch (trouble->which) {
    case READ:
        return is_read;
    case WRITE:
        return !is_read;
    case NOT_FIRST:
        return !is_first;
    case ANY:
    default:
        return true;
    }
}

/* A Secret that is not there is made: a 404 in its stead is no trouble. */
static enum outcome_kind expected_outcome(const struct trouble *trouble,
                                          const struct request *request)
{
    if (strstr(trouble->rule, "404") && !strstr(trouble->rule, "answer") && request->is_retried &&
        strcmp(request->method, "GET") == 0)
        return OUTCOME_SUCCEEDED;
    if (trouble->outcome == OUTCOME_TERMINAL && request->is_retried)
        return OUTCOME_TRANSIENT;
    return trouble->outcome;
}

static void expect_end(const struct scene *scene, const struct request *request,
                       const struct trouble *trouble, const struct step_result *result)
{
    enum outcome_kind expected = expected_outcome(trouble, request);
    const char *start = expected == OUTCOME_SUCCEEDED || !trouble->start ? "" : trouble->start;
    if (request->status == 404 && strstr(trouble->rule, "hugeBytes"))
        start = "404 "; /* an error stays what its status says */
    if (result->outcome != expected || strncmp(result->message, start, strlen(start)) != 0)
        fail_msg("%s, %s %s, %s: expected %s \"%s...\", got %s \"%s\"", scene->name,
                 request->method, request->path, trouble->rule, outcome_name(expected), start,
                 outcome_name(result->outcome), result->message);
}

static void expect_success(const struct scene *scene, const struct request *request,
                           const struct trouble *trouble, const char *start)
{
    struct step_result result = run(scene, 0);
    if (result.outcome != OUTCOME_SUCCEEDED || strncmp(result.message, start, strlen(start)) != 0)
        fail_msg("%s, %s %s, %s: a run behind it did not say \"%s...\" but \"%s\"", scene->name,
                 request->method, request->path, trouble->rule, start, result.message);
}

static void try_one(const struct scene *scene, const struct request *request,
                    const struct trouble *trouble)
{
    char rule[1024];
    scene->reset();
    snprintf(rule, sizeof(rule), "{'method': '%s', 'path': '^%s$', 'body': '%s', %s}",
             request->method, request->path, request->body ? request->body : "", trouble->rule);
    practice_server_trouble(&practice, rule);
    struct step_result result = run(scene, trouble->timeout);
    expect_end(scene, request, trouble, &result);
    practice_server_trouble(&practice, NULL);
    /* What is left behind by a trouble at a GET is the same for all of them. */
    if (strcmp(request->method, "GET") == 0 && trouble != troubles)
        return;
    expect_success(scene, request, trouble, "");
    expect_success(scene, request, trouble, "no change: ");
}

/* ---- tests ---- */

static void first_run_makes_these_requests_and_second_run_writes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        const struct scene *scene = &scenes[i];
        char expected[8192] = "";
        scene->reset();
        int before = count_requests();
        struct step_result result = run(scene, 0);
        assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
        for (const struct request *request = scene->requests; request->method; request++)
            sprintf(expected + strlen(expected), "%s %s %d\n", request->method, request->path,
                    request->status);
        cleanup_free char *requests = practice_server_requests(&practice, before);
        assert_string_equal(expected, requests);
        int writes = count_writes();
        result = run(scene, 0);
        assert_int_equal(OUTCOME_SUCCEEDED, result.outcome);
        assert_int_equal(0, strncmp(result.message, "no change: ", strlen("no change: ")));
        assert_int_equal(writes, count_writes());
    }
}

static void try_scene(const struct scene *scene)
{
    for (const struct request *request = scene->requests; request->method; request++)
        for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
            if (!request->is_as_elsewhere &&
                strikes(&troubles[i], request, request == scene->requests))
                try_one(scene, request, &troubles[i]);
}

static void operator_flags_update_in_every_trouble(void **state)
{
    (void)state;
    try_scene(&scenes[0]);
}

static void mdsd_certificate_rotation_in_every_trouble(void **state)
{
    (void)state;
    try_scene(&scenes[1]);
}

static void tls_certificate_rotation_in_every_trouble(void **state)
{
    (void)state;
    try_scene(&scenes[2]);
}

static void tls_certificate_renewal_in_every_trouble(void **state)
{
    (void)state;
    try_scene(&scenes[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_run_makes_these_requests_and_second_run_writes_nothing),
        cmocka_unit_test(operator_flags_update_in_every_trouble),
        cmocka_unit_test(mdsd_certificate_rotation_in_every_trouble),
        cmocka_unit_test(tls_certificate_rotation_in_every_trouble),
        cmocka_unit_test(tls_certificate_renewal_in_every_trouble),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
