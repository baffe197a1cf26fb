/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarded.h - the client behind a proxy.
 *
 * A proxy that is trusted (api.trusted_proxies) names its client in `Forwarded` (RFC 7239) or in
 * X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto. Each proxy appends its peer's address to
 * the list, so lists are read from their end: the client is the last address that is not a trusted
 * proxy itself, and anything before it may be forged by the client. Host and scheme are those that
 * the last proxy reports. Malformed elements are ignored. `Forwarded` takes precedence over the
 * others.
 *
 * Pure. Nothing is owned; texts are copied.
 */
#ifndef API_FORWARDED_H
#define API_FORWARDED_H

#include <stdbool.h>

#include "api/http/wire.h"
#include "mimo/network.h"

enum { FORWARDED_HOST_SIZE = 256 };

struct forwarded {
    bool has_client;
    struct in6_addr client;
    char host[FORWARDED_HOST_SIZE]; /* with its port; "" without one */
    const char *scheme;             /* "https", "http", or NULL without one */
};

/* Reads the fields of a request that came from a trusted proxy. */
void forwarded_read(const char *const fields[WIRE_FIELD_COUNT], const struct network_list *proxies,
                    struct forwarded *ret_forwarded);

#endif
