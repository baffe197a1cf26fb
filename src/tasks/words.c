/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - lists of words. */
#include "tasks/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t words_count(char *const *words)
{
    size_t count = 0;

    while (words && words[count])
        count++;
    return count;
}

/* Room for one more word, which is NULL at first. Returns its place. */
static char **make_room(char ***words, struct error *error)
{
    size_t count = words_count(*words);
    char **longer = reallocarray(*words, count + 2, sizeof(*longer));

    if (!longer) {
        error_set_system(error, ENOMEM, "cannot keep the words");
        return NULL;
    }
    *words = longer;
    longer[count] = longer[count + 1] = NULL;
    return &longer[count];
}

int words_add(char ***words, const char *text, size_t maximum, words_check_f *check,
              struct error *error)
{
    for (;;) {
        size_t length;
        char **place = make_room(words, error);

        if (!place)
            return -1;
        text += strspn(text, " \t");
        length = strcspn(text, " \t");
        if (length == 0)
            return 0;
        if (words_count(*words) == maximum)
            return error_set(error, ERROR_INVALID, "at most %zu words are allowed", maximum);
        *place = strndup(text, length);
        if (!*place)
            return error_set_system(error, ENOMEM, "cannot keep the words");
        if (check && check(*place, error) < 0)
            return -1;
        text += length;
    }
}

void words_free(char **words)
{
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
}
