/* SPDX-License-Identifier: Apache-2.0 */
/* blockers.c - finds what keeps a Pending manifest from running. */
#include "api/endpoints/blockers.h"

#include <string.h>

#include "api/endpoints/members.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/cluster.h"
#include "mimo/document.h"

enum { REASON_SIZE = 256 };

/* Takes over `blocker`; NULL means out of memory, as everywhere below. */
static int add(struct json_object *blockers, struct json_object *blocker)
{
    return document_append(blockers, blocker);
}

static int add_time(struct json_object *blockers, const char *kind, const char *member,
                    int64_t time, const char *message)
{
    return add(blockers, document_pack("{s:s, s:I, s:s}", "kind", kind, member, (int64_t)time,
                                       "message", message));
}

static int add_times(struct json_object *blockers, const struct manifest *manifest, int64_t now)
{
    if (manifest->run_after > now &&
        add_time(blockers, "notDue", "until", manifest->run_after, "not due until runAfter") < 0)
        return -1;
    if (manifest->next_attempt > now &&
        add_time(blockers, "backoff", "until", manifest->next_attempt,
                 "waiting to retry after a failed attempt") < 0)
        return -1;
    if (manifest->run_before != 0 && manifest->run_before < now)
        return add_time(blockers, "overdue", "since", manifest->run_before,
                        "its runBefore has passed: it becomes TimedOut");
    return 0;
}

static int add_lease(struct json_object *blockers, const struct cluster *cluster)
{
    return add(blockers,
               document_pack("{s:s, s:s*, s:I, s:s}", "kind", "clusterBusy", "manifest",
                             cluster->lease_manifest[0] ? cluster->lease_manifest : NULL, "until",
                             (int64_t)cluster->lease_expires, "message",
                             "another attempt holds the cluster's lease, until then at most"));
}

static int add_cluster(struct json_object *blockers, const struct blockers_facts *facts)
{
    struct cluster cluster;
    struct error error;
    char reason[REASON_SIZE];
    int result = 0;
    if (!facts->cluster)
        return add(blockers, document_pack("{s:s, s:s}", "kind", "clusterMissing", "message",
                                           "the cluster is not in the inventory: register it, or "
                                           "delete the manifest by its ID"));
    if (cluster_read(&cluster, facts->cluster, &error) < 0)
        return add(blockers, document_pack("{s:s, s:s}", "kind", "clusterUnreadable", "message",
                                           error.message));
    if (cluster_is_leased(&cluster, facts->now))
        result = add_lease(blockers, &cluster);
    else if (cluster_is_busy(&cluster, facts->mark, reason))
        result = add(blockers,
                     document_pack("{s:s, s:s, s:s}", "kind", "clusterBusy", "provisioningState",
                                   cluster.provisioning_state, "message", reason));
    cluster_free(&cluster);
    return result;
}

static bool has_bucket(const struct json_object *member, int bucket)
{
    const struct json_object *range = document_get(member, "buckets");
    const struct json_object *first = document_item(range, 0);
    const struct json_object *last = document_item(range, 1);
    return document_is_integer(first) && document_is_integer(last) &&
           bucket >= document_number(first) && bucket <= document_number(last);
}

/* The kind of what keeps an actuator from taking manifests, by its record; NULL: nothing. */
static const char *find_hindrance(const struct json_object *member, const char **ret_message)
{
    int64_t maximum = document_integer(member, "maxWorkers", 0);
    if (strcmp(document_string(member, "mode", ""), "paused") == 0) {
        *ret_message = "the actuator of its bucket is paused: run mimoctl resume on its machine";
        return "actuatorPaused";
    }
    if (maximum > 0 && document_integer(member, "workers", 0) >= maximum) {
        *ret_message = "all workers of the actuator of its bucket are busy";
        return "actuatorFull";
    }
    return NULL;
}

/* A live actuator that has given its buckets away, or NULL. */
static const struct json_object *find_drained(const struct blockers_facts *facts)
{
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct json_object *member = facts->members[i].document;
        if (member_is_alive(member, facts->ttl, facts->now) &&
            !bucket_mode_has_share(document_string(member, "mode", "working")))
            return member;
    }
    return NULL;
}

static int add_no_actuator(struct json_object *blockers, const struct blockers_facts *facts,
                           int bucket)
{
    const struct json_object *drained = find_drained(facts);
    char message[REASON_SIZE] = "no live actuator owns its bucket";
    if (drained)
        snprintf(
            message, sizeof(message),
            "no live actuator owns its bucket; the one on %.150s is %s: run mimoctl resume there",
            document_string(drained, "hostname", "an unknown host"),
            document_string(drained, "mode", ""));
    return add(blockers, document_pack("{s:s, s:i, s:s}", "kind", "noActuator", "bucket", bucket,
                                       "message", message));
}

/* While actuators come and go two of them may name the same bucket: one that can work suffices. */
static int add_actuator(struct json_object *blockers, const struct blockers_facts *facts)
{
    const struct manifest *manifest = facts->manifest;
    int bucket = manifest->bucket >= 0 ? manifest->bucket : bucket_of(manifest->cluster);
    const struct json_object *hindered = NULL;
    const char *message = NULL;
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct json_object *member = facts->members[i].document;
        if (!member_is_alive(member, facts->ttl, facts->now) || !has_bucket(member, bucket))
            continue;
        if (!find_hindrance(member, &message))
            return 0;
        hindered = member;
    }
    if (!hindered)
        return add_no_actuator(blockers, facts, bucket);
    const char *kind = find_hindrance(hindered, &message);
    return add(blockers,
               document_pack("{s:s, s:s, s:s*, s:s}", "kind", kind, "actuator",
                             document_string(hindered, "id", ""), "hostname",
                             document_string(hindered, "hostname", NULL), "message", message));
}

struct json_object *blockers_find(const struct blockers_facts *facts)
{
    cleanup_json struct json_object *blockers = json_object_new_array();
    if (!blockers || add_times(blockers, facts->manifest, facts->now) < 0 ||
        add_cluster(blockers, facts) < 0 || add_actuator(blockers, facts) < 0)
        return NULL;
    return json_object_get(blockers);
}

int blockers_add(struct api *api, const struct manifest *manifest, struct text_buffer *view,
                 struct answer *answer)
{
    char subscription[UUID_SIZE];
    struct error error;
    if (manifest->state != MANIFEST_PENDING)
        return 0;
    resource_id_subscription(manifest->cluster, subscription);
    struct store_query members = {.kind = STORE_QUERY_MEMBERS, .limit = STORE_PAGE_MAXIMUM};
    struct store_operation reads[] = {
        store_get(STORE_CLUSTERS, subscription, manifest->cluster),
        store_query(&members),
    };
    int result = 0;
    if (store_run(api->store, reads, 2, &error) < 0) {
        result = answer_store_unavailable(answer, &error);
    } else {
        const struct blockers_facts facts = {
            .manifest = manifest,
            .now = clock_unix_seconds(),
            .mark = api->config->clusters_mark_state,
            .ttl = api->config->actuator_membership_ttl / 1000,
            .cluster = reads[0].result.count ? reads[0].result.items[0].document : NULL,
            .members = reads[1].result.items,
            .member_count = reads[1].result.count,
        };
        cleanup_json struct json_object *blockers = blockers_find(&facts);
        cleanup_free char *text = blockers ? document_format(blockers) : NULL;
        view->failed = view->failed || !text;
        text_buffer_add(view, ",\"blockers\":");
        text_buffer_add(view, text ? text : "[]");
    }
    store_release(reads, 2);
    return result;
}
