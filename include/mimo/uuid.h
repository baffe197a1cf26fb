/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h - random UUIDs (version 4), as lower-case text of 36 characters. Any thread.
 */
#ifndef MIMO_UUID_H
#define MIMO_UUID_H

#include <stdbool.h>

enum { UUID_SIZE = 37 };

/* Writes a new random UUID into `text` (UUID_SIZE bytes). */
void uuid_make(char *text);

/* True for exactly 8-4-4-4-12 hexadecimal digits, in either case. */
bool uuid_is_valid(const char *text);

#endif
