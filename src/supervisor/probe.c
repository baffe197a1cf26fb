/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - rounds of connections to API servers. */
#include "supervisor/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "supervisor/resolver.h"

enum {
    PROBE_INTERVAL = 60 * 1000, /* milliseconds */
    PROBE_PATIENCE = 5 * 1000,
    PROBE_VALID = 5 * 60 * 1000,
};

static void try_next(struct probe *probe);

/* Keeps the URLs of our clusters on the page. */
static void take_page(struct probe *probe, const struct store_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct json_object *cluster = result->items[i].document;
        int bucket = (int)document_integer(cluster, "bucket", -1);
        const char *url =
            document_string(cluster, "openShiftCluster.properties.apiserverProfile.url", NULL);
        if (!bucket_range_contains(probe->range, bucket))
            continue;
        probe->owned_on_page = true;
        if (url && probe->count < PROBE_CANDIDATES && strlen(url) < PROBE_URL_SIZE)
            snprintf(probe->urls[probe->count++], PROBE_URL_SIZE, "%s", url);
    }
}

static void read_page(uv_work_t *work)
{
    struct probe *probe = work->data;
    struct store_query query = {
        .kind = STORE_QUERY_CLUSTERS,
        .limit = PROBE_PAGE,
        .continuation = probe->continuation,
    };
    struct store_operation operation = store_query(&query);
    struct error error;
    probe->page_failed =
        store_run(probe->store, &operation, 1, &error) < 0 || operation.result.status != STORE_DONE;
    char *continuation = NULL;
    if (!probe->page_failed) {
        take_page(probe, &operation.result);
        continuation = take_pointer(&operation.result.continuation);
    }
    store_release(&operation, 1);
    free(probe->continuation);
    probe->continuation = continuation;
}

static void end_round(struct probe *probe)
{
    probe->running = false;
}

static void on_page_read(uv_work_t *work, int status)
{
    (void)status;
    struct probe *probe = work->data;
    if (probe->owned_on_page)
        probe->owned_in_cycle = true;
    if (!probe->page_failed && !probe->continuation) {
        probe->owns_none = !probe->owned_in_cycle;
        probe->owned_in_cycle = false;
    }
    if (probe->owned_on_page)
        probe->owns_none = false;
    try_next(probe);
}

static void begin_round(uv_timer_t *timer)
{
    struct probe *probe = timer->data;
    if (probe->running)
        return;
    probe->running = true;
    probe->range = *probe->buckets;
    probe->count = probe->next = 0;
    probe->owned_on_page = false;
    probe->work.data = probe;
    uv_queue_work(probe->loop, &probe->work, read_page, on_page_read);
}

static void on_tcp_closed(uv_handle_t *handle)
{
    struct probe *probe = handle->data;
    probe->tcp_open = false;
    try_next(probe);
}

/* Closes the connection, however it ended; then the round continues or ends. */
static void on_connected(uv_connect_t *connect, int status)
{
    struct probe *probe = connect->data;
    uv_timer_stop(&probe->patience);
    if (status == 0) {
        probe_note_answer(probe);
        probe->next = probe->count;
    }
    if (!uv_is_closing((uv_handle_t *)&probe->tcp))
        uv_close((uv_handle_t *)&probe->tcp, on_tcp_closed);
}

static void on_impatient(uv_timer_t *timer)
{
    struct probe *probe = timer->data;
    if (probe->tcp_open && !uv_is_closing((uv_handle_t *)&probe->tcp))
        uv_close((uv_handle_t *)&probe->tcp, on_tcp_closed); /* calls on_connected with ECANCELED */
}

static int first_address(const struct json_object *endpoint, struct sockaddr_storage *ret_address)
{
    const char *address = document_text(document_item(document_get(endpoint, "addresses"), 0));
    int port = (int)document_integer(endpoint, "port", 0);
    if (!address)
        return -1;
    return strchr(address, ':') ? uv_ip6_addr(address, port, (struct sockaddr_in6 *)ret_address)
                                : uv_ip4_addr(address, port, (struct sockaddr_in *)ret_address);
}

static void on_resolved(void *context, struct json_object *endpoint, const struct error *error)
{
    (void)error;
    struct probe *probe = context;
    struct sockaddr_storage address;
    if (probe->closing || !endpoint || first_address(endpoint, &address) != 0 ||
        uv_tcp_init(probe->loop, &probe->tcp) < 0) {
        try_next(probe);
        return;
    }
    probe->tcp_open = true;
    probe->tcp.data = probe->connect.data = probe;
    if (uv_tcp_connect(&probe->connect, &probe->tcp, (const struct sockaddr *)&address,
                       on_connected) < 0) {
        uv_close((uv_handle_t *)&probe->tcp, on_tcp_closed);
        return;
    }
    uv_timer_start(&probe->patience, on_impatient, PROBE_PATIENCE, 0);
}

static void try_next(struct probe *probe)
{
    struct error error;
    while (!probe->closing && probe->next < probe->count) {
        const char *url = probe->urls[probe->next++];
        if (resolver_start(probe->loop, url, on_resolved, probe, &error) == 0)
            return;
    }
    end_round(probe);
}

void probe_note_answer(struct probe *probe)
{
    probe->answered = true;
    probe->last_answer = clock_monotonic();
}

bool probe_is_satisfied(const struct probe *probe)
{
    return probe->owns_none ||
           (probe->answered && clock_elapsed(probe->last_answer) <= PROBE_VALID);
}

int probe_open(struct probe *probe, uv_loop_t *loop, struct store *store,
               const struct bucket_range *buckets, struct error *error)
{
    *probe = (struct probe){.loop = loop, .store = store, .buckets = buckets};
    int status = uv_timer_init(loop, &probe->timer);
    if (status == 0)
        status = uv_timer_init(loop, &probe->patience);
    if (status < 0)
        return error_set(error, ERROR_SYSTEM, "cannot create a timer: %s", uv_strerror(status));
    probe->timer.data = probe->patience.data = probe;
    uv_timer_start(&probe->timer, begin_round, 0, PROBE_INTERVAL);
    return 0;
}

void probe_close(struct probe *probe)
{
    probe->closing = true;
    uv_close((uv_handle_t *)&probe->timer, NULL);
    uv_close((uv_handle_t *)&probe->patience, NULL);
    if (probe->tcp_open && !uv_is_closing((uv_handle_t *)&probe->tcp))
        uv_close((uv_handle_t *)&probe->tcp, on_tcp_closed);
}

void probe_free(struct probe *probe)
{
    free(take_pointer(&probe->continuation));
}
