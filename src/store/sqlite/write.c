/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - writes documents: checks conditions, makes the change, then updates derived data. */
#include "store/sqlite/write.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/manifest_state.h"
#include "store/backend.h"
#include "store/sqlite/phase.h"
#include "store/sqlite/table.h"

/* The new document. A deletion has no text. */
struct document_write {
    enum store_container container;
    struct store_name name;
    bool checks_etag;
    int64_t etag; /* -1: matches no document */
    char *text;
    size_t length;
    struct columns columns;
};

struct write {
    struct store_operation *operation;
    struct document_write first;
    struct document_write second; /* PAIR */
};

struct writes {
    size_t count;
    struct write list[];
};

/* The stored document, as far as a write needs it. */
struct row {
    bool exists;
    int64_t sequence;
    int64_t etag;
    bool lasting_differ;  /* columns that a document keeps for its life differ from those to be
                             written */
    bool changing_differ; /* others do */
    bool open;            /* a manifest in Pending or InProgress */
    bool ready;           /* a manifest that may be its cluster's head */
    char cluster[RESOURCE_ID_SIZE]; /* of a manifest */
};

/* Etags are numbers; any other text matches no document. */
static int64_t parse_etag(const char *text)
{
    char *end;
    if (text[0] < '1' || text[0] > '9')
        return -1;
    long long value = strtoll(text, &end, 10);
    return *end == '\0' ? value : -1;
}

static bool is_pending(const struct columns *columns)
{
    return columns->values[MANIFEST_COLUMN_PHASE].type == COLUMN_INTEGER;
}

static bool is_ready(const struct columns *columns)
{
    return is_pending(columns) && columns->values[MANIFEST_COLUMN_PHASE].integer == PHASE_READY;
}

static int prepare_target(const struct store_target *target, struct document_write *write,
                          struct error *error)
{
    write->container = target->container;
    write->checks_etag = target->etag != NULL;
    if (target->etag)
        write->etag = parse_etag(target->etag);
    if (!target->document) {
        write->name = (struct store_name){.id = target->id, .partition = target->partition};
        return 0;
    }
    if (store_name_of_document(target->container, target->document, &write->name, error) < 0 ||
        store_format_document(target->document, &write->text, &write->length, error) < 0)
        return error_prefix(error, "%s %s", store_container_name(target->container),
                            write->name.id ? write->name.id : "");
    tables[target->container].derive(target->document, &write->columns);
    if (target->container == STORE_MANIFESTS && is_pending(&write->columns))
        write->columns.values[MANIFEST_COLUMN_PHASE].integer =
            phase_at(&write->columns, clock_unix_seconds());
    return 0;
}

static int prepare_operation(struct store_operation *operation, struct write *write,
                             struct error *error)
{
    write->operation = operation;
    if (prepare_target(&operation->target, &write->first, error) < 0)
        return -1;
    if (operation->verb != STORE_PAIR)
        return 0;
    return prepare_target(&operation->second, &write->second, error);
}

static bool is_to_write(const struct store_operation *operation)
{
    return operation->result.status == STORE_NOT_RUN && operation->verb != STORE_GET &&
           operation->verb != STORE_QUERY;
}

static void free_texts(struct write *write)
{
    free(write->first.text);
    free(write->second.text);
}

int writes_prepare(struct store_operation *operations, size_t count, struct writes **ret_writes,
                   size_t *ret_count, struct error *error)
{
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        wanted += is_to_write(&operations[i]);
    *ret_count = 0;
    if (wanted == 0)
        return 0;
    cleanup_writes struct writes *writes =
        calloc(1, sizeof(*writes) + wanted * sizeof(writes->list[0]));
    if (!writes)
        return error_set_memory(error);
    for (size_t i = 0; i < count; i++) {
        struct error refused;
        if (!is_to_write(&operations[i]))
            continue;
        struct write *write = &writes->list[writes->count];
        if (prepare_operation(&operations[i], write, &refused) == 0) {
            writes->count++;
            continue;
        }
        free_texts(write);
        memset(write, 0, sizeof(*write));
        if (error_may_pass(refused.kind)) { /* the document is not the cause */
            *error = refused;
            return -1;
        }
        store_refuse(&operations[i], &refused);
    }
    *ret_count = writes->count;
    if (writes->count > 0)
        *ret_writes = take_pointer(&writes);
    return 0;
}

void writes_free(struct writes *writes)
{
    if (!writes)
        return;
    for (size_t i = 0; i < writes->count; i++)
        free_texts(&writes->list[i]);
    free(writes);
}

static bool is_open_state(const char *state)
{
    enum manifest_state known;
    return state && manifest_state_parse(state, &known) && !manifest_state_is_terminal(known);
}

/* A write with a text but without an etag is a creation. */
static bool is_creation(const struct document_write *write)
{
    return write->text && !write->checks_etag;
}

enum { FIND_COLUMNS = 2 }; /* sequence and etag come before the columns */

/* Reads the row of a manifest. A phase that is still valid is kept, because only the clock changes
 * it. */
static void read_manifest_row(sqlite3_stmt *statement, struct columns *columns, struct row *row)
{
    int state = FIND_COLUMNS + MANIFEST_COLUMN_STATE;
    int phase = FIND_COLUMNS + MANIFEST_COLUMN_PHASE;
    int cluster = FIND_COLUMNS + MANIFEST_COLUMN_CLUSTER;

    row->open = is_open_state((const char *)sqlite3_column_text(statement, state));
    snprintf(row->cluster, sizeof(row->cluster), "%s",
             (const char *)sqlite3_column_text(statement, cluster));
    if (sqlite3_column_type(statement, phase) == SQLITE_NULL)
        return;
    row->ready = sqlite3_column_int(statement, phase) == PHASE_READY;
    if (is_pending(columns))
        columns->values[MANIFEST_COLUMN_PHASE].integer = sqlite3_column_int(statement, phase);
}

static void compare_columns(sqlite3_stmt *statement, const struct document_write *write,
                            struct row *row)
{
    const struct table *table = &tables[write->container];
    for (size_t i = 0; i < table->column_count; i++) {
        if (table_column_equals(&write->columns.values[i], statement, FIND_COLUMNS + (int)i))
            continue;
        if (i < table->lasting_count)
            row->lasting_differ = true;
        else
            row->changing_differ = true;
    }
}

static int find_row(struct connection *connection, struct document_write *write, struct row *row,
                    struct error *error)
{
    *row = (struct row){0};
    sqlite3_stmt *statement =
        connection_statement(connection, tables[write->container].find, error);
    if (!statement)
        return -1;
    sqlite3_bind_text(statement, 1, write->name.id, -1, SQLITE_STATIC);
    if (write->name.partition && !is_creation(write)) /* ids are unique */
        sqlite3_bind_text(statement, 2, write->name.partition, -1, SQLITE_STATIC);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW) {
        row->exists = true;
        row->sequence = sqlite3_column_int64(statement, 0);
        row->etag = sqlite3_column_int64(statement, 1);
        if (write->container == STORE_MANIFESTS)
            read_manifest_row(statement, &write->columns, row);
        compare_columns(statement, write, row);
    }
    return connection_finish(connection, statement, step, error);
}

static enum store_status check_row(const struct document_write *write, const struct row *row)
{
    if (is_creation(write))
        return row->exists ? STORE_CONFLICT : STORE_DONE;
    if (!row->exists)
        return STORE_NOT_FOUND;
    if (write->checks_etag && write->etag != row->etag)
        return STORE_CONFLICT;
    return STORE_DONE;
}

/* Updates counter and heads after a manifest's row was written. */
static int follow_manifest(struct transaction *transaction, const struct document_write *write,
                           const struct row *before, struct error *error)
{
    const struct columns *columns = &write->columns;
    bool exists = write->text != NULL;
    bool open = exists && is_open_state(columns->values[MANIFEST_COLUMN_STATE].text);
    bool ready = exists && is_ready(columns);

    transaction->open_manifests += (int)open - (int)before->open;
    if (before->ready && transaction_note_cluster(transaction, before->cluster, error) < 0)
        return -1;
    if (ready && (!before->ready || strcmp(before->cluster, columns->cluster) != 0))
        return transaction_note_cluster(transaction, columns->cluster, error);
    return 0;
}

enum { FORGOTTEN_AT_ONCE = 16 };

/* Each write of an answer removes some expired ones: more than one, so that they do not
 * accumulate. */
static int forget_expired(struct connection *connection, struct error *error)
{
    sqlite3_stmt *statement =
        connection_statement(connection,
                             "DELETE FROM answers WHERE sequence IN (SELECT sequence FROM answers"
                             " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                             error);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, clock_unix_seconds());
    sqlite3_bind_int(statement, 2, FORGOTTEN_AT_ONCE);
    return connection_finish(connection, statement, sqlite3_step(statement), error);
}

static int follow(struct transaction *transaction, const struct document_write *write,
                  const struct row *before, struct error *error)
{
    if (write->text && write->container == STORE_ANSWERS)
        return forget_expired(transaction->connection, error);
    bool differs =
        !write->text || !before->exists || before->lasting_differ || before->changing_differ;
    if (differs && write->container == STORE_MANIFESTS)
        return follow_manifest(transaction, write, before, error);
    if (differs && write->container == STORE_CLUSTERS)
        return transaction_note_cluster(transaction, write->name.id, error);
    return 0;
}

static int format_etag(int64_t etag, char **ret_text, struct error *error)
{
    if (asprintf(ret_text, "%lld", (long long)etag) >= 0)
        return 0;
    *ret_text = NULL;
    return error_set_memory(error);
}

static int insert_row(struct transaction *transaction, const struct document_write *write,
                      int64_t etag, bool *ret_inserted, struct error *error)
{
    const struct table *table = &tables[write->container];
    struct connection *connection = transaction->connection;
    sqlite3_stmt *statement = connection_statement(connection, table->insert, error);
    if (!statement)
        return -1;
    sqlite3_bind_text(statement, 1, write->name.id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, write->name.partition, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, etag);
    sqlite3_bind_text(statement, 4, write->text, (int)write->length, SQLITE_STATIC);
    table_bind_columns(statement, 5, &write->columns, 0, table->column_count);
    if (connection_finish(connection, statement, sqlite3_step(statement), error) < 0)
        return -1;
    *ret_inserted = sqlite3_changes(connection->db) > 0;
    return 0;
}

static const struct row no_row;

static int apply_create(struct transaction *transaction, struct write *write, struct error *error)
{
    struct store_result *result = &write->operation->result;
    bool inserted;

    if (insert_row(transaction, &write->first, transaction->etag + 1, &inserted, error) < 0)
        return -1;
    result->status = inserted ? STORE_DONE : STORE_CONFLICT;
    if (!inserted)
        return 0;
    if (format_etag(transaction_next_etag(transaction), &result->etag, error) < 0)
        return -1;
    return follow(transaction, &write->first, &no_row, error);
}

/* An UPDATE updates the indexes of all columns it names, so it names only those that may differ. */
static int update_row(struct transaction *transaction, const struct document_write *write,
                      const struct row *before, char **ret_etag, struct error *error)
{
    const struct table *table = &tables[write->container];
    struct connection *connection = transaction->connection;
    const char *sql = table->update_document;
    size_t first = table->column_count;
    if (before->lasting_differ) {
        sql = table->update_all;
        first = 0;
    } else if (before->changing_differ) {
        sql = table->update_some;
        first = table->lasting_count;
    }
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    int64_t etag = transaction_next_etag(transaction);
    sqlite3_bind_int64(statement, 1, before->sequence);
    sqlite3_bind_int64(statement, 2, etag);
    sqlite3_bind_text(statement, 3, write->text, (int)write->length, SQLITE_STATIC);
    table_bind_columns(statement, 4, &write->columns, first, table->column_count);
    if (connection_finish(connection, statement, sqlite3_step(statement), error) < 0 ||
        format_etag(etag, ret_etag, error) < 0)
        return -1;
    return follow(transaction, write, before, error);
}

static int apply_replace(struct transaction *transaction, struct write *write, struct error *error)
{
    struct store_result *result = &write->operation->result;
    struct row before;
    if (find_row(transaction->connection, &write->first, &before, error) < 0)
        return -1;
    result->status = check_row(&write->first, &before);
    if (result->status != STORE_DONE)
        return 0;
    return update_row(transaction, &write->first, &before, &result->etag, error);
}

/* One document of a pair, whose row has been read. */
static int put_row(struct transaction *transaction, const struct document_write *write,
                   const struct row *before, char **ret_etag, struct error *error)
{
    bool inserted;
    if (before->exists)
        return update_row(transaction, write, before, ret_etag, error);
    if (insert_row(transaction, write, transaction->etag + 1, &inserted, error) < 0)
        return -1;
    assert(inserted);
    if (format_etag(transaction_next_etag(transaction), ret_etag, error) < 0)
        return -1;
    return follow(transaction, write, &no_row, error);
}

static int apply_pair(struct transaction *transaction, struct write *write, struct error *error)
{
    struct store_result *result = &write->operation->result;
    struct row first;
    struct row second;
    if (find_row(transaction->connection, &write->first, &first, error) < 0 ||
        find_row(transaction->connection, &write->second, &second, error) < 0)
        return -1;
    result->status = check_row(&write->first, &first);
    if (result->status == STORE_DONE)
        result->status = check_row(&write->second, &second);
    if (result->status != STORE_DONE)
        return 0;
    if (put_row(transaction, &write->first, &first, &result->etag, error) < 0)
        return -1;
    return put_row(transaction, &write->second, &second, &result->second_etag, error);
}

static int apply_delete(struct transaction *transaction, struct write *write, struct error *error)
{
    struct store_result *result = &write->operation->result;
    struct connection *connection = transaction->connection;
    struct row before;
    if (find_row(connection, &write->first, &before, error) < 0)
        return -1;
    result->status = check_row(&write->first, &before);
    if (result->status != STORE_DONE)
        return 0;
    sqlite3_stmt *statement =
        connection_statement(connection, tables[write->first.container].remove, error);
    if (!statement)
        return -1;
    transaction->changed = true;
    sqlite3_bind_int64(statement, 1, before.sequence);
    if (connection_finish(connection, statement, sqlite3_step(statement), error) < 0)
        return -1;
    return follow(transaction, &write->first, &before, error);
}

static int (*const appliers[])(struct transaction *, struct write *, struct error *) = {
    [STORE_CREATE] = apply_create,
    [STORE_REPLACE] = apply_replace,
    [STORE_DELETE] = apply_delete,
    [STORE_PAIR] = apply_pair,
};

int writes_apply(struct writes *writes, struct transaction *transaction, struct error *error)
{
    for (size_t i = 0; i < writes->count; i++) {
        struct write *write = &writes->list[i];
        if (appliers[write->operation->verb](transaction, write, error) < 0)
            return -1;
    }
    return 0;
}
