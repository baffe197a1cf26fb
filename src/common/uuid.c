/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.c - UUIDs as lower-case text. */
#include "mimo/uuid.h"

#include <stddef.h>
#include <sys/random.h>
#include <sys/types.h>
#include <uuid/uuid.h>

void uuid_make(char *text)
{
    uuid_t uuid;

    /* libuuid's own way takes five system calls more, and is for kernels without this one. */
    if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid)) {
        uuid_generate_random(uuid);
    } else {
        uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* RFC 9562, 5.4: version 4 */
        uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80);
    }
    uuid_unparse_lower(uuid, text);
}

bool uuid_is_valid(const char *text)
{
    for (size_t i = 0; i < UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char byte = text[i];
        bool digit = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');

        if (dash ? byte != '-' : !digit)
            return false;
    }
    return text[UUID_SIZE - 1] == '\0';
}
