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

/* A certificate that is about to expire is not installed: it must be valid for this many days. */
enum { CERTIFICATE_DAYS_LEFT = 7 };

/* Reads the certificate at `position` of those that the task declared, and judges whether it is fit
 * for `purpose` (certificate_read.c). On success the caller wipes the bundle. An unfit certificate
 * is a terminal failure, because it has to be replaced. */
struct step_result certificate_read(struct task_context *context, size_t position,
                                    const struct certificate_purpose *purpose,
                                    struct certificate_bundle *ret_bundle);

/* The second half of certificate_read(): judges the data of a source, and wipes it. Terminal only
 * when the certificate is unfit. */
struct step_result certificate_judge(struct task_context *context, size_t position,
                                     struct certificate_data *data,
                                     const struct certificate_purpose *purpose,
                                     struct certificate_bundle *ret_bundle);

/* The name of that certificate; "" when the job has none at this position. */
const char *certificate_name(const struct task_context *context, size_t position);

/* Sets an entry of a Secret's data to `text` unless `same` says that what is there is worth the same
 * (secret.c). 1: it was another. 0: nothing to do. -1: the Secret's data is not an object, or out of
 * memory. */
int secret_set(struct json_object *secret, const char *key, const char *text,
               bool (*same)(const char *present, const char *wanted), struct error *error);

/* The result of the ACR Token Checker for a cluster's `properties` at `now`; on success its message
 * becomes the statusText. */
struct step_result acr_token_judge(const struct json_object *properties, const char *acr_domain,
                                   int64_t now);

#endif
