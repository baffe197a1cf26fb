/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - suggestions for misspelt words: "did you mean --cluster?".
 */
#ifndef MIMO_SUGGEST_H
#define MIMO_SUGGEST_H

#include <stddef.h>

/* The entry of `words` that is most similar to `word` or begins with it; NULL when none is similar.
 * NULL entries of `words` are skipped. Borrowed from `words`. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
