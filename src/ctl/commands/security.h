/* SPDX-License-Identifier: Apache-2.0 */
/*
 * security.h - privileges of the actuators' processes on this machine.
 */
#ifndef MIMO_CTL_COMMANDS_SECURITY_H
#define MIMO_CTL_COMMANDS_SECURITY_H

#include "ctl/ctl.h"

/* mimoctl ps --security. Returns the exit status, as ps does. */
int security_show(struct ctl *ctl, struct error *error);

#endif
