/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - what the supervisor may still ask of the kernel once it is up. */
#ifndef MIMO_SUPERVISOR_CONFINE_H
#define MIMO_SUPERVISOR_CONFINE_H

#include "mimo/config.h"
#include "mimo/error.h"
#include "supervisor/family.h"

/* After everything is open and before the first thread: the supervisor has its directories, name
 * look-ups, and TCP connections from then on, and may end the members of its family. */
int confine_supervisor(const struct config *config, const struct family *family,
                       struct error *error);

#endif
