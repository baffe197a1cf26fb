/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - lists of words, NULL-terminated, made of texts that are split at blanks. NULL is an
 * empty list.
 */
#ifndef MIMO_TASKS_WORDS_H
#define MIMO_TASKS_WORDS_H

#include <stddef.h>

#include "mimo/error.h"

/* What is wrong with a word, as an error. */
typedef int words_check_f(const char *word, struct error *error);

size_t words_count(char *const *words);

/* Adds the words of `text`, each of which `check` (or NULL) takes; with none in it *words is at
 * least an array afterwards. ERROR_INVALID when there would be more than `maximum`. What was added
 * before a failure stays. */
int words_add(char ***words, const char *text, size_t maximum, words_check_f *check,
              struct error *error);

void words_free(char **words);

#endif
