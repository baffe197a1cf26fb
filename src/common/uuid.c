/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs as lower-case text. */
#include "config.h"

#include "mimo/uuid.h"

#include <ctype.h>
#include <stddef.h>
#include <uuid/uuid.h>

void uuid_make(char *text)
{
    uuid_t uuid;

    uuid_generate_random(uuid);
    uuid_unparse_lower(uuid, text);
}

bool uuid_is_valid(const char *text)
{
    for (size_t i = 0; i < UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[UUID_SIZE - 1] == '\0';
}
