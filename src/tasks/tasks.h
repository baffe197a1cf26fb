/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.h - the tasks that the registry lists, and the steps that several of them share.
 */
#ifndef MIMO_TASKS_TASKS_H
#define MIMO_TASKS_TASKS_H

#include "mimo/certificate.h"
#include "mimo/task.h"

extern const struct task acr_token_task;
extern const struct task mdsd_certificate_task;
extern const struct task operator_flags_task;
extern const struct task practice_task;
extern const struct task tls_certificates_task;

/* "API server is up": the first step of every task that talks to a cluster (cluster_operator.c). */
struct step_result cluster_operator_check_api_server(struct task_context *context);

/* Reads and checks the certificate at `position` of those that the task declared
 * (certificate_read.c). On success the caller wipes the bundle. What is wrong with a certificate is
 * terminal: somebody has to put another in its place. */
struct step_result certificate_read(struct task_context *context, size_t position,
                                    struct certificate_bundle *ret_bundle);

/* The name of that certificate; "" when the job has none at this position. */
const char *certificate_name(const struct task_context *context, size_t position);

/* Sets an entry of a Secret's data to `text` (secret.c). 1: it was another. 0: nothing to do. -1:
 * the Secret's data is no object, or memory is out. */
int secret_set(struct json_object *secret, const char *key, const char *text, struct error *error);

/* What the ACR Token Checker says of a cluster's `properties` at `now`; on success the message is
 * the result's. */
struct step_result acr_token_judge(const struct json_object *properties, const char *acr_domain,
                                   int64_t now);

#endif
