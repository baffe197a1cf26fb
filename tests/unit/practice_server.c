/* SPDX-License-Identifier: Apache-2.0 */
/*
 * practice_server.c - a practice cluster as a child of a test, and clients of it.
 */
#include "practice_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/io.h"

enum { START_DEADLINE = 30 * 1000, LOOK_INTERVAL = 10 * 1000 * 1000, FILE_MAXIMUM = 1 << 20 };

#define OPERATOR_PATH "/practice/clusteroperator/kube-apiserver"

struct json_object *json_of(const char *text)
{
    char *json = strdup(text);
    assert(json);
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    struct error problem;
    struct json_object *value;
    if (document_parse_value(json, strlen(json), &value, &problem) < 0)
        fprintf(stderr, "%s: %s\n", json, problem.message);
    assert(value);
    free(json);
    return value;
}

static char *read_text(const struct practice_server *server, const char *name)
{
    char path[128];
    char *text;
    struct error error = {0};
    snprintf(path, sizeof(path), "%s/%s", server->directory, name);
    if (io_read_file(path, FILE_MAXIMUM, &text, NULL, &error) < 0)
        fprintf(stderr, "%s\n", error.message);
    assert(error.kind == ERROR_NONE);
    return text;
}

static _Noreturn void become_practice_cluster(const char *directory, const char *certificate)
{
    char program[1024];
    const char *source = getenv("MIMO_SOURCE");
    snprintf(program, sizeof(program), "%s/contrib/practice-cluster/practice-cluster",
             source ? source : ".");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    execl("/usr/bin/python3", "python3", program, "--directory", directory, "--server-certificate",
          certificate, (char *)NULL);
    _exit(127);
}

static void wait_until_ready(const struct practice_server *server)
{
    char path[128];
    struct monotonic start = clock_monotonic();
    snprintf(path, sizeof(path), "%s/ready", server->directory);
    while (access(path, F_OK) < 0) {
        struct timespec pause = {.tv_nsec = LOOK_INTERVAL};
        int is_running = waitpid(server->pid, NULL, WNOHANG) == 0;
        assert(is_running);
        assert(clock_elapsed(start) < patient_milliseconds(START_DEADLINE));
        nanosleep(&pause, NULL);
    }
}

void practice_server_start(struct practice_server *server, const char *certificate)
{
    struct error error = {0};
    if (kube_warm_up(&error) < 0)
        fprintf(stderr, "%s\n", error.message);
    assert(error.kind == ERROR_NONE);
    *server = (struct practice_server){.directory = "/tmp/mimo-practice-XXXXXX"};
    char *made = mkdtemp(server->directory);
    assert(made);
    fflush(NULL);
    server->pid = fork();
    assert(server->pid >= 0);
    if (server->pid == 0)
        become_practice_cluster(server->directory, certificate);
    wait_until_ready(server);
    practice_server_kubeconfig(server, "-token", &server->config);
    if (strcmp(certificate, "valid") == 0)
        server->admin = practice_server_client(server, "-token");
}

void practice_server_stop(struct practice_server *server)
{
    kube_client_free(server->admin);
    kubeconfig_free(&server->config);
    kill(server->pid, SIGTERM);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    remove_private_folder(server->directory);
}

void practice_server_kubeconfig(const struct practice_server *server, const char *suffix,
                                struct kubeconfig *ret_config)
{
    char name[64];
    struct error error = {0};
    snprintf(name, sizeof(name), "%s%s.kubeconfig", PRACTICE_CLUSTER_NAME, suffix);
    cleanup_free char *text = read_text(server, name);
    if (kubeconfig_parse(text, strlen(text), ret_config, &error) < 0)
        fprintf(stderr, "%s\n", error.message);
    assert(error.kind == ERROR_NONE);
}

struct kube_client *practice_server_client(const struct practice_server *server, const char *suffix)
{
    struct kubeconfig config;
    struct kube_client *client = NULL;
    struct error error = {0};
    practice_server_kubeconfig(server, suffix, &config);
    if (kube_client_create(&config, NULL, &client, &error) < 0)
        fprintf(stderr, "%s\n", error.message);
    assert(client);
    kubeconfig_free(&config);
    return client;
}

/* The control path answers with lists, which the client takes for no object: the status alone
 * counts. */
static void control(struct practice_server *server, const char *method, const char *path,
                    struct json_object *body)
{
    struct kube_answer answer;
    kube_request(server->admin, method, path, body, &answer);
    if (answer.status != 200)
        fprintf(stderr, "%s %s: %ld %s\n", method, path, answer.status, answer.error.message);
    assert(answer.status == 200);
    kube_answer_free(&answer);
    json_object_put(body);
}

void practice_server_trouble(struct practice_server *server, const char *rule)
{
    control(server, rule ? "PUT" : "DELETE", "/practice/trouble", rule ? json_of(rule) : NULL);
}

void practice_server_condition(struct practice_server *server, const char *type, const char *status,
                               const char *message)
{
    control(server, "PUT", OPERATOR_PATH,
            document_pack("[{s:s, s:s, s:s, s:s}]", "type", type, "status", status, "reason",
                          "Test", "message", message));
}

int practice_server_count(const struct practice_server *server, const char *text)
{
    cleanup_free char *log = read_text(server, "requests.jsonl");
    int count = 0;
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
        count += strstr(line, text) != NULL;
    return count;
}

char *practice_server_requests(const struct practice_server *server, int from)
{
    cleanup_free char *log = read_text(server, "requests.jsonl");
    char *requests = calloc(1, strlen(log) + 1);
    assert(requests);
    int number = 0;
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        if (number++ < from)
            continue;
        struct json_object *record = document_parse(line, strlen(line), NULL);
        sprintf(requests + strlen(requests), "%s %s %d\n", document_string(record, "method", ""),
                document_string(record, "path", ""), (int)document_integer(record, "status", 0));
        json_object_put(record);
    }
    return requests;
}
