/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h - what may come next on a command line, for shells: mimoctl __complete WORD...
 *
 * The shells' scripts in contrib/completion know nothing of mimoctl: they hand over the words up to
 * the cursor, the last of which is the one to be completed (it may be empty), and show what comes
 * back. The tables of commands and options are the only source, so completion cannot fall behind.
 *
 * A line for each candidate: the whole word, a tab, what it is. ":files" and ":directories" stand
 * for names of files, which shells know best.
 */
#ifndef MIMO_CTL_COMPLETE_H
#define MIMO_CTL_COMPLETE_H

#include <stdbool.h>

#include "ctl/ctl.h"

#define COMPLETE_COMMAND "__complete"

/* Writes the candidates for the last of `words`. What cannot be found out, such as the names of
 * clusters while the Admin API does not answer, is left out without a word. */
void complete(struct ctl *ctl, char **words, int count);

/* For tests: whether completion has an opinion on what a placeholder of the tables, such as
 * "STATE,..." or "ID...", stands for. */
bool complete_knows(const char *placeholder);

#endif
