/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confirm.h - asking first, where somebody sits at a terminal.
 */
#ifndef MIMO_CTL_COMMANDS_CONFIRM_H
#define MIMO_CTL_COMMANDS_CONFIRM_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* Whether confirm() has somebody to ask: standard input and standard error are a terminal. */
bool confirm_is_possible(void);

/* "mimoctl: QUESTION [y/N] " on standard error. True for "y" or "yes", in any case. */
bool confirm(const char *question);

#endif
