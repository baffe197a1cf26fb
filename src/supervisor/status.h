/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - the state of an actuator as others see it: answers on the control socket, readiness,
 * the worker table in the log.
 *
 * The supervisor takes a snapshot; everything here is made from the snapshot alone. The pointers in
 * it are borrowed for the call.
 */
#ifndef MIMO_SUPERVISOR_STATUS_H
#define MIMO_SUPERVISOR_STATUS_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "mimo/launcher_channel.h"
#include "supervisor/membership.h"
#include "supervisor/worker.h"

enum status_mode {
    STATUS_STARTING, /* until the launcher is ready and recovery is done */
    STATUS_WORKING,
    STATUS_PAUSED,   /* nothing is claimed; the buckets are kept */
    STATUS_DRAINING, /* nothing is claimed; the buckets are given away, attempts still run */
    STATUS_DRAINED,
    STATUS_STOPPING, /* the process ends */
};

/* One of the processes beside the workers; pid 0: it does not run. */
struct status_process {
    const char *role;
    int64_t pid;
    int landlock_abi;
};

enum { STATUS_PROCESSES = 4 };

struct status_snapshot {
    enum status_mode mode;
    const struct membership *membership;
    const struct worker_table *table;
    struct status_process processes[STATUS_PROCESSES];
    int landlock_abi;                      /* of the workers */
    const struct launcher_ready *launcher; /* how it ends and limits attempts */
    /* What readiness goes by; ages in milliseconds. */
    int64_t uptime, readiness_delay;
    bool recovered;      /* the first round went through: the ages below mean something */
    int64_t refresh_age; /* since the membership record was written */
    int64_t refresh_fresh;
    int64_t answer_age; /* since the store answered a round */
    int64_t answer_fresh;
    const char *store_trouble; /* why the latest read or write failed; NULL when it did not */
    bool clusters_answer;
};

bool status_is_ready(const struct status_snapshot *snapshot);

/* The first condition of readiness that does not hold, as a sentence without its end. "" when all
 * hold. */
void status_explain(const struct status_snapshot *snapshot, char *buffer, size_t size);

/* Answers to the commands of the same name (control.h). New references; NULL only without memory. */
struct json_object *status_answer(const struct status_snapshot *snapshot);
struct json_object *status_answer_ps(const struct status_snapshot *snapshot);
struct json_object *status_answer_security(const struct status_snapshot *snapshot);

void status_log_workers(const struct worker_table *table);

#endif
