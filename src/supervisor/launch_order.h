/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch_order.h - what the launcher is told about one attempt, and the job that its worker reads.
 *
 * Made from the configuration, the task, the claimed documents and the servers that were looked up.
 * Nothing here waits, logs, or changes the worker.
 */
#ifndef MIMO_SUPERVISOR_LAUNCH_ORDER_H
#define MIMO_SUPERVISOR_LAUNCH_ORDER_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/launcher_channel.h"
#include "supervisor/lookup.h"
#include "supervisor/worker.h"

/* The URLs of the servers that the worker talks to: its cluster, and the services that its
 * certificates come from. *ret_port is a port that it needs besides theirs, 0 for none. New
 * reference, an empty array if it needs none; NULL without memory. */
struct json_object *launch_order_servers(const struct config *config, struct worker *worker,
                                         uint16_t *ret_port);

/* Fills *ret_launch and *ret_limits for a worker with `lease_left` milliseconds of its lease. The
 * result is the job, a sealed memfd that the caller closes. -1: ERROR_UNAVAILABLE when too little of the
 * lease is left, ERROR_MEMORY, ERROR_INVALID when the cluster's credentials are damaged. */
int launch_order_make(const struct config *config, struct worker *worker, const char *actuator,
                      int64_t lease_left, const struct lookup_result *servers,
                      struct launcher_launch *ret_launch, struct worker_limits *ret_limits,
                      struct error *error);

#endif
