/* SPDX-License-Identifier: Apache-2.0 */
/* exit_codes.c - why a worker ended before it could report a result: the texts of the table. */
#include "mimo/exit_codes.h"

#include <stddef.h>

const char *exit_code_text(int code)
{
#define EXIT_CODE_CASE(number, name, text)                                                         \
    case number:                                                                                   \
        return text;

    switch (code) {
        EXIT_CODES(EXIT_CODE_CASE)
    default:
        return NULL;
    }
#undef EXIT_CODE_CASE
}
