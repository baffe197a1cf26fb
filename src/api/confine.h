/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - what the Admin API may still ask of the kernel once it is up. */
#ifndef MIMO_API_CONFINE_H
#define MIMO_API_CONFINE_H

#include "mimo/config.h"
#include "mimo/error.h"

/* After listener, store and files are open, and before the first thread. */
int confine_api(const struct config *config, struct error *error);

#endif
