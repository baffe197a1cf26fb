/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_memory.c - a table of digests; the digest determines its place. */
#include "api/auth/jwt_memory.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 512 };

struct digest {
    unsigned char bytes[SHA256_DIGEST_LENGTH]; /* all zero: empty; no token has that digest */
};

struct jwt_memory {
    pthread_mutex_t lock;
    struct digest places[PLACES];
};

struct jwt_memory *jwt_memory_new(void)
{
    struct jwt_memory *memory = calloc(1, sizeof(*memory));
    if (memory)
        pthread_mutex_init(&memory->lock, NULL);
    return memory;
}

void jwt_memory_free(struct jwt_memory *memory)
{
    if (!memory)
        return;
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static struct digest digest_of(const char *token, size_t length)
{
    struct digest digest;
    SHA256((const unsigned char *)token, length, digest.bytes);
    return digest;
}

static struct digest *place_of(struct jwt_memory *memory, const struct digest *digest)
{
    return &memory->places[(digest->bytes[0] << 8 | digest->bytes[1]) % PLACES];
}

bool jwt_memory_has(struct jwt_memory *memory, const char *token, size_t length)
{
    if (!memory)
        return false;
    const struct digest digest = digest_of(token, length);
    pthread_mutex_lock(&memory->lock);
    bool found = memcmp(place_of(memory, &digest), &digest, sizeof(digest)) == 0;
    pthread_mutex_unlock(&memory->lock);
    return found;
}

void jwt_memory_keep(struct jwt_memory *memory, const char *token, size_t length)
{
    if (!memory)
        return;
    const struct digest digest = digest_of(token, length);
    pthread_mutex_lock(&memory->lock);
    *place_of(memory, &digest) = digest;
    pthread_mutex_unlock(&memory->lock);
}
