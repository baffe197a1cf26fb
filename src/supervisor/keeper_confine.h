/* SPDX-License-Identifier: Apache-2.0 */
/* keeper_confine.h - the system calls, files and ports that are left to mimo-keeper. */
#ifndef MIMO_SUPERVISOR_KEEPER_CONFINE_H
#define MIMO_SUPERVISOR_KEEPER_CONFINE_H

#include "mimo/error.h"

/* Call it after the last change of user, before the first helper is started. */
int confine_keeper(struct error *error);

#endif
