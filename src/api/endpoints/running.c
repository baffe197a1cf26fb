/* SPDX-License-Identifier: Apache-2.0 */
/* running.c - finds workers of cancelled manifests. */
#include "api/endpoints/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/endpoints/clusters.h"
#include "api/endpoints/members.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/cluster.h"
#include "mimo/document.h"

struct running running_find(const struct json_object *cluster, const struct manifest *manifest,
                            int64_t now)
{
    struct running running = {.runs = false};
    int64_t until = cluster ? document_time(cluster, "leaseExpires", 0) : 0;
    if (until < now || strcmp(document_string(cluster, "leaseManifest", ""), manifest->id) != 0)
        return running;
    running.runs = true;
    running.until = until;
    snprintf(running.actuator, sizeof(running.actuator), "%s",
             document_string(cluster, "leaseOwner", ""));
    return running;
}

struct json_object *running_view(struct api *api, const struct running *running)
{
    char host[MEMBERS_HOST_SIZE] = "", until[CLOCK_TEXT_SIZE];
    members_find_host(api->members, running->actuator, host, sizeof(host));
    cleanup_free char *message = NULL;
    const char *next = running->stopping
                           ? "it was asked to end; a worker that does not is killed after 10 s"
                           : "stop it with POST .../stop";
    if (asprintf(&message,
                 "its worker still runs%s%s and has the lease of the cluster until %s at most; %s",
                 host[0] ? " on " : "", host, clock_format(until, running->until), next) < 0)
        return NULL;
    return document_pack("{s:I, s:s, s:s*, s:b, s:s}", "until", (int64_t)running->until, "actuator",
                         running->actuator, "hostname", host[0] ? host : NULL, "stopping",
                         (int)running->stopping, "message", message);
}

static void add_view(struct api *api, const struct running *running, struct text_buffer *view)
{
    cleanup_json struct json_object *shown = running_view(api, running);
    cleanup_free char *text = shown ? document_format(shown) : NULL;
    view->failed = view->failed || !text;
    text_buffer_add(view, ",\"running\":");
    text_buffer_add(view, text ? text : "{}");
}

static bool is_stopping(const struct store_item *item)
{
    struct error error;
    cleanup_json struct json_object *document = document_parse(item->text, item->length, &error);
    return document && document_is_true(document_get(document, RUNNING_STOP_MEMBER));
}

int running_add(struct api *api, const struct manifest *manifest, const struct store_item *item,
                struct text_buffer *view, struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct error error;
    if (!manifest_state_is_terminal(manifest->state))
        return 0;
    resource_id_subscription(manifest->cluster, subscription);
    struct store_operation read = store_get(STORE_CLUSTERS, subscription, manifest->cluster);
    int result = store_run(api->store, &read, 1, &error);
    if (result < 0) {
        answer_store_unavailable(answer, &error);
    } else if (read.result.status == STORE_DONE) {
        struct running running =
            running_find(read.result.items[0].document, manifest, clock_unix_seconds());
        running.stopping = running.runs && is_stopping(item);
        if (running.runs)
            add_view(api, &running, view);
    }
    store_release(&read, 1);
    return result;
}
