/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h - UUIDs as lower-case text of 36 characters, random ones (version 4).
 */
#ifndef MIMO_UUID_H
#define MIMO_UUID_H

#include <stdbool.h>

enum { UUID_SIZE = 37 };

/* Writes a new random UUID into `text` (UUID_SIZE bytes). */
void uuid_make(char *text);

/* True for 8-4-4-4-12 hexadecimal digits in either case, nothing around them. */
bool uuid_is_valid(const char *text);

#endif
