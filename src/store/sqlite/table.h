/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - one table for each container: the document, and the columns by which it is found.
 *
 * Every table begins with sequence (row number), id, partition and etag, and ends with document, the
 * JSON text. The columns in between are derived from the document alone (derive.c): a damaged
 * document gets the columns that can be read, and `unreadable`. The lists here generate the CREATE
 * TABLE, the statements and the numbers of the columns.
 */
#ifndef MIMO_STORE_SQLITE_TABLE_H
#define MIMO_STORE_SQLITE_TABLE_H

#include <json-c/json_object.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/resource_id.h"
#include "mimo/store.h"

/* The columns of a manifest that change during its life come last: see struct table, update_some. */
#define MANIFEST_COLUMNS_LASTING(COLUMN)                                                           \
    COLUMN(CLUSTER, cluster, "TEXT NOT NULL") /* resource ID in lower case */                      \
    COLUMN(BUCKET, bucket, "INTEGER NOT NULL")                                                     \
    COLUMN(PRIORITY, priority, "INTEGER NOT NULL")                                                 \
    COLUMN(RUN_AFTER, run_after, "INTEGER NOT NULL")                                               \
    COLUMN(CREATED_AT, created_at, "INTEGER NOT NULL")                                             \
    COLUMN(TASK, task, "TEXT")                                                                     \
    COLUMN(SCHEDULE, schedule, "TEXT")

#define MANIFEST_COLUMNS_CHANGING(COLUMN)                                                          \
    COLUMN(STATE, state, "TEXT") /* NULL: unknown state */                                         \
    COLUMN(UNREADABLE, unreadable, "INTEGER NOT NULL")                                             \
    COLUMN(DUE_AT, due_at, "INTEGER NOT NULL")                                                     \
    COLUMN(RUN_BEFORE, run_before, "INTEGER NOT NULL")                                             \
    COLUMN(LEASE_OWNER, lease_owner, "TEXT")                                                       \
    COLUMN(LEASE_EXPIRES, lease_expires, "INTEGER NOT NULL")                                       \
    COLUMN(PHASE, phase, "INTEGER") /* enum manifest_phase; NULL: not Pending */

#define MANIFEST_COLUMNS(COLUMN) MANIFEST_COLUMNS_LASTING(COLUMN) MANIFEST_COLUMNS_CHANGING(COLUMN)

#define CLUSTER_COLUMNS(COLUMN)                                                                    \
    COLUMN(BUCKET, bucket, "INTEGER NOT NULL")                                                     \
    COLUMN(UNREADABLE, unreadable, "INTEGER NOT NULL")                                             \
    COLUMN(LEASE_OWNER, lease_owner, "TEXT")                                                       \
    COLUMN(LEASE_EXPIRES, lease_expires, "INTEGER") /* NULL: no lease */

#define MEMBER_COLUMNS(COLUMN) COLUMN(POSITION, position, "INTEGER NOT NULL")
#define AUDIT_COLUMNS(COLUMN)  COLUMN(TIME, time, "INTEGER NOT NULL DEFAULT 0")
#define ANSWER_COLUMNS(COLUMN) COLUMN(EXPIRES_AT, expires_at, "INTEGER NOT NULL")
#define NO_COLUMNS(COLUMN)

#define MANIFEST_COLUMN_CONSTANT(constant, name, type) MANIFEST_COLUMN_##constant,
enum manifest_column { MANIFEST_COLUMNS(MANIFEST_COLUMN_CONSTANT) MANIFEST_COLUMN_COUNT };
#define CLUSTER_COLUMN_CONSTANT(constant, name, type) CLUSTER_COLUMN_##constant,
enum cluster_column { CLUSTER_COLUMNS(CLUSTER_COLUMN_CONSTANT) CLUSTER_COLUMN_COUNT };

enum { COLUMNS_MAXIMUM = MANIFEST_COLUMN_COUNT };

/* The phase of a Pending manifest at the time of the last STORE_QUERY_RUNNABLE (phase.h). */
enum manifest_phase {
    PHASE_WAITING = 0, /* not due, or not updated yet */
    PHASE_READY = 1,   /* due, and not overdue */
    PHASE_OVERDUE = 2, /* runBefore has passed */
};
#define PHASE_WAITING_SQL "0"
#define PHASE_READY_SQL   "1"
#define PHASE_OVERDUE_SQL "2"

/* The name of a cluster: what follows the last slash of its id. rtrim() takes away all characters up to
 * there, from the end. */
#define CLUSTER_NAME_SQL "substr(id, length(rtrim(id, replace(id, '/', ''))) + 1)"

struct column {
    enum { COLUMN_NULL, COLUMN_INTEGER, COLUMN_TEXT } type;
    int64_t integer;
    const char *text; /* borrowed from the document, or points at columns.cluster */
};

struct columns {
    struct column values[COLUMNS_MAXIMUM];
    char cluster[RESOURCE_ID_SIZE];
};

struct table {
    const char *name;
    size_t column_count;
    size_t lasting_count; /* the first columns, which update_some does not change */
    const char *const *column_names;
    void (*derive)(const struct json_object *document, struct columns *ret_columns);
    const char *create;
    const char *get;             /* id, partition or NULL: etag, document */
    const char *find;            /* id, partition or NULL: sequence, etag, columns */
    const char *insert;          /* id, partition, etag, document, columns; nothing if id exists */
    const char *update_document; /* sequence, etag, document */
    const char *update_some;     /* sequence, etag, document, columns behind the lasting ones */
    const char *update_all;      /* sequence, etag, document, columns */
    const char *remove;          /* sequence */
    const char *page;            /* :id: etag, document, id, 0, 0 of those behind it */
    const char *scan;            /* id, partition, document, columns of all */
};

extern const struct table tables[STORE_CONTAINER_COUNT];

void table_derive_manifest(const struct json_object *document, struct columns *ret_columns);
void table_derive_cluster(const struct json_object *document, struct columns *ret_columns);
void table_derive_member(const struct json_object *document, struct columns *ret_columns);
void table_derive_audit(const struct json_object *document, struct columns *ret_columns);
void table_derive_answer(const struct json_object *document, struct columns *ret_columns);
void table_derive_nothing(const struct json_object *document, struct columns *ret_columns);

/* Binds columns `first`..`end` - 1 to the parameters from `parameter` on. */
void table_bind_columns(sqlite3_stmt *statement, int parameter, const struct columns *columns,
                        size_t first, size_t end);

/* True when result column `index` has this value. */
bool table_column_equals(const struct column *column, sqlite3_stmt *statement, int index);

#endif
