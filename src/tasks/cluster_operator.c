/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_operator.c - the step "API server is up".
 *
 * The cluster operator kube-apiserver says how the API server is: only when it is available, and
 * neither rolling out nor degraded, is it left alone enough to be worked on.
 * https://docs.openshift.com/container-platform/latest/rest_api/config_apis/clusteroperator-config-openshift-io-v1.html
 */
#include <stdio.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/kube.h"
#include "tasks/tasks.h"

#define OPERATOR_PATH "/apis/config.openshift.io/v1/clusteroperators/kube-apiserver"
#define OPERATOR_WHAT "clusteroperator kube-apiserver"

/* The conditions that are checked, with the status that each must have. An absent condition is
 * accepted, except Available: without it the operator does not count as available. */
static const struct expectation {
    const char *type;
    const char *status;
    bool is_required;
} expectations[] = {
    {"Available", "True", true},
    {"Progressing", "False", false},
    {"Degraded", "False", false},
};

static const struct json_object *find_condition(const struct json_object *operator,
                                                const char * type)
{
    const struct json_object *conditions = document_get(operator, "status.conditions");
    size_t index;
    struct json_object *condition;
    document_foreach_item(conditions, index, condition)
        if (strcmp(document_string(condition, "type", ""), type) == 0)
            return condition;
    return NULL;
}

static bool is_met(const struct expectation *expectation, const struct json_object *condition)
{
    if (!condition)
        return !expectation->is_required;
    return strcmp(document_string(condition, "status", ""), expectation->status) == 0;
}

/* "kube-apiserver Available=True, Progressing=True, Degraded=False: NodeInstaller: 2 nodes are at
 * revision 7". */
static struct step_result not_up(const struct json_object *operator,
                                 const struct json_object * culprit)
{
    const char *statuses[3];
    for (size_t i = 0; i < 3; i++) {
        const struct json_object *condition = find_condition(operator, expectations[i].type);
        statuses[i] = document_string(condition, "status", "unknown");
    }
    const char *message = document_string(culprit, "message", "");
    return step_transient(
        "kube-apiserver Available=%.16s, Progressing=%.16s, Degraded=%.16s%s%.2048s", statuses[0],
        statuses[1], statuses[2], message[0] ? ": " : "", message);
}

struct step_result cluster_operator_check_api_server(struct task_context *context)
{
    struct kube_answer answer;
    struct step_result result =
        kube_ask(context->kube, "GET", OPERATOR_PATH, NULL, OPERATOR_WHAT, &answer);
    size_t count = sizeof(expectations) / sizeof(expectations[0]);
    for (size_t i = 0; result.outcome == OUTCOME_SUCCEEDED && i < count; i++) {
        const struct json_object *condition = find_condition(answer.document, expectations[i].type);
        if (!is_met(&expectations[i], condition))
            result = not_up(answer.document, condition);
    }
    kube_answer_free(&answer);
    return result;
}
