/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt_memory.h - a cache of tokens whose signature is valid.
 *
 * A client sends the same token for an hour, and verifying its signature takes most of the time of a
 * check. This cache holds the SHA-256 of tokens with a valid signature. Everything else, such as the
 * expiry, is checked each time. A cache belongs to one key set and is dropped with it.
 *
 * The size is fixed: a token replaces another one at the same place. Any thread may use it.
 */
#ifndef API_JWT_MEMORY_H
#define API_JWT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct jwt_memory;

/* NULL when out of memory. All functions accept NULL and treat it as an empty cache. */
struct jwt_memory *jwt_memory_new(void);
void jwt_memory_free(struct jwt_memory *memory);

bool jwt_memory_has(struct jwt_memory *memory, const char *token, size_t length);
void jwt_memory_keep(struct jwt_memory *memory, const char *token, size_t length);

#endif
