/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_fixture.h - a practice cluster, in and out of trouble, and hostile servers, for the tests of
 * the Kubernetes client.
 */
#ifndef MIMO_UNIT_KUBE_FIXTURE_H
#define MIMO_UNIT_KUBE_FIXTURE_H

#include <string.h>

#include "hostile_server.h"
#include "kube/kube_private.h"
#include "practice_server.h"

#define OPERATOR_PATH "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"
#define WHAT          "clusteroperator kube-apiserver"
#define ARO_PATH      "/apis/aro.openshift.io/v1alpha1/clusters/cluster"

static struct practice_server practice;

static inline int start_practice(void **state)
{
    (void)state;
    practice_server_start(&practice, "valid");
    return 0;
}

static inline int stop_practice(void **state)
{
    struct error error;
    (void)state;
    practice_server_stop(&practice);
    return kube_set_system_ca(NULL, &error);
}

static inline int clear_trouble(void **state)
{
    (void)state;
    practice_server_trouble(&practice, NULL);
    return 0;
}

/* In place of waiting: what was to be waited for, in milliseconds. */
struct pauses {
    int count;
    long total;
};
static struct pauses pauses;

static inline void count_pause(void *context, long milliseconds)
{
    (void)context;
    pauses.count++;
    pauses.total += milliseconds;
}

static inline struct step_result ask(struct kube_client *client, const char *path, const char *what)
{
    struct kube_answer answer;
    pauses = (struct pauses){0};
    kube_client_set_pause(client, count_pause, NULL);
    struct step_result result = kube_ask(client, "GET", path, NULL, what, &answer);
    kube_answer_free(&answer);
    return result;
}

static inline void expect_message(const struct step_result *result, enum outcome_kind outcome,
                                  const char *start)
{
    if (strncmp(result->message, start, strlen(start)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", result->message, start);
    assert_int_equal(outcome, result->outcome);
}

static inline void expect_part(const struct step_result *result, const char *part)
{
    if (!strstr(result->message, part))
        fail_msg("\"%s\" does not say \"%s\"", result->message, part);
}

/* Asks for the cluster operator under a rule of trouble. */
static inline struct step_result ask_in_trouble(const char *rule, long request_timeout)
{
    struct kube_client *client = practice_server_client(&practice, "-token");
    practice_server_trouble(&practice, rule);
    if (request_timeout)
        kube_client_set_timeouts(client, request_timeout, request_timeout);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    kube_client_free(client);
    return result;
}

static inline struct step_result ask_hostile(struct hostile_answer answer)
{
    struct hostile_server server;
    char ignored[4096];
    hostile_server_start(&server, &practice, &answer);
    struct kube_client *client = hostile_server_client(&server, &practice);
    struct step_result result = ask(client, OPERATOR_PATH, WHAT);
    kube_client_free(client);
    hostile_server_stop(&server);
    hostile_server_read(&server, ignored, sizeof(ignored));
    return result;
}

#define TEST(function) cmocka_unit_test_teardown(function, clear_trouble)

#endif
