/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c - all servers that a worker will talk to, looked up one after the other. */
#include "supervisor/lookup.h"

#include <assert.h>
#include <stdlib.h>

#include "mimo/document.h"
#include "supervisor/resolver.h"

struct lookup {
    uv_loop_t *loop;
    struct json_object *urls;
    size_t next;
    struct lookup_result result;
    lookup_done_f *done;
    void *context;
};

static void free_lookup(struct lookup *lookup)
{
    json_object_put(lookup->urls);
    json_object_put(lookup->result.endpoints);
    free(lookup);
}

static void finish(struct lookup *lookup, const struct error *error)
{
    lookup->done(lookup->context, error ? NULL : &lookup->result, error);
    free_lookup(lookup);
}

static void add_port(struct lookup_result *result, uint16_t port)
{
    assert(result->port_count < LAUNCH_PORTS_MAXIMUM);
    result->ports[result->port_count++] = port;
}

static void on_resolved(void *context, struct json_object *endpoint, const struct error *error);

static int resolve_next(struct lookup *lookup, struct error *error)
{
    const char *url = document_text(document_item(lookup->urls, lookup->next++));
    return resolver_start(lookup->loop, url, on_resolved, lookup, error);
}

static void on_resolved(void *context, struct json_object *endpoint, const struct error *error)
{
    struct lookup *lookup = context;
    struct error own;
    if (!endpoint) {
        finish(lookup, error);
        return;
    }
    add_port(&lookup->result, (uint16_t)document_integer(endpoint, "port", 0));
    if (document_append(lookup->result.endpoints, json_object_get(endpoint)) < 0) {
        error_set_memory(&own);
        finish(lookup, &own);
    } else if (lookup->next == document_length(lookup->urls)) {
        finish(lookup, NULL);
    } else if (resolve_next(lookup, &own) < 0) {
        finish(lookup, &own);
    }
}

int lookup_start(uv_loop_t *loop, struct json_object *urls, uint16_t port, lookup_done_f *done,
                 void *context, struct error *error)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return error_set_memory(error);
    *lookup = (struct lookup){
        .loop = loop,
        .urls = json_object_get(urls),
        .result.endpoints = json_object_new_array(),
        .done = done,
        .context = context,
    };
    if (port != 0)
        add_port(&lookup->result, port);
    if (resolve_next(lookup, error) == 0)
        return 0;
    free_lookup(lookup);
    return -1;
}
