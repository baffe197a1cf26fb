/* SPDX-License-Identifier: Apache-2.0 */
/*
 * states.h - sets of manifest states as operators write them: "pending,InProgress".
 */
#ifndef MIMO_CTL_OUTPUT_STATES_H
#define MIMO_CTL_OUTPUT_STATES_H

#include "mimo/error.h"
#include "mimo/manifest_state.h"

enum { STATES_TEXT_SIZE = 128 };

/* Reads a list separated by commas, in any case, into MANIFEST_STATE_BIT()s. `option` is for the
 * message. */
int states_parse(const char *option, const char *text, unsigned *ret_states, struct error *error);

/* "Pending,InProgress" as the Admin API spells them, into `buffer` (STATES_TEXT_SIZE bytes);
 * returns it. */
const char *states_format(char *buffer, unsigned states);

/* The bit of a state's name as the Admin API gives it; 0 for an unknown name. */
unsigned states_bit(const char *name);

#endif
