/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - the system calls and files that are left to the Admin API once it is up. */
#ifndef MIMO_API_CONFINE_H
#define MIMO_API_CONFINE_H

#include "mimo/config.h"
#include "mimo/error.h"

/* Call it when listener, store and files are open, and before the first thread. */
int confine_api(const struct config *config, struct error *error);

#endif
