/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the system calls that are left to mimo-metrics once everything is open.
 */
#ifndef MIMO_METRICS_FILTER_H
#define MIMO_METRICS_FILTER_H

#include "mimo/error.h"

/* Loads the filter; from then on any other call kills the process. Needs no-new-privileges. */
int filter_load(struct error *error);

#endif
