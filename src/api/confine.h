/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - system calls and files of the Admin API after its start. */
#ifndef MIMO_API_CONFINE_H
#define MIMO_API_CONFINE_H

#include "mimo/config.h"
#include "mimo/error.h"

/* Call it when listener, store and files are open, and before the first thread. */
int confine_api(const struct config *config, struct error *error);

#endif
