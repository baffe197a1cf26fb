/* SPDX-License-Identifier: Apache-2.0 */
/* bucket.c - which actuator owns which cluster. */
#include "mimo/bucket.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

static char lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

int bucket_of(const char *cluster_resource_id)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char part[256];
    bool sound = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    while (sound && *cluster_resource_id) {
        size_t length = 0;

        while (length < sizeof(part) && *cluster_resource_id)
            part[length++] = lower(*cluster_resource_id++);
        sound = EVP_DigestUpdate(context, part, length) == 1;
    }
    sound = sound && EVP_DigestFinal_ex(context, digest, &size) == 1;
    EVP_MD_CTX_free(context);
    assert(sound && size == 32); /* fails without memory only */
    return digest[size - 1];
}

struct bucket_range bucket_range_of(int position, int count)
{
    int size = BUCKET_COUNT / count;
    int larger = BUCKET_COUNT % count; /* ranges that have one more */
    int first = position * size + (position < larger ? position : larger);

    return (struct bucket_range){
        .first = first,
        .last = first + size + (position < larger ? 1 : 0) - 1,
    };
}

bool bucket_range_contains(struct bucket_range range, int bucket)
{
    return bucket >= range.first && bucket <= range.last;
}

bool bucket_mode_has_share(const char *mode)
{
    return strcmp(mode, "draining") != 0 && strcmp(mode, "drained") != 0;
}
