/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.c - suggestions for misspelt words.
 */
#include "mimo/suggest.h"

#include <string.h>

enum { LONGEST_WORD = 32 };

static size_t smallest_of(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Number of letters to insert, drop, replace, or swap with a neighbour (optimal string
 * alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    size_t cost[LONGEST_WORD + 1][LONGEST_WORD + 1];
    if (a_length > LONGEST_WORD || b_length > LONGEST_WORD)
        return LONGEST_WORD;

    for (size_t i = 0; i <= a_length; i++)
        cost[i][0] = i;
    for (size_t j = 0; j <= b_length; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= a_length; i++)
        for (size_t j = 1; j <= b_length; j++) {
            cost[i][j] = smallest_of(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                                     cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = smallest_of(cost[i][j], cost[i - 2][j - 2] + 1, LONGEST_WORD);
        }
    return cost[a_length][b_length];
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t length = strlen(word);
    size_t limit = length < 4 ? 1 : 2; /* short words are similar to many others */
    for (size_t i = 0; i < count; i++) {
        if (!words[i])
            continue;
        if (length >= 2 && strncmp(words[i], word, length) == 0)
            return words[i];
        size_t far = distance(word, words[i]);
        if (far <= limit && (!best || far < distance(word, best)))
            best = words[i];
    }
    return best;
}
