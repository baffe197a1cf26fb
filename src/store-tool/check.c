/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - mimo-store check: checks the file for damage, and each document against the rules.
 *
 * It may run while actuators work. Therefore rules about two documents are checked on a fresh read
 * of both in one batch, because a page may be outdated when the next one is read.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "store-tool/tool.h"

struct check {
    struct store *store;
    const char *mark; /* clusters.mark_state */
    size_t documents;
    size_t problems;
};

/* Advice. */
#define LOAD_AGAIN    "correct its line in a mimo-store dump, and mimo-store load --replace it"
#define FILL_AGAIN    "mimo-store dump, then mimo-store load --replace corrects it"
#define TAKE_BACK     "an actuator returns it to Pending; if no actuator runs, start one"
#define CANCEL_OTHERS "cancel those without the cluster's lease, with --force"
#define REGISTER      "register it, or cancel the manifest with --force"
#define RELEASE       "cancel it with --force, or wait until its own lease expires"

/* Writes one problem as one line of standard output; control characters are replaced. */
static void report(struct check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void report(struct check *check, const char *format, ...)
{
    struct error line;
    va_list arguments;
    va_start(arguments, format);
    error_set_arguments(&line, ERROR_INVALID, format, arguments);
    va_end(arguments);
    puts(line.message);
    check->problems++;
}

/* Problems of one document begin with its container and name. */
#define report_document(check, container, id, format, ...)                                         \
    report((check), "%s %s: " format, store_container_name(container), (id), __VA_ARGS__)
#define report_manifest(check, manifest, format, ...)                                              \
    report_document(check, STORE_MANIFESTS, (manifest)->id, format, __VA_ARGS__)
#define report_cluster(check, cluster, format, ...)                                                \
    report_document(check, STORE_CLUSTERS, (cluster)->key, format, __VA_ARGS__)

/* The newest entry of the history, or NULL. */
static const struct json_object *newest_attempt(const struct manifest *manifest)
{
    const struct json_object *attempts = document_get(manifest->document, "attempts");
    size_t count = document_length(attempts);
    return count > 0 ? document_item(attempts, count - 1) : NULL;
}

static bool has_open_attempt(const struct manifest *manifest)
{
    const struct json_object *newest = newest_attempt(manifest);
    return newest && document_time(newest, "finishedAt", 0) == 0;
}

static void check_lease_of_manifest(struct check *check, const struct manifest *manifest)
{
    bool in_progress = manifest->state == MANIFEST_IN_PROGRESS;
    if (in_progress && *manifest->lease_owner == '\0')
        report_manifest(check, manifest, "is InProgress without a leaseOwner; %s", LOAD_AGAIN);
    if (in_progress && manifest->lease_expires == 0)
        report_manifest(check, manifest, "is InProgress without leaseExpires; %s", TAKE_BACK);
    if (in_progress && !has_open_attempt(manifest))
        report_manifest(check, manifest, "is InProgress, but its attempts have no open entry; %s",
                        LOAD_AGAIN);
    if (!in_progress && (*manifest->lease_owner != '\0' || manifest->lease_expires != 0))
        report_manifest(check, manifest, "is %s but has a lease; %s",
                        manifest_state_name(manifest->state), LOAD_AGAIN);
    if (!in_progress && has_open_attempt(manifest))
        report_manifest(check, manifest, "is %s, but its newest attempt is still open; %s",
                        manifest_state_name(manifest->state), LOAD_AGAIN);
}

/* The number of attempts that count. Drained attempts never do; a transient failure does not if a
 * server asked to wait, which the history does not record. */
struct attempt_count {
    int64_t fewest;
    int64_t most;
};

/* False if the history does not begin with the first attempt. */
static bool count_attempts(const struct manifest *manifest, struct attempt_count *ret_count)
{
    const struct json_object *attempts = document_get(manifest->document, "attempts");
    size_t length = document_length(attempts);
    int64_t drained = 0;
    int64_t transient = 0;
    for (size_t i = 0; i < length; i++) {
        const struct json_object *entry = document_item(attempts, i);
        const char *outcome = document_string(entry, "outcome", "");
        if (document_integer(entry, "number", 0) != (int64_t)i + 1)
            return false;
        drained += strcmp(outcome, outcome_name(OUTCOME_DRAINED)) == 0;
        transient += strcmp(outcome, outcome_name(OUTCOME_TRANSIENT)) == 0;
    }
    int64_t deferred =
        transient < MANIFEST_DEFERRALS_MAXIMUM ? transient : MANIFEST_DEFERRALS_MAXIMUM;
    ret_count->most = (int64_t)length - drained;
    ret_count->fewest = ret_count->most - deferred;
    return length > 0;
}

static void check_dequeues(struct check *check, const struct manifest *manifest)
{
    struct attempt_count counted;
    if (manifest->dequeues > MANIFEST_ATTEMPTS_MAXIMUM)
        report_manifest(check, manifest, "has %d dequeues, at most %d are allowed; %s",
                        manifest->dequeues, MANIFEST_ATTEMPTS_MAXIMUM, LOAD_AGAIN);
    if (count_attempts(manifest, &counted) &&
        (manifest->dequeues < counted.fewest || manifest->dequeues > counted.most))
        report_manifest(check, manifest, "has %d dequeues, but %lld attempts that count; %s",
                        manifest->dequeues, (long long)counted.most, LOAD_AGAIN);
}

static void check_bucket(struct check *check, enum store_container container, const char *id,
                         int bucket, const char *cluster)
{
    int right = bucket_of(cluster);
    if (bucket >= 0 && bucket != right)
        report_document(check, container, id, "has bucket %d, its cluster is in %d; %s", bucket,
                        right, FILL_AGAIN);
}

/* Checks an attempt against its cluster, read in the same batch. */
static void judge_attempt(struct check *check, const struct manifest *manifest,
                          const struct store_result *cluster_read_result, size_t in_progress)
{
    struct cluster cluster;
    if (in_progress > 1)
        report_manifest(check, manifest,
                        "is InProgress, and so is another manifest of its cluster; %s",
                        CANCEL_OTHERS);
    if (cluster_read_result->status == STORE_NOT_FOUND)
        report_manifest(check, manifest, "is InProgress, but its cluster is not in the store; %s",
                        REGISTER);
    if (cluster_read_result->status != STORE_DONE ||
        cluster_read(&cluster, cluster_read_result->items[0].document, NULL) < 0)
        return; /* an unreadable cluster is reported separately */
    if (strcmp(cluster.lease_manifest, manifest->id) != 0 ||
        strcmp(cluster.lease_owner, manifest->lease_owner) != 0)
        report_manifest(
            check, manifest, "is InProgress, but the lease of its cluster is held for %s%s; %s",
            *cluster.lease_manifest ? "manifest " : "nobody", cluster.lease_manifest, RELEASE);
    cluster_free(&cluster);
}

static int check_attempt(struct check *check, const struct manifest *seen, struct error *error)
{
    struct store_query by_id = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = seen->id};
    struct store_query others = {.kind = STORE_QUERY_MANIFESTS,
                                 .cluster = seen->cluster,
                                 .states = MANIFEST_STATE_BIT(MANIFEST_IN_PROGRESS),
                                 .limit = 2};
    struct store_operation reads[] = {store_query(&by_id), store_query(&others),
                                      store_get(STORE_CLUSTERS, NULL, seen->cluster)};
    struct manifest manifest;
    if (store_run(check->store, reads, 3, error) < 0)
        return -1;
    if (reads[0].result.count == 1 &&
        manifest_read(&manifest, reads[0].result.items[0].document, NULL) == 0) {
        if (manifest.state == MANIFEST_IN_PROGRESS)
            judge_attempt(check, &manifest, &reads[2].result, reads[1].result.count);
        manifest_free(&manifest);
    }
    store_release(reads, 3);
    return 0;
}

static int check_manifest(struct check *check, struct json_object *document, const char *id,
                          struct error *error)
{
    struct manifest manifest;
    struct error reason;
    if (manifest_read(&manifest, document, &reason) < 0) {
        report_document(check, STORE_MANIFESTS, id, "is damaged: %s; %s", reason.message,
                        LOAD_AGAIN);
        return 0;
    }
    check_bucket(check, STORE_MANIFESTS, manifest.id, manifest.bucket, manifest.cluster);
    check_lease_of_manifest(check, &manifest);
    check_dequeues(check, &manifest);
    int status =
        manifest.state == MANIFEST_IN_PROGRESS ? check_attempt(check, &manifest, error) : 0;
    manifest_free(&manifest);
    return status;
}

/* A lease ends with its attempt, except after a cancel while the worker runs. */
static void judge_lease(struct check *check, const struct cluster *cluster,
                        const struct manifest *manifest)
{
    char until[CLOCK_TEXT_SIZE];
    if (manifest->state == MANIFEST_IN_PROGRESS || manifest->state == MANIFEST_CANCELLED ||
        !cluster_is_leased(cluster, clock_unix_seconds()))
        return;
    report_cluster(
        check, cluster,
        "is leased for manifest %s, which is %s; an actuator takes the lease back after %s",
        manifest->id, manifest_state_name(manifest->state),
        clock_format(until, cluster->lease_expires));
}

static int check_lease_of_cluster(struct check *check, const struct cluster *seen,
                                  struct error *error)
{
    struct store_query by_id = {.kind = STORE_QUERY_MANIFEST_BY_ID, .id = seen->lease_manifest};
    struct store_operation reads[] = {store_query(&by_id),
                                      store_get(STORE_CLUSTERS, NULL, seen->key)};
    struct manifest manifest;
    struct cluster cluster;
    if (store_run(check->store, reads, 2, error) < 0)
        return -1;
    if (reads[0].result.count == 1 && reads[1].result.status == STORE_DONE &&
        manifest_read(&manifest, reads[0].result.items[0].document, NULL) == 0) {
        if (cluster_read(&cluster, reads[1].result.items[0].document, NULL) == 0) {
            if (strcmp(cluster.lease_manifest, manifest.id) == 0)
                judge_lease(check, &cluster, &manifest);
            cluster_free(&cluster);
        }
        manifest_free(&manifest);
    }
    store_release(reads, 2);
    return 0;
}

static int check_cluster(struct check *check, struct json_object *document, const char *id,
                         struct error *error)
{
    struct cluster cluster;
    struct error reason;
    if (cluster_read(&cluster, document, &reason) < 0) {
        report_document(check, STORE_CLUSTERS, id, "is damaged: %s; %s", reason.message,
                        LOAD_AGAIN);
        return 0;
    }
    check_bucket(check, STORE_CLUSTERS, cluster.key, cluster.bucket, cluster.key);
    if (*check->mark && strcmp(cluster.provisioning_state, check->mark) == 0 &&
        *cluster.lease_owner == '\0')
        report_cluster(
            check, &cluster,
            "is %s, but no attempt holds its lease; if no other service is changing it, set its "
            "provisioningState back",
            check->mark);
    int status = *cluster.lease_manifest ? check_lease_of_cluster(check, &cluster, error) : 0;
    cluster_free(&cluster);
    return status;
}

static int check_document(void *context, enum store_container container,
                          const struct json_object *document, struct error *error)
{
    struct check *check = context;
    struct json_object *borrowed =
        (struct json_object *)(uintptr_t)document; /* the readers take references */
    check->documents++;
    if (!document)
        report(check, "%s; restore it from a backup", error->message);
    else if (container == STORE_MANIFESTS)
        return check_manifest(check, borrowed, document_string(document, "id", "?"), error);
    else if (container == STORE_CLUSTERS)
        return check_cluster(check, borrowed, document_string(document, "key", "?"), error);
    return 0;
}

static int check_file(struct check *check, struct error *error)
{
    bool sound;
    struct error complaint;
    if (store_verify_integrity(check->store, &sound, &complaint) < 0) {
        *error = complaint;
        return -1;
    }
    if (!sound)
        report(check, "%s", complaint.message);
    return 0;
}

int tool_check(const struct tool *tool)
{
    cleanup_store struct store *store = NULL;
    struct error error;
    if (store_open(tool->uri, &store, &error) < 0)
        return tool_fail(&error);
    struct check check = {.store = store, .mark = tool->config->clusters_mark_state};
    if (check_file(&check, &error) < 0 || tool_visit(store, check_document, &check, &error) < 0)
        return tool_fail(&error);
    printf("%zu documents checked, %zu problems\n", check.documents, check.problems);
    return check.problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
