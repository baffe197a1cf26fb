/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - system calls and files of mimo-metrics after its start. */
#ifndef MIMO_METRICS_CONFINE_H
#define MIMO_METRICS_CONFINE_H

#include "metrics/statsd.h"
#include "mimo/error.h"

/* Call it before the first thread. Afterwards the process can make only the sockets that `statsd`
 * needs, and read files only when the agent's name has to be looked up. */
int confine_helper(const struct statsd *statsd, struct error *error);

#endif
