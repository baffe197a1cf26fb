/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_credentials.c - sealed kubeconfigs on their way into a worker, and its one HTTPS
 * conversation, inside the sandbox: with an API server that knows one answer (404), one whose
 * certificate nobody vouches for, and one that hangs up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher_fixture.h"
#include "mimo/cleanup.h"
#include "mimo/exit_codes.h"
#include "mimo/seal.h"

#define FLAGS_TASK "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define HOST       "api.test"

#define ANSWER                                                                                     \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"code\":404}"

/* --- An API server --- */

struct server {
    pid_t pid;
    uint16_t port;
    char *certificate; /* PEM, its own CA */
    char url[64];
};

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509V3_CTX context;
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)HOST, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "DNS:" HOST);
    assert_non_null(names);
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static char *to_pem(X509 *certificate)
{
    char *text;
    BIO *memory = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(memory, certificate), 1);
    long length = BIO_get_mem_data(memory, &text);
    char *copy = strndup(text, (size_t)length);
    BIO_free(memory);
    assert_non_null(copy);
    return copy;
}

static void answer_one(SSL_CTX *context, int connection)
{
    char request[8192];
    size_t length = 0;
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, connection);
    if (SSL_accept(tls) == 1) {
        int got;
        while ((got = SSL_read(tls, request + length, (int)(sizeof(request) - 1 - length))) > 0) {
            length += (size_t)got;
            request[length] = '\0';
            if (strstr(request, "\r\n\r\n"))
                break;
        }
        char answer[512];
        int size = snprintf(answer, sizeof(answer),
                            "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                            strlen(ANSWER), ANSWER);
        if (strstr(request, "Authorization: Bearer secret-token"))
            SSL_write(tls, answer, size);
    }
    SSL_free(tls);
}

static _Noreturn void serve(int listener, EVP_PKEY *key, X509 *certificate, bool hang_up)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no server behind */
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        _exit(1);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            _exit(1);
        if (!hang_up)
            answer_one(context, connection);
        close(connection);
    }
}

static void start_server(struct server *server, bool hang_up)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    cleanup_fd int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = make_certificate(key);
    *server = (struct server){.port = ntohs(address.sin_port), .certificate = to_pem(certificate)};
    snprintf(server->url, sizeof(server->url), "https://" HOST ":%u", server->port);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        serve(listener, key, certificate, hang_up);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void stop_server(struct server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    free(server->certificate);
}

/* --- Kubeconfigs --- */

static char *make_kubeconfig(const struct server *server, bool with_ca)
{
    struct error error;
    cleanup_free char *ca = NULL;
    char *text;
    assert_int_equal(base64_encode(server->certificate, strlen(server->certificate), &ca, &error),
                     0);
    assert_true(asprintf(&text,
                         "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                         "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                         "clusters: [{name: k, cluster: {server: \"%s\"%s%s}}]\n"
                         "users: [{name: u, user: {token: secret-token}}]\n",
                         server->url, with_ca ? ", certificate-authority-data: " : "",
                         with_ca ? ca : "") > 0);
    return text;
}

struct scene {
    struct launcher_process launcher;
    struct server server;
    unsigned char *sealed;
    size_t sealed_length;
};

static void seal(struct scene *scene, const char *text)
{
    struct seal_certificate *certificate;
    struct error error;
    char path[96];
    free(scene->sealed);
    snprintf(path, sizeof(path), "%s/seal.crt", scene->launcher.folder);
    if (seal_certificate_load(path, &certificate, &error) < 0 ||
        seal_close(certificate, text, strlen(text), &scene->sealed, &scene->sealed_length, &error) <
            0)
        fail_msg("%s", error.message);
    seal_certificate_free(certificate);
}

static void start_scene(struct scene *scene, bool ordinary_user, bool hang_up)
{
    *scene = (struct scene){0};
    start_server(&scene->server, hang_up);
    launcher_start(&scene->launcher,
                   &(struct launcher_options){.with_key = true, .ordinary_user = ordinary_user});
    cleanup_free char *kubeconfig = make_kubeconfig(&scene->server, true);
    seal(scene, kubeconfig);
}

static void stop_scene(struct scene *scene)
{
    assert_int_equal(launcher_stop(&scene->launcher), 0);
    stop_server(&scene->server);
    free(scene->sealed);
}

static struct attempt_request request_of(const struct scene *scene)
{
    return (struct attempt_request){
        .task = FLAGS_TASK,
        .cluster_url = scene->server.url,
        .host = HOST,
        .host_port = scene->server.port,
        .port = scene->server.port,
        .sealed = scene->sealed,
        .sealed_length = scene->sealed_length,
    };
}

static void assert_result(struct scene *scene, const struct attempt_request *request,
                          enum outcome_kind result, const char *message)
{
    struct attempt attempt;
    attempt_run(&scene->launcher, request, &attempt);
    if (attempt.wait_status != 0 || !attempt.has_result || attempt.result != result ||
        !strstr(attempt.message, message))
        fail_msg("expected \"%s\", but wait status %d: %s", message, attempt.wait_status,
                 attempt.reported);
}

/* --- Tests --- */

static void task_talks_to_its_cluster_with_the_sealed_credentials(void **state)
{
    (void)state;
    for (int ordinary = 0; ordinary <= 1; ordinary++) {
        struct scene scene;
        start_scene(&scene, ordinary, false);
        struct attempt_request request = request_of(&scene);
        for (int i = 0; i < 3; i++)
            assert_result(&scene, &request, OUTCOME_TERMINAL, "404");
        request.cluster_url = NULL; /* a cluster that nobody has described: the kubeconfig counts */
        assert_result(&scene, &request, OUTCOME_TERMINAL, "404");
        stop_scene(&scene);
    }
}

static void server_without_a_known_certificate_is_not_talked_to(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    cleanup_free char *kubeconfig = make_kubeconfig(&scene.server, false);
    seal(&scene, kubeconfig);
    struct attempt_request request = request_of(&scene);
    struct attempt attempt;
    attempt_run(&scene.launcher, &request, &attempt);
    assert_int_equal(attempt.wait_status, 0);
    assert_true(attempt.has_result);
    if (!strstr(attempt.message, "certificate") && !strstr(attempt.message, "CA"))
        fail_msg("unexpected: %s", attempt.message);
    stop_scene(&scene);
}

static void server_that_hangs_up_is_a_transient_error(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, true);
    struct attempt_request request = request_of(&scene);
    assert_result(&scene, &request, OUTCOME_TRANSIENT, "");
    stop_scene(&scene);
}

static void port_that_the_order_leaves_out_is_not_reached(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    struct attempt_request request = request_of(&scene);
    request.port = 9;
    if (scene.launcher.ready.landlock_abi >= 4)
        assert_result(&scene, &request, OUTCOME_TERMINAL, "the sandbox allows no connection");
    stop_scene(&scene);
}

static void cluster_without_a_kubeconfig_is_told_so(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    struct attempt_request request = request_of(&scene);
    request.sealed_length = 0;
    assert_result(&scene, &request, OUTCOME_TERMINAL, "no kubeconfig is registered");
    stop_scene(&scene);
}

static void kubeconfig_of_another_server_is_not_used(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    struct attempt_request request = request_of(&scene);
    request.cluster_url = "https://other.test:6443/";
    assert_result(&scene, &request, OUTCOME_TERMINAL,
                  "apiserverProfile.url is https://other.test:6443");
    stop_scene(&scene);
}

static void text_that_is_no_kubeconfig_is_a_terminal_error(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    seal(&scene, "this: is: no: kubeconfig");
    struct attempt_request request = request_of(&scene);
    assert_result(&scene, &request, OUTCOME_TERMINAL, "kubeconfig cannot be used");
    stop_scene(&scene);
}

static void task_without_a_cluster_runs_beside_credentials(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    struct attempt_request request = request_of(&scene);
    request.task = NULL;
    assert_result(&scene, &request, OUTCOME_SUCCEEDED, "");
    stop_scene(&scene);
}

/* --- What is left in a worker's memory --- */

/* Searches all memory of a process that can be read. */
static bool memory_holds(pid_t pid, const void *needle, size_t length)
{
    char path[64], line[512];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    cleanup_fd int memory = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(memory >= 0);
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx r", &start, &end) != 2 || end - start > 64UL << 20 ||
            strstr(line, "[v"))
            continue;
        char *content = malloc(end - start);
        assert_non_null(content);
        ssize_t got = pread(memory, content, end - start, (off_t)start);
        found |= got > 0 && memmem(content, (size_t)got, needle, length);
        free(content);
    }
    fclose(maps);
    return found;
}

enum { SCALAR_SIZE = 32 };

/* The private number of the seal's key, in the order in which OpenSSL keeps it on this machine. */
static void read_scalar(const struct scene *scene, unsigned char *scalar)
{
    char path[96];
    BIGNUM *number = NULL;
    snprintf(path, sizeof(path), "%s/seal.key", scene->launcher.folder);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    assert_int_equal(BN_bn2nativepad(number, scalar, SCALAR_SIZE), SCALAR_SIZE);
    BN_clear_free(number);
    EVP_PKEY_free(key);
}

/* Its launcher has the key all the time, and the worker had it until it opened the seal. */
static void worker_keeps_neither_key_nor_credentials_that_it_does_not_need(void **state)
{
    (void)state;
    static const char sleep[] =
        "{\"steps\":[{\"name\":\"wait\",\"status\":\"waiting\",\"sleepMs\":3600000}]}";
    unsigned char scalar[SCALAR_SIZE];
    struct scene scene;
    struct attempt attempt;
    if (!launcher_can_be_root())
        skip();
    start_scene(&scene, false, false);
    read_scalar(&scene, scalar);
    struct attempt_request request = request_of(&scene);
    request.task = NULL;
    request.parameters = sleep;
    attempt_launch(&scene.launcher, &request, &attempt);
    attempt_await_report(&attempt, "waiting");
    assert_true(memory_holds(scene.launcher.pid, scalar, sizeof(scalar)));
    assert_false(memory_holds(attempt.pid, scalar, sizeof(scalar)));
    assert_false(memory_holds(attempt.pid, "secret-token", strlen("secret-token")));
    launcher_signal(&scene.launcher, &attempt, SIGKILL);
    attempt_finish(&scene.launcher, &attempt);
    stop_scene(&scene);
}

/* --- Seals that cannot be opened --- */

static void assert_cannot_unseal(struct scene *scene)
{
    struct attempt_request request = request_of(scene);
    struct attempt attempt;
    attempt_run(&scene->launcher, &request, &attempt);
    assert_true(WIFEXITED(attempt.wait_status));
    assert_int_equal(WEXITSTATUS(attempt.wait_status), EXIT_WORKER_UNSEAL);
    assert_string_equal(attempt.reported, "");
}

static void damaged_seal_ends_a_worker_with_its_own_exit_code(void **state)
{
    (void)state;
    struct scene scene;
    start_scene(&scene, false, false);
    scene.sealed[scene.sealed_length / 2] ^= 1;
    assert_cannot_unseal(&scene);
    memset(scene.sealed, 0xff, scene.sealed_length);
    assert_cannot_unseal(&scene);
    stop_scene(&scene);
}

static void seal_of_another_actuator_ends_a_worker_with_its_own_exit_code(void **state)
{
    (void)state;
    struct scene ours, theirs;
    start_scene(&ours, false, false);
    start_scene(&theirs, false, false);
    struct attempt_request request = request_of(&theirs);
    struct attempt attempt;
    attempt_run(&ours.launcher, &request, &attempt);
    assert_int_equal(WEXITSTATUS(attempt.wait_status), EXIT_WORKER_UNSEAL);
    stop_scene(&theirs);
    stop_scene(&ours);
}

static void launcher_without_a_key_says_so_and_serves_the_rest(void **state)
{
    (void)state;
    struct scene scene;
    struct launcher_process without;
    struct attempt attempt;
    char log[8192];
    start_scene(&scene, false, false);
    launcher_start(&without, &(struct launcher_options){0});
    struct attempt_request request = request_of(&scene);
    attempt_run(&without, &request, &attempt);
    assert_int_equal(WEXITSTATUS(attempt.wait_status), EXIT_WORKER_UNSEAL);
    attempt_run(&without, &(struct attempt_request){0}, &attempt);
    assert_int_equal(attempt.wait_status, 0);
    close(take_fd(&without.channel));
    assert_int_equal(launcher_wait(&without, log, sizeof(log)), 0);
    assert_non_null(strstr(log, "(clusters.seal_key) does not exist"));
    assert_non_null(strstr(log, "cannot open the sealed credentials of the cluster"));
    stop_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_talks_to_its_cluster_with_the_sealed_credentials),
        cmocka_unit_test(server_without_a_known_certificate_is_not_talked_to),
        cmocka_unit_test(server_that_hangs_up_is_a_transient_error),
        cmocka_unit_test(port_that_the_order_leaves_out_is_not_reached),
        cmocka_unit_test(cluster_without_a_kubeconfig_is_told_so),
        cmocka_unit_test(kubeconfig_of_another_server_is_not_used),
        cmocka_unit_test(text_that_is_no_kubeconfig_is_a_terminal_error),
        cmocka_unit_test(task_without_a_cluster_runs_beside_credentials),
        cmocka_unit_test(worker_keeps_neither_key_nor_credentials_that_it_does_not_need),
        cmocka_unit_test(damaged_seal_ends_a_worker_with_its_own_exit_code),
        cmocka_unit_test(seal_of_another_actuator_ends_a_worker_with_its_own_exit_code),
        cmocka_unit_test(launcher_without_a_key_says_so_and_serves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
