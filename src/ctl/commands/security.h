/* SPDX-License-Identifier: Apache-2.0 */
/*
 * security.h - what each process of the family on this machine may do.
 */
#ifndef MIMO_CTL_COMMANDS_SECURITY_H
#define MIMO_CTL_COMMANDS_SECURITY_H

#include "ctl/ctl.h"

/* mimoctl ps --security. The exit status as that of ps. */
int security_show(struct ctl *ctl, struct error *error);

#endif
