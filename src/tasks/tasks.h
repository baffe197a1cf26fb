/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.h - the tasks that the registry lists, and the steps that several of them share.
 */
#ifndef MIMO_TASKS_TASKS_H
#define MIMO_TASKS_TASKS_H

#include "mimo/task.h"

extern const struct task acr_token_task;
extern const struct task operator_flags_task;
extern const struct task practice_task;

/* "API server is up": the first step of every task that talks to a cluster (cluster_operator.c). */
struct step_result cluster_operator_check_api_server(struct task_context *context);

/* What the ACR Token Checker says of a cluster's `properties` at `now`; on success the message is
 * the result's. */
struct step_result acr_token_judge(const json_t *properties, const char *acr_domain, int64_t now);

#endif
