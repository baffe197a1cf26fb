/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt_memory.h - a cache of tokens whose signature is valid.
 *
 * A client sends the same token for an hour, and verifying its signature takes most of the time of a
 * check. This cache holds the SHA-256 of tokens with a valid signature. Everything else, such as the
 * expiry, is checked each time. A cache belongs to one key set and is dropped with it.
 *
 * Of bounded size: a token displaces another that falls into its place. May be asked by any thread.
 */
#ifndef API_JWT_MEMORY_H
#define API_JWT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct jwt_memory;

/* NULL without memory. All functions accept NULL, as a cache that stays empty. */
struct jwt_memory *jwt_memory_new(void);
void jwt_memory_free(struct jwt_memory *memory);

bool jwt_memory_has(struct jwt_memory *memory, const char *token, size_t length);
void jwt_memory_keep(struct jwt_memory *memory, const char *token, size_t length);

#endif
