/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - what mimo-metrics may still ask of the kernel once everything is open. */
#ifndef MIMO_METRICS_CONFINE_H
#define MIMO_METRICS_CONFINE_H

#include "mimo/error.h"

/* Before the first thread. From then on no file, no new socket, no connection. */
int confine_helper(struct error *error);

#endif
