/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - what somebody may have meant.
 */
#ifndef MIMO_CTL_SUGGEST_H
#define MIMO_CTL_SUGGEST_H

#include <stddef.h>

/* The one of `words` that `word` is most likely a misspelling or the beginning of; NULL when none
 * is near. NULL entries of `words` are skipped. Borrowed from `words`. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
