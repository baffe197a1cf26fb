/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.h - completion of command lines, for shells: mimoctl __complete WORD...
 *
 * The scripts in contrib/completion pass the words up to the cursor and show the candidates that
 * are written. The last word is the one to complete; it may be empty. Candidates come from the
 * tables of commands and options alone, so completion always matches them.
 *
 * Each candidate is a line: the whole word, a tab, a description. The lines ":files" and
 * ":directories" ask the shell to complete names of files itself.
 */
#ifndef MIMO_CTL_COMPLETE_H
#define MIMO_CTL_COMPLETE_H

#include "ctl/ctl.h"

#define COMPLETE_COMMAND "__complete"

/* Writes the candidates for the last of `words`; words[0] is skipped. Candidates that cannot be
 * determined, such as names of clusters while the Admin API does not answer, are left out without a
 * message. */
void complete(struct ctl *ctl, char **words, int count);

#endif
