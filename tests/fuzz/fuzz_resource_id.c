/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_resource_id.c - resource IDs of clusters, and UUIDs. */
#include "fuzz.h"

#include <ctype.h>

#include "mimo/resource_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = fuzz_text(data, size);
    char normalized[RESOURCE_ID_SIZE], again[RESOURCE_ID_SIZE], subscription[37];
    struct error error;
    if (resource_id_normalize(text, normalized, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    PROMISE(strcasecmp(text, normalized) == 0);
    for (const char *at = normalized; *at; at++)
        PROMISE(*at > ' ' && *at <= '~' && !isupper((unsigned char)*at));
    PROMISE(resource_id_normalize(normalized, again, &error) == 0);
    PROMISE(strcmp(normalized, again) == 0);
    PROMISE(strlen(resource_id_name(normalized)) < RESOURCE_NAME_SIZE);
    PROMISE(!strchr(resource_id_name(normalized), '/'));
    resource_id_subscription(normalized, subscription);
    PROMISE(strlen(subscription) == 36 && strstr(normalized, subscription));
    return 0;
}
