/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_targets.h - values of `error.target` in answers of the Admin API by which mimoctl decides. Part of
 * the wire format: docs/admin-api.md.
 */
#ifndef MIMO_API_TARGETS_H
#define MIMO_API_TARGETS_H

/* Of the 404 for a path without endpoint: the Admin API is older than the client. */
#define API_TARGET_ENDPOINT "endpoint"

/* Of a 409: a worker still runs. */
#define API_TARGET_RUNNING "running"

/* Of a 409: a manifest for this cluster and task is open. */
#define API_TARGET_IF_OPEN "ifOpen"

#endif
