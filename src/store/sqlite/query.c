/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - reads single documents, and runs queries, each a row of one table. */
#include "store/sqlite/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "store/backend.h"
#include "store/sqlite/table.h"

/* The document after which a page begins: its place in the order of the query. */
struct cursor {
    int64_t key1;
    int64_t key2;
    char id[RESOURCE_ID_SIZE];
};

/* One kind of query. Every statement returns etag, document, id and two keys. */
struct query_kind {
    const char *(*choose_sql)(const struct store_query *query);
    const char *sql;
    enum store_container container;
    int (*understand)(struct json_object *document, struct error *error);
    const char *unreadable_state; /* also reports unreadable manifests in this state */
};

#define IN_BUCKETS "bucket BETWEEN :first AND :last"

/* Clusters that are free, and clusters whose expired lease has not been returned yet. The phase of
 * a manifest may be outdated (phase.h), so its times are compared again. */
#define RUNNABLE_ARM(index, condition)                                                             \
    "SELECT m.etag, m.document, h.id, h.priority, h.run_after"                                     \
    " FROM heads h INDEXED BY " index " CROSS JOIN manifests m ON m.sequence = h.manifest"         \
    " WHERE " condition " AND h." IN_BUCKETS                                                       \
    " AND (h.priority, h.run_after, h.id) > (:key1, :key2, :id)"                                   \
    " AND m.due_at <= :now AND m.run_before >= :now"
static const char runnable[] =
    RUNNABLE_ARM("heads_free", "h.lease_expires = 0") " UNION ALL " RUNNABLE_ARM(
        "heads_leased", "h.lease_expires > 0 AND h.lease_expires < :now") " ORDER BY 4, 5, 3";

#define OVERDUE_ARM(phase)                                                                         \
    "SELECT etag, document, id, run_before, 0 FROM manifests INDEXED BY manifests_deadline"        \
    " WHERE phase = " phase " AND run_before < :now AND " IN_BUCKETS                               \
    " AND (run_before, id) > (:key1, :id)"
static const char overdue[] = OVERDUE_ARM(PHASE_WAITING_SQL) " UNION ALL " OVERDUE_ARM(
    PHASE_READY_SQL) " UNION ALL " OVERDUE_ARM(PHASE_OVERDUE_SQL) " ORDER BY 4, 3";

#define NEXT_DUE_ARM(phase)                                                                        \
    "SELECT * FROM (SELECT due_at FROM manifests INDEXED BY manifests_due WHERE phase = " phase    \
    " AND due_at > :now AND " IN_BUCKETS " ORDER BY due_at LIMIT 1)"
static const char next_due[] =
    "SELECT min(due_at) FROM (" NEXT_DUE_ARM(PHASE_WAITING_SQL) " UNION ALL " NEXT_DUE_ARM(
        PHASE_READY_SQL) " UNION ALL " NEXT_DUE_ARM(PHASE_OVERDUE_SQL) ")";

#define LEASED_MANIFESTS(condition)                                                                \
    "SELECT etag, document, id, lease_expires, 0 FROM manifests INDEXED BY manifests_leased"       \
    " WHERE state = 'InProgress' AND unreadable = 0 AND " condition                                \
    " AND (lease_expires, id) > (:key1, :id) ORDER BY lease_expires, id"
#define LEASED_CLUSTERS(condition)                                                                 \
    "SELECT etag, document, id, lease_expires, 0 FROM clusters INDEXED BY clusters_leased"         \
    " WHERE lease_expires IS NOT NULL AND " condition                                              \
    " AND (lease_expires, id) > (:key1, :id) ORDER BY lease_expires, id"
#define IS_OWNED   "lease_owner = :owner"
#define IS_EXPIRED "lease_expires < :now AND " IN_BUCKETS

/* A list uses the index of the most selective filter (choose_manifests); the other filters are
 * checked row by row. */
#define MANIFESTS_ARM(start)                                                                       \
    "SELECT etag, document, id, created_at, 0 FROM manifests INDEXED BY " start                    \
    " AND (:task IS NULL OR task = :task) AND (:schedule IS NULL OR schedule = :schedule)"         \
    " AND (:states IS NULL OR instr(:states, '|' || state || '|'))"                                \
    " AND created_at < :created_before AND (created_at, id) > (:key1, :id)"
#define MANIFESTS_IN_STATE(name)                                                                   \
    MANIFESTS_ARM("manifests_state WHERE state = '" name "' AND instr(:states, '|" name "|')")
static const char manifests_of_cluster[] =
    MANIFESTS_ARM("manifests_cluster WHERE cluster = :cluster") " ORDER BY created_at, id";
static const char manifests_of_schedule[] =
    MANIFESTS_ARM("manifests_schedule WHERE schedule = :schedule") " ORDER BY created_at, id";
static const char manifests_of_task[] =
    MANIFESTS_ARM("manifests_task WHERE task = :task") " ORDER BY created_at, id";
static const char manifests_of_all[] =
    MANIFESTS_ARM("manifests_created WHERE true") " ORDER BY created_at, id";
/* clang-format off */
static const char manifests_in_states[] =
    MANIFESTS_IN_STATE("Pending") " UNION ALL "
    MANIFESTS_IN_STATE("InProgress") " UNION ALL "
    MANIFESTS_IN_STATE("Completed") " UNION ALL "
    MANIFESTS_IN_STATE("Failed") " UNION ALL "
    MANIFESTS_IN_STATE("RetriesExceeded") " UNION ALL "
    MANIFESTS_IN_STATE("TimedOut") " UNION ALL "
    MANIFESTS_IN_STATE("Cancelled") " ORDER BY 4, 3";
/* clang-format on */

static const char *choose_leased_manifests(const struct store_query *query)
{
    return query->owner ? LEASED_MANIFESTS(IS_OWNED) : LEASED_MANIFESTS(IS_EXPIRED);
}

static const char *choose_leased_clusters(const struct store_query *query)
{
    return query->owner ? LEASED_CLUSTERS(IS_OWNED) : LEASED_CLUSTERS(IS_EXPIRED);
}

static const char *choose_manifests(const struct store_query *query)
{
    unsigned states = query->states & MANIFEST_STATES_ALL;
    if (query->cluster)
        return manifests_of_cluster;
    if (query->schedule)
        return manifests_of_schedule;
    if (states != 0 && (states & ~MANIFEST_STATES_OPEN) == 0)
        return manifests_in_states; /* few of all manifests */
    if (query->task)
        return manifests_of_task;
    return states != 0 ? manifests_in_states : manifests_of_all;
}

static const char *choose_documents(const struct store_query *query)
{
    return tables[query->container].page;
}

static int understand_manifest(struct json_object *document, struct error *error)
{
    struct manifest manifest;
    if (manifest_read(&manifest, document, error) < 0)
        return -1;
    manifest_free(&manifest);
    return 0;
}

static int understand_cluster(struct json_object *document, struct error *error)
{
    struct cluster cluster;
    if (cluster_read(&cluster, document, error) < 0)
        return -1;
    cluster_free(&cluster);
    return 0;
}

static const struct query_kind kinds[] = {
    [STORE_QUERY_RUNNABLE] = {.sql = runnable,
                              .container = STORE_MANIFESTS,
                              .understand = understand_manifest,
                              .unreadable_state = "Pending"},
    [STORE_QUERY_OVERDUE] = {.sql = overdue,
                             .container = STORE_MANIFESTS,
                             .understand = understand_manifest,
                             .unreadable_state = "Pending"},
    [STORE_QUERY_LEASED_MANIFESTS] = {.choose_sql = choose_leased_manifests,
                                      .container = STORE_MANIFESTS,
                                      .understand = understand_manifest,
                                      .unreadable_state = "InProgress"},
    [STORE_QUERY_LEASED_CLUSTERS] = {.choose_sql = choose_leased_clusters,
                                     .container = STORE_CLUSTERS,
                                     .understand = understand_cluster},
    [STORE_QUERY_MANIFESTS] = {.choose_sql = choose_manifests,
                               .container = STORE_MANIFESTS,
                               .understand = understand_manifest},
    [STORE_QUERY_MANIFEST_BY_ID] = {.sql = "SELECT etag, document, id, 0, 0 FROM manifests"
                                           " WHERE id = :wanted",
                                    .container = STORE_MANIFESTS,
                                    .understand = understand_manifest},
    /* Characters of ids sort before the tilde. */
    [STORE_QUERY_MANIFESTS_BY_PREFIX] = {.sql = "SELECT etag, document, id, 0, 0 FROM manifests"
                                                " WHERE id >= :wanted AND id < :wanted || '~'"
                                                " AND id > :id ORDER BY id",
                                         .container = STORE_MANIFESTS,
                                         .understand = understand_manifest},
    [STORE_QUERY_CLUSTERS] = {.sql = "SELECT etag, document, id, 0, 0 FROM clusters"
                                     " WHERE id > :id ORDER BY id",
                              .container = STORE_CLUSTERS,
                              .understand = understand_cluster},
    [STORE_QUERY_CLUSTERS_BY_NAME] = {.sql = "SELECT etag, document, id, 0, 0 FROM clusters"
                                             " INDEXED BY clusters_name"
                                             " WHERE " CLUSTER_NAME_SQL " = :wanted AND id > :id"
                                             " ORDER BY id",
                                      .container = STORE_CLUSTERS,
                                      .understand = understand_cluster},
    [STORE_QUERY_MEMBERS] = {.sql = "SELECT etag, document, id, position, 0 FROM members"
                                    " INDEXED BY members_position"
                                    " WHERE (position, id) > (:key1, :id) ORDER BY position, id",
                             .container = STORE_MEMBERS},
    [STORE_QUERY_AUDIT] = {.sql = "SELECT etag, document, id, time, 0 FROM audit"
                                  " INDEXED BY audit_time WHERE time >= :since"
                                  " AND (time, id) > (:key1, :id) ORDER BY time, id",
                           .container = STORE_AUDIT},
    [STORE_QUERY_DOCUMENTS] = {.choose_sql = choose_documents},
};

/* A continuation is the kind and the cursor: "6:1764460800:0:2b65ac7b-...". */
static int write_continuation(enum store_query_kind kind, const struct cursor *cursor,
                              char **ret_text, struct error *error)
{
    if (asprintf(ret_text, "%d:%lld:%lld:%s", (int)kind, (long long)cursor->key1,
                 (long long)cursor->key2, cursor->id) >= 0)
        return 0;
    *ret_text = NULL;
    return error_set_memory(error);
}

static bool read_number(const char **text, int64_t *ret_value)
{
    char *end;
    if (**text != '-' && (**text < '0' || **text > '9'))
        return false;
    errno = 0;
    *ret_value = strtoll(*text, &end, 10);
    if (end == *text || *end != ':' || errno != 0)
        return false;
    *text = end + 1;
    return true;
}

static int read_continuation(const struct store_query *query, struct cursor *cursor,
                             struct error *error)
{
    const char *text = query->continuation;
    int64_t kind;
    *cursor = (struct cursor){.key1 = INT64_MIN, .key2 = INT64_MIN};
    if (!text)
        return 0;
    if (read_number(&text, &kind) && kind == (int64_t)query->kind &&
        read_number(&text, &cursor->key1) && read_number(&text, &cursor->key2) && *text != '\0' &&
        strlen(text) < sizeof(cursor->id)) {
        strcpy(cursor->id, text);
        return 0;
    }
    return error_set(error, ERROR_INVALID,
                     "the continuation is not one that this query gave: begin again without one");
}

static void bind_integer(sqlite3_stmt *statement, const char *name, int64_t value)
{
    int index = sqlite3_bind_parameter_index(statement, name);
    if (index > 0)
        sqlite3_bind_int64(statement, index, value);
}

static void bind_text(sqlite3_stmt *statement, const char *name, const char *value)
{
    int index = sqlite3_bind_parameter_index(statement, name);
    if (index > 0 && value)
        sqlite3_bind_text(statement, index, value, -1, SQLITE_TRANSIENT);
}

enum { STATES_TEXT_SIZE = 128 };

/* "|Pending|InProgress|" */
static const char *format_states(char *buffer, unsigned states)
{
    char *end = buffer;
    *end++ = '|';
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++)
        if (states & MANIFEST_STATE_BIT(state))
            end += sprintf(end, "%s|", manifest_state_name((enum manifest_state)state));
    *end = '\0';
    return buffer;
}

/* Binds those parameters that the statement names. */
static void bind_query(sqlite3_stmt *statement, const struct store_query *query,
                       const struct cursor *cursor)
{
    char states[STATES_TEXT_SIZE];
    bind_integer(statement, ":first", query->buckets.first);
    bind_integer(statement, ":last", query->buckets.last);
    bind_integer(statement, ":now", query->now);
    bind_integer(statement, ":key1", cursor->key1);
    bind_integer(statement, ":key2", cursor->key2);
    bind_integer(statement, ":since", query->since);
    bind_text(statement, ":id", cursor->id);
    bind_text(statement, ":wanted", query->id);
    bind_text(statement, ":owner", query->owner);
    bind_text(statement, ":cluster", query->cluster);
    bind_text(statement, ":task", query->task);
    bind_text(statement, ":schedule", query->schedule);
    bind_integer(statement, ":created_before",
                 query->created_before != 0 ? query->created_before : INT64_MAX);
    if (query->states != 0)
        bind_text(statement, ":states", format_states(states, query->states));
}

static void note_skipped(struct store_result *result, enum store_container container,
                         const char *id, const struct error *reason)
{
    if (result->skipped++ == 0)
        error_set(&result->error, ERROR_INVALID, "%s %s is damaged: %s",
                  store_container_name(container), id, reason->message);
}

/* Parses the text of a row; NULL with the reason in `error`. */
static struct json_object *parse_row(sqlite3_stmt *statement, const struct query_kind *kind,
                                     struct error *error)
{
    struct json_object *document =
        document_parse((const char *)sqlite3_column_text(statement, 1),
                       (size_t)sqlite3_column_bytes(statement, 1), error);
    if (document && kind && kind->understand && kind->understand(document, error) < 0) {
        json_object_put(document);
        return NULL;
    }
    return document;
}

/* Fills in the document of a row, or its text. False, with the reason in `error`, if the document
 * is damaged. */
static bool read_row(sqlite3_stmt *statement, const struct store_operation *operation,
                     const struct query_kind *kind, struct store_item *item, struct error *error)
{
    item->length = (size_t)sqlite3_column_bytes(statement, 1);
    if (!operation->as_text) {
        item->document = parse_row(statement, kind, error);
        return item->document != NULL;
    }
    item->text = strndup((const char *)sqlite3_column_text(statement, 1), item->length);
    return true;
}

static int add_row(struct store_result *result, sqlite3_stmt *statement, struct store_item item,
                   struct error *error)
{
    if (asprintf(&item.etag, "%lld", (long long)sqlite3_column_int64(statement, 0)) < 0)
        item.etag = NULL;
    return store_result_add(result, item, error);
}

struct page {
    struct store_operation *operation;
    const struct query_kind *kind;
    enum store_container container;
    struct cursor cursor;
    size_t limit;
    size_t rows;
    size_t bytes;
    size_t bytes_limit;
};

static bool is_full(const struct page *page)
{
    return page->operation->result.count == page->limit || page->bytes >= page->bytes_limit ||
           page->rows == QUERY_ROWS_MAXIMUM;
}

static int take_row(struct page *page, sqlite3_stmt *statement, struct error *error)
{
    struct store_result *result = &page->operation->result;
    const char *id = (const char *)sqlite3_column_text(statement, 2);
    struct error reason;

    page->rows++;
    page->bytes += (size_t)sqlite3_column_bytes(statement, 1);
    page->cursor.key1 = sqlite3_column_int64(statement, 3);
    page->cursor.key2 = sqlite3_column_int64(statement, 4);
    snprintf(page->cursor.id, sizeof(page->cursor.id), "%s", id);
    struct store_item item = {0};
    if (read_row(statement, page->operation, page->kind, &item, &reason))
        return add_row(result, statement, item, error);
    if (error_may_pass(reason.kind)) /* the document is not the cause */
        return error_set(error, reason.kind, "%s", reason.message);
    note_skipped(result, page->container, id, &reason);
    return 0;
}

static int read_page(struct connection *connection, struct page *page, const char *sql,
                     struct error *error)
{
    const struct store_query *query = &page->operation->query;
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    bind_query(statement, query, &page->cursor);
    int status = 0;
    int step;
    while (status == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        if (is_full(page)) {
            status = write_continuation(query->kind, &page->cursor,
                                        &page->operation->result.continuation, error);
            break;
        }
        status = take_row(page, statement, error);
    }
    if (status < 0) {
        connection_finish(connection, statement, SQLITE_ROW, error);
        return -1;
    }
    return connection_finish(connection, statement, step, error);
}

static void explain_unreadable(sqlite3_stmt *statement, const struct query_kind *kind,
                               struct error *reason)
{
    cleanup_json struct json_object *document = parse_row(statement, kind, reason);
    if (document)
        error_set(reason, ERROR_INVALID,
                  "an older version of MIMO wrote it; write it again: mimo-store dump, then "
                  "mimo-store load --replace");
}

/* Reports unreadable manifests, which a query leaves out. Counts at most as many as a page has. */
static int count_unreadable(struct connection *connection, struct page *page, struct error *error)
{
    static const char sql[] =
        "SELECT etag, document, id FROM manifests INDEXED BY manifests_unreadable"
        " WHERE unreadable = 1 AND (:owner IS NULL OR lease_owner = :owner)"
        " AND (:owner IS NOT NULL OR " IN_BUCKETS ") AND (state IS NULL OR state = :state)";
    struct store_result *result = &page->operation->result;
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    bind_query(statement, &page->operation->query, &page->cursor);
    bind_text(statement, ":state", page->kind->unreadable_state);
    int step = SQLITE_DONE;
    while (result->skipped < page->limit && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        struct error reason = {0};
        if (result->skipped == 0)
            explain_unreadable(statement, page->kind, &reason);
        note_skipped(result, page->container, (const char *)sqlite3_column_text(statement, 2),
                     &reason);
    }
    return connection_finish(connection, statement, step, error);
}

static int run_page(struct connection *connection, struct store_operation *operation,
                    struct error *error)
{
    const struct store_query *query = &operation->query;
    const struct query_kind *kind = &kinds[query->kind];
    struct page page = {.operation = operation,
                        .kind = kind,
                        .container = kind->container,
                        .limit = query->limit,
                        .bytes_limit = query->bytes > 0 && query->bytes < QUERY_PAGE_BYTES
                                           ? query->bytes
                                           : QUERY_PAGE_BYTES};
    struct error refused;

    if (query->kind == STORE_QUERY_DOCUMENTS)
        page.container = query->container;
    if (query->kind == STORE_QUERY_MANIFEST_BY_ID)
        page.limit = 1;
    if (read_continuation(query, &page.cursor, &refused) < 0) {
        store_refuse(operation, &refused);
        return 0;
    }
    const char *sql = kind->choose_sql ? kind->choose_sql(query) : kind->sql;
    if (read_page(connection, &page, sql, error) < 0)
        return -1;
    if (kind->unreadable_state && !query->continuation &&
        count_unreadable(connection, &page, error) < 0)
        return -1;
    operation->result.status = STORE_DONE;
    return 0;
}

/* A query whose answer is one number; NULL is -1, "none". */
static int run_total(struct connection *connection, struct store_operation *operation,
                     const char *sql, struct error *error)
{
    static const struct cursor beginning = {0};
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    bind_query(statement, &operation->query, &beginning);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        operation->result.total = sqlite3_column_int64(statement, 0);
    operation->result.status = STORE_DONE;
    return connection_finish(connection, statement, step, error);
}

static int run_get(struct connection *connection, struct store_operation *operation,
                   struct error *error)
{
    const struct store_target *target = &operation->target;
    sqlite3_stmt *statement =
        connection_statement(connection, tables[target->container].get, error);
    if (!statement)
        return -1;
    sqlite3_bind_text(statement, 1, target->id, -1, SQLITE_STATIC);
    if (target->partition)
        sqlite3_bind_text(statement, 2, target->partition, -1, SQLITE_STATIC);
    int status = 0;
    int step = sqlite3_step(statement);
    operation->result.status = STORE_NOT_FOUND;
    if (step == SQLITE_ROW) {
        struct error refused;
        struct store_item item = {0};
        if (read_row(statement, operation, NULL, &item, &refused)) {
            operation->result.status = STORE_DONE;
            status = add_row(&operation->result, statement, item, error);
        } else if (error_may_pass(refused.kind)) { /* not the document's fault */
            status = error_set(error, refused.kind, "%s", refused.message);
        } else {
            error_prefix(&refused, "%s %s", store_container_name(target->container), target->id);
            store_refuse(operation, &refused);
        }
    }
    return connection_finish(connection, statement, step, error) < 0 ? -1 : status;
}

int query_run(struct connection *connection, struct store_operation *operation, struct error *error)
{
    if (operation->verb == STORE_GET)
        return run_get(connection, operation, error);
    if (operation->query.kind == STORE_QUERY_QUEUE_LENGTH)
        return run_total(connection, operation, "SELECT open_manifests FROM meta", error);
    if (operation->query.kind == STORE_QUERY_NEXT_DUE)
        return run_total(connection, operation, next_due, error);
    return run_page(connection, operation, error);
}
