/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mdsd_certificate.c - MDSD Certificate Rotation: the cluster's operator gets the certificate with
 * which the cluster's logs are sent.
 */
#include <stdio.h>

#include "mimo/document.h"
#include "mimo/kube.h"
#include "tasks/tasks.h"

#define SECRET_PATH "/api/v1/namespaces/openshift-azure-operator/secrets/cluster"
#define SECRET_WHAT "secret openshift-azure-operator/cluster"

/* The agent on the cluster sends logs as a client. */
static const struct certificate_purpose logging = {.role = CERTIFICATE_CLIENT,
                                                   .days_left = CERTIFICATE_DAYS_LEFT};

static int set_certificate(struct json_object *secret, void *context, struct error *error)
{
    const struct certificate_bundle *bundle = context;
    int certificate =
        secret_set(secret, "gcscert.pem", bundle->chain, certificate_same_chain, error);
    int key = certificate < 0 ? -1
                              : secret_set(secret, "gcskey.pem", bundle->source_key,
                                           certificate_same_key, error);
    return key < 0 ? -1 : certificate || key;
}

static struct step_result update_secret(struct task_context *context)
{
    struct certificate_bundle bundle;
    bool is_changed;
    struct step_result result = certificate_read(context, 0, &logging, &bundle);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    result =
        kube_modify(context->kube, SECRET_PATH, SECRET_WHAT, set_certificate, &bundle, &is_changed);
    if (result.outcome == OUTCOME_SUCCEEDED)
        snprintf(context->result_message, sizeof(context->result_message),
                 is_changed ? "set the logging certificate: %s"
                            : "no change: the logging certificate is %s",
                 bundle.description);
    certificate_bundle_wipe(&bundle);
    return result;
}

static struct json_object *certificates(const struct config *config,
                                        const struct json_object *cluster)
{
    (void)cluster;
    return document_pack("[s]", config->tasks_mdsd_secret);
}

static const struct task_step steps[] = {
    {.name = "API server is up", .run = cluster_operator_check_api_server},
    {.name = "update the logging certificate", .run = update_secret},
};

const struct task mdsd_certificate_task = {
    .id = "a4477c3a-ddbb-41a0-88e8-b5cda67b623a",
    .name = "MDSD Certificate Rotation",
    .short_name = "mdsd-cert-rotation",
    .summary = "installs the current certificate and key for log forwarding",
    .flags = TASK_NEEDS_CLUSTER,
    .steps = steps,
    .step_count = sizeof(steps) / sizeof(steps[0]),
    .certificates = certificates,
};
