/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_fixture.h - endpoints of a job, as the supervisor describes them.
 */
#ifndef MIMO_UNIT_ENDPOINT_FIXTURE_H
#define MIMO_UNIT_ENDPOINT_FIXTURE_H

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mimo/document.h"
#include "mimo/endpoint.h"

/* `addresses` are separated by blanks; they need not be addresses. New reference. */
static inline struct json_object *endpoint_of(const char *host, int port, const char *addresses)
{
    struct endpoint endpoint = {.port = (uint16_t)port};
    const char *list[32];
    char text[1024];
    size_t count = 0;
    snprintf(endpoint.host, sizeof(endpoint.host), "%s", host);
    snprintf(text, sizeof(text), "%s", addresses);
    for (char *address = strtok(text, " "); address; address = strtok(NULL, " "))
        list[count++] = address;
    struct json_object *described = endpoint_describe(&endpoint, list, count);
    assert(described);
    return described;
}

/* The array of one endpoint. */
static inline struct json_object *endpoints_of(const char *host, int port, const char *addresses)
{
    return document_pack("[o]", endpoint_of(host, port, addresses));
}

#endif
