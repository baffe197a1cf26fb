/* SPDX-License-Identifier: Apache-2.0 */
/* confine.h - the system calls, files and ports that are left to the supervisor once it is up. */
#ifndef MIMO_SUPERVISOR_CONFINE_H
#define MIMO_SUPERVISOR_CONFINE_H

#include "mimo/config.h"
#include "mimo/error.h"
#include "supervisor/family.h"

/* Call it when everything is open and before the first thread. Afterwards the supervisor can use its
 * directories, resolve names, open TCP connections, and kill launcher and keeper; nothing else. */
int confine_supervisor(const struct config *config, const struct family *family,
                       struct error *error);

#endif
