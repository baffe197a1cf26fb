/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - NULL-terminated lists of words, made by splitting texts at blanks. NULL is the empty
 * list.
 */
#ifndef MIMO_TASKS_WORDS_H
#define MIMO_TASKS_WORDS_H

#include <stddef.h>

#include "mimo/error.h"

/* Checks a word; the error says what is wrong with it. */
typedef int words_check_f(const char *word, struct error *error);

size_t words_count(char *const *words);

/* Appends the words of `text`; `check` must accept each, unless it is NULL. *words is never NULL
 * afterwards, even if `text` has no words. ERROR_INVALID if there would be more than `maximum`.
 * Words that were added before a failure stay. */
int words_add(char ***words, const char *text, size_t maximum, words_check_f *check,
              struct error *error);

void words_free(char **words);

#endif
