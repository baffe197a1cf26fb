/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt_memory.h - tokens whose signature was found good.
 *
 * A client sends the same token for an hour, and most of the time that a token takes is its
 * signature. This remembers the SHA-256 of some of those that were signed as they should be. It is
 * only about signatures: all else is judged each time, the hour above all. A memory belongs to one
 * key set; with another one comes a new memory.
 *
 * Of bounded size: a token displaces another that falls into its place. May be asked by any thread.
 */
#ifndef API_JWT_MEMORY_H
#define API_JWT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct jwt_memory;

/* NULL without memory: then nothing is remembered, and all is well. All functions take that NULL.
 */
struct jwt_memory *jwt_memory_new(void);
void jwt_memory_free(struct jwt_memory *memory);

bool jwt_memory_has(struct jwt_memory *memory, const char *token, size_t length);
void jwt_memory_keep(struct jwt_memory *memory, const char *token, size_t length);

#endif
