/* SPDX-License-Identifier: Apache-2.0 */
/* derive.c - derives the columns of a document. Never fails: unreadable members get a harmless
 * value. */
#include <ctype.h>
#include <stdint.h>

#include "mimo/bucket.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "store/sqlite/table.h"

static struct column integer_column(int64_t value)
{
    return (struct column){.type = COLUMN_INTEGER, .integer = value};
}

/* Empty strings count as absent, as everywhere in documents. */
static struct column text_column(const char *text)
{
    if (!text || *text == '\0')
        return (struct column){.type = COLUMN_NULL};
    return (struct column){.type = COLUMN_TEXT, .text = text};
}

/* The document's bucket, if it has one, because every kind of store filters on it. */
static struct column bucket_column(const struct json_object *document, const char *cluster)
{
    int64_t bucket = document_integer(document, "bucket", -1);
    return integer_column(bucket >= 0 && bucket < BUCKET_COUNT ? bucket : bucket_of(cluster));
}

static void copy_lower_case(char *buffer, size_t size, const char *text)
{
    size_t length = 0;
    for (; text[length] != '\0' && length + 1 < size; length++)
        buffer[length] = (char)tolower((unsigned char)text[length]);
    buffer[length] = '\0';
}

static bool is_readable_manifest(struct json_object *document)
{
    struct manifest manifest;
    struct error error;
    if (manifest_read(&manifest, document, &error) < 0)
        return false;
    manifest_free(&manifest);
    return true;
}

static bool is_readable_cluster(struct json_object *document)
{
    struct cluster cluster;
    struct error error;
    if (cluster_read(&cluster, document, &error) < 0)
        return false;
    cluster_free(&cluster);
    return true;
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void table_derive_manifest(const struct json_object *document, struct columns *ret_columns)
{
    struct column *values = ret_columns->values;
    const char *state = document_string(document, "maintenanceManifest.state", "");
    enum manifest_state known;
    bool readable = is_readable_manifest((struct json_object *)(uintptr_t)document);
    int64_t run_after = document_integer(document, "maintenanceManifest.runAfter", 0);
    int64_t run_before = document_integer(document, "maintenanceManifest.runBefore", 0);

    copy_lower_case(ret_columns->cluster, sizeof(ret_columns->cluster),
                    document_string(document, "clusterResourceID", ""));
    values[MANIFEST_COLUMN_CLUSTER] =
        (struct column){.type = COLUMN_TEXT, .text = ret_columns->cluster};
    values[MANIFEST_COLUMN_BUCKET] = bucket_column(document, ret_columns->cluster);
    values[MANIFEST_COLUMN_PRIORITY] =
        integer_column(document_integer(document, "maintenanceManifest.priority", 0));
    values[MANIFEST_COLUMN_RUN_AFTER] = integer_column(run_after);
    values[MANIFEST_COLUMN_CREATED_AT] = integer_column(document_integer(document, "createdAt", 0));
    values[MANIFEST_COLUMN_TASK] =
        text_column(document_string(document, "maintenanceManifest.maintenanceTaskID", NULL));
    values[MANIFEST_COLUMN_SCHEDULE] =
        text_column(document_string(document, "maintenanceManifest.createdBySchedule", NULL));
    values[MANIFEST_COLUMN_STATE] = text_column(manifest_state_parse(state, &known) ? state : NULL);
    values[MANIFEST_COLUMN_UNREADABLE] = integer_column(!readable);
    values[MANIFEST_COLUMN_DUE_AT] =
        integer_column(later_of(run_after, document_integer(document, "nextAttempt", 0)));
    values[MANIFEST_COLUMN_RUN_BEFORE] = integer_column(run_before != 0 ? run_before : INT64_MAX);
    values[MANIFEST_COLUMN_LEASE_OWNER] =
        text_column(document_string(document, "leaseOwner", NULL));
    values[MANIFEST_COLUMN_LEASE_EXPIRES] =
        integer_column(document_integer(document, "leaseExpires", 0));
    values[MANIFEST_COLUMN_PHASE] =
        readable && manifest_state_parse(state, &known) && known == MANIFEST_PENDING
            ? integer_column(PHASE_WAITING)
            : (struct column){.type = COLUMN_NULL};
}

void table_derive_cluster(const struct json_object *document, struct columns *ret_columns)
{
    struct column *values = ret_columns->values;
    struct column owner = text_column(document_string(document, "leaseOwner", NULL));
    int64_t expires = document_integer(document, "leaseExpires", 0);

    copy_lower_case(ret_columns->cluster, sizeof(ret_columns->cluster),
                    document_string(document, "key", ""));
    values[CLUSTER_COLUMN_BUCKET] = bucket_column(document, ret_columns->cluster);
    values[CLUSTER_COLUMN_UNREADABLE] =
        integer_column(!is_readable_cluster((struct json_object *)(uintptr_t)document));
    values[CLUSTER_COLUMN_LEASE_OWNER] = owner;
    values[CLUSTER_COLUMN_LEASE_EXPIRES] =
        owner.type == COLUMN_TEXT ? integer_column(expires) : owner; /* no owner, no lease */
}

void table_derive_member(const struct json_object *document, struct columns *ret_columns)
{
    ret_columns->values[0] = integer_column(document_integer(document, "index", 0));
}

void table_derive_audit(const struct json_object *document, struct columns *ret_columns)
{
    ret_columns->values[0] = integer_column(document_integer(document, "time", 0));
}

void table_derive_answer(const struct json_object *document, struct columns *ret_columns)
{
    ret_columns->values[0] = integer_column(document_integer(document, "expiresAt", 0));
}

void table_derive_nothing(const struct json_object *document, struct columns *ret_columns)
{
    (void)document;
    (void)ret_columns;
}
