/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confirm.h - questions to the user at a terminal.
 */
#ifndef MIMO_CTL_COMMANDS_CONFIRM_H
#define MIMO_CTL_COMMANDS_CONFIRM_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* True if confirm() can ask: standard input and standard error are a terminal. */
bool confirm_is_possible(void);

/* Writes "mimoctl: QUESTION [y/N] " to standard error. True if the answer is "y" or "yes", in any
 * case. */
bool confirm(const char *question);

#endif
