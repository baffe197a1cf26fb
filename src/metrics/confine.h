/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - the system calls and files that are left to mimo-metrics once it is up. */
#ifndef MIMO_METRICS_CONFINE_H
#define MIMO_METRICS_CONFINE_H

#include "metrics/statsd.h"
#include "mimo/error.h"

/* Call it before the first thread. Afterwards the process can make only the sockets that `statsd`
 * needs, and read files only when the agent's name has to be looked up. */
int confine_helper(const struct statsd *statsd, struct error *error);

#endif
