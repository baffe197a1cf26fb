/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kube_sandbox.c - all that a client can run into, inside the real sandbox: no system call off
 * the list, no file, no other port. A scenario that asks for more ends by SIGSYS, and the
 * failure names the call.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "endpoint_fixture.h"
#include "kube/kube_private.h"
#include "launcher/sandbox.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "practice_server.h"

#define OPERATOR_PATH "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"
#define CLUSTER_PATH  "/apis/aro.openshift.io/v1alpha1/clusters/cluster"

enum { TIMEOUT = 1000, MEMORY = 256 * 1024 * 1024, OPEN_FILES = 64, CPU_SECONDS = 60 };

static struct practice_server practice;
static struct confinement_filter filter;

/* What a scenario runs with; made outside, for the sandbox reads no files. */
struct scenario {
    const char *suffix; /* of the kubeconfig */
    const char *rule;   /* of trouble, or NULL */
    void (*change)(struct kubeconfig *config);
    const char *addresses; /* of the server, separated by blanks; or NULL for none */
    bool closed_port;      /* Landlock does not know the server's port */
    bool is_impatient;     /* short timeouts */
    const char *message;   /* what the result begins with */
};

static int warm_up(struct error *error)
{
    setenv("TZ", "UTC", 1);
    if (kube_warm_up(error) < 0 || confinement_prepare_names(error) < 0)
        return -1;
    return sandbox_build_worker_filter(&filter, error);
}

static int prepare(void **state)
{
    struct error error = {0};
    (void)state;
    if (warm_up(&error) < 0)
        fail_msg("%s", error.message);
    practice_server_start(&practice, "valid");
    return 0;
}

static int finish(void **state)
{
    struct error error;
    (void)state;
    practice_server_stop(&practice);
    confinement_free(&filter);
    return kube_set_system_ca(NULL, &error);
}

static int close_sandbox(int report_fd, uint16_t port, struct error *error)
{
#ifndef WITH_SANITIZERS
    struct sandbox_limits limits = {
        .memory = MEMORY, .open_files = OPEN_FILES, .cpu_seconds = CPU_SECONDS};
    if (sandbox_limit_resources(&limits, error) < 0)
        return -1;
#endif
    int abi = confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, ERROR_SYSTEM, "no_new_privs");
    if (sandbox_deny_files(abi, error) < 0 || sandbox_enter_domain(abi, &port, 1, error) < 0 ||
        sandbox_report_forbidden(report_fd, error) < 0)
        return -1;
    return confinement_load(&filter, error);
}

static int change_nothing_much(struct json_object *object, void *context, struct error *error)
{
    char value[32];
    (void)error;
    snprintf(value, sizeof(value), "%p", context);
    document_set_string(object, "metadata.labels.seen", value);
    return 1;
}

/* A worker's life: kubeconfig, client, a few requests. */
static struct step_result work(const char *text, const struct scenario *scenario,
                               struct json_object *addresses)
{
    struct kubeconfig config;
    struct kube_client *client;
    struct kube_answer answer;
    struct error error;
    bool changed;
    if (kubeconfig_parse(text, strlen(text), &config, &error) < 0)
        return step_terminal("%s", error.message);
    if (scenario->change)
        scenario->change(&config);
    if (kube_client_create(&config, addresses, &client, &error) < 0)
        return step_terminal("%s", error.message);
    if (scenario->is_impatient)
        kube_client_set_timeouts(client, TIMEOUT, TIMEOUT);
    kube_request(client, "GET", OPERATOR_PATH, NULL, &answer);
    struct step_result result = kube_step_result(&answer, "operator");
    kube_answer_free(&answer);
    if (result.outcome == OUTCOME_SUCCEEDED)
        result =
            kube_modify(client, CLUSTER_PATH, "cluster", change_nothing_much, &client, &changed);
    kube_client_free(client);
    kubeconfig_free(&config);
    return result;
}

static _Noreturn void run_child(const char *text, const struct scenario *scenario,
                                struct json_object *addresses, int port, int report_fd)
{
    struct error error = {0};
    if (close_sandbox(report_fd, (uint16_t)(scenario->closed_port ? 1 : port), &error) < 0) {
        dprintf(report_fd, "no sandbox: %s", error.message);
        _exit(1);
    }
    struct step_result result = work(text, scenario, addresses);
    const char *message = result.outcome == OUTCOME_SUCCEEDED ? "done" : result.message;
    _exit(write(report_fd, message, strlen(message)) < 0);
}

/* ---- a process that has done nothing but warm up ---- */

static struct {
    pid_t pid;
    int order; /* writing end: the kubeconfig, up to end of file */
    int report;
} pristine;

static _Noreturn void run_pristine(int order_fd, int report_fd)
{
    static const struct scenario scenario = {.suffix = ""};
    static char text[16 * 1024];
    struct error error = {0};
    size_t length = 0;
    ssize_t got;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (warm_up(&error) < 0) {
        dprintf(report_fd, "no warm-up: %s", error.message);
        _exit(1);
    }
    while (length < sizeof(text) - 1 &&
           (got = read(order_fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    const char *port = strstr(text, "https://127.0.0.1:");
    run_child(text, &scenario, NULL, port ? atoi(port + strlen("https://127.0.0.1:")) : 0,
              report_fd);
}

/* First of all in main(): whatever this process does later, the child has not done. */
static void start_pristine(void)
{
    int order[2];
    int report[2];
    if (pipe2(order, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
        abort();
    pristine.pid = fork();
    if (pristine.pid < 0)
        abort();
    if (pristine.pid == 0) {
        close(order[1]);
        run_pristine(order[0], report[1]);
    }
    close(order[0]);
    close(report[1]);
    pristine.order = order[1];
    pristine.report = report[0];
}

static struct json_object *make_addresses(const struct scenario *scenario, int port)
{
    return endpoints_of("api.cluster-0.practice.test", port,
                        scenario->addresses ? scenario->addresses : "");
}

static char *read_kubeconfig(const char *suffix)
{
    enum { SIZE_MAXIMUM = 16 * 1024 - 1 };
    char path[128];
    char *text;
    struct error error;
    snprintf(path, sizeof(path), "%s/%s%s.kubeconfig", practice.directory, PRACTICE_CLUSTER_NAME,
             suffix);
    assert_int_equal(0, io_read_file(path, SIZE_MAXIMUM, &text, NULL, &error));
    return text;
}

/* Waits for the end of a child, and for the words that it ends with. */
static void expect_end(pid_t pid, int report_fd, const char *message)
{
    int status;
    char reported[8192];
    ssize_t length = read(report_fd, reported, sizeof(reported) - 1);
    reported[length > 0 ? length : 0] = '\0';
    close(report_fd);
    assert_int_equal(pid, waitpid(pid, &status, 0));
    if (status != 0 || strncmp(reported, message, strlen(message)) != 0)
        fail_msg("status %x, \"%s\" does not begin with \"%s\"", (unsigned)status, reported,
                 message);
}

static void run(const struct scenario *scenario)
{
    int report[2];
    struct kubeconfig config;
    cleanup_free char *text = read_kubeconfig(scenario->suffix);
    practice_server_kubeconfig(&practice, scenario->suffix, &config);
    cleanup_json struct json_object *addresses = make_addresses(scenario, config.port);
    practice_server_trouble(&practice, scenario->rule);
    assert_int_equal(0, pipe2(report, O_CLOEXEC));
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        run_child(text, scenario, addresses, config.port, report[1]);
    close(report[1]);
    kubeconfig_free(&config);
    expect_end(pid, report[0], scenario->message);
}

/* ---- scenarios ---- */

static void call_by_name(struct kubeconfig *config)
{
    free(config->host);
    free(config->server);
    config->host = strdup("api.cluster-0.practice.test");
    if (asprintf(&config->server, "https://%s:%d", config->host, config->port) < 0)
        _exit(2);
}

static void call_by_name_and_expect_another(struct kubeconfig *config)
{
    call_by_name(config);
    config->tls_server_name = strdup("localhost");
}

static void expect_a_wrong_name(struct kubeconfig *config)
{
    call_by_name(config);
    config->tls_server_name = strdup("wrong.test");
}

static void trust_anybody(struct kubeconfig *config)
{
    free(config->ca);
    config->ca = NULL;
    config->insecure = true;
}

static void trust_the_system(struct kubeconfig *config)
{
    free(config->ca);
    config->ca = NULL;
}

static void the_warm_up_is_all_that_a_worker_needs(void **state)
{
    (void)state;
    cleanup_free char *text = read_kubeconfig("");
    assert_int_equal(strlen(text), write(pristine.order, text, strlen(text)));
    close(pristine.order);
    expect_end(pristine.pid, pristine.report, "done");
}

static void a_cluster_is_worked_on(void **state)
{
    (void)state;
    run(&(struct scenario){.suffix = "", .message = "done"});
    run(&(struct scenario){.suffix = "-token", .message = "done"});
    run(&(struct scenario){.suffix = "-token", .change = trust_anybody, .message = "done"});
    run(&(struct scenario){.suffix = "-viewer", .message = "forbidden: cluster"});
}

static void names_are_not_resolved(void **state)
{
    (void)state;
    run(&(struct scenario){
        .suffix = "", .change = call_by_name, .addresses = "127.0.0.1", .message = "done"});
    run(&(struct scenario){.suffix = "",
                           .change = call_by_name_and_expect_another,
                           .addresses = "127.0.0.1",
                           .message = "done"});
    run(&(struct scenario){
        .suffix = "", .change = call_by_name, .addresses = "::1 127.0.0.1", .message = "done"});
    run(&(struct scenario){.suffix = "",
                           .change = call_by_name,
                           .message = "the job has no address for api.cluster-0"});
}

static void other_ports_are_out_of_reach(void **state)
{
    (void)state;
    if (confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM) < 4)
        skip();
    run(&(struct scenario){.suffix = "",
                           .closed_port = true,
                           .message = "forbidden: the sandbox allows no connection to 127.0.0.1:"});
}

static void certificates_are_verified(void **state)
{
    (void)state;
    run(&(struct scenario){.suffix = "",
                           .change = expect_a_wrong_name,
                           .addresses = "127.0.0.1",
                           .message = "TLS: untrusted certificate of "});
    run(&(struct scenario){.suffix = "",
                           .change = trust_the_system,
                           .message = kube_system_ca() ? "TLS: untrusted certificate of "
                                                       : "the kubeconfig has no certificate-"});
}

static void trouble_on_the_wire_is_survived(void **state)
{
    (void)state;
    static const struct scenario scenarios[] = {
        {"", "{'drop': true}", .message = "connection closed without an answer"},
        {"", "{'reset': true}", .message = "connection lost"},
        {"", "{'half': true}", .message = "connection closed in the middle"},
        {"", "{'delayMs': 30000}", .is_impatient = true,
         .message = "timeout waiting for an answer"},
        {"", "{'slowBytesMs': 100}", .is_impatient = true,
         .message = "timeout waiting for an answer"},
        {"", "{'garbage': true}", .message = "the answer of "},
        {"", "{'noHttp': true}", .message = "no HTTP/1.1 answer"},
        {"", "{'status': 503}", .message = "503 operator"},
        {"", "{'redirect': 'https://example.test/'}", .message = "307 operator"},
        {"", "{'chunked': true}", .message = "done"},
        {"", "{'hugeBytes': 8000000}", .message = "done"},
        {"", "{'hugeBytes': 9000000}", .message = "the answer of "},
        {"", "{'method': 'PUT', 'interfere': true, 'times': 2}", .message = "done"},
        /* on a kept connection libcurl tries again by itself; the object's version keeps that safe
         */
        {"", "{'method': 'PUT', 'drop': true, 'times': 1}", .message = "done"},
    };
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        run(&scenarios[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_warm_up_is_all_that_a_worker_needs),
        cmocka_unit_test(a_cluster_is_worked_on),
        cmocka_unit_test(names_are_not_resolved),
        cmocka_unit_test(other_ports_are_out_of_reach),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(trouble_on_the_wire_is_survived),
    };
    start_pristine();
    return cmocka_run_group_tests(tests, prepare, finish);
}
