/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - the tables and their statements, generated from the lists of columns. */
#include "store/sqlite/table.h"

#include <string.h>

#define COLUMN_DECLARATION(constant, name, type)  ", " #name " " type
#define COLUMN_NAME(constant, name, type)         ", " #name
#define COLUMN_MARK(constant, name, type)         ", ?"
#define COLUMN_SET(constant, name, type)          ", " #name " = ?"
#define COLUMN_TEXT_OF_NAME(constant, name, type) #name,
#define COLUMN_ONE(constant, name, type)          +1

#define COLUMN_NAMES(array, COLUMNS)                                                               \
    static const char *const array[] = {COLUMNS(COLUMN_TEXT_OF_NAME) NULL};
COLUMN_NAMES(manifest_names, MANIFEST_COLUMNS)
COLUMN_NAMES(cluster_names, CLUSTER_COLUMNS)
COLUMN_NAMES(member_names, MEMBER_COLUMNS)
COLUMN_NAMES(audit_names, AUDIT_COLUMNS)
COLUMN_NAMES(answer_names, ANSWER_COLUMNS)
COLUMN_NAMES(no_names, NO_COLUMNS)

#define TABLE(table, LASTING, CHANGING, names, derive_function)                                    \
    {                                                                                              \
        .name = table, .column_count = 0 LASTING(COLUMN_ONE) CHANGING(COLUMN_ONE),                 \
        .lasting_count = 0 LASTING(COLUMN_ONE), .column_names = names, .derive = derive_function,  \
        .create = "CREATE TABLE " table "(sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, " \
                  "partition TEXT NOT NULL COLLATE NOCASE, etag INTEGER NOT NULL" LASTING(         \
                      COLUMN_DECLARATION)                                                          \
                      CHANGING(COLUMN_DECLARATION) ", document TEXT NOT NULL) STRICT;",            \
        .get = "SELECT etag, document FROM " table                                                 \
               " WHERE id = ?1 AND (?2 IS NULL OR partition = ?2)",                                \
        .find = "SELECT sequence, etag" LASTING(COLUMN_NAME)                                       \
            CHANGING(COLUMN_NAME) " FROM " table                                                   \
                                  " WHERE id = ?1 AND (?2 IS NULL OR partition = ?2)",             \
        .insert = "INSERT INTO " table "(id, partition, etag, document" LASTING(COLUMN_NAME)       \
            CHANGING(COLUMN_NAME) ") VALUES (?1, ?2, ?3, ?4" LASTING(COLUMN_MARK)                  \
                CHANGING(COLUMN_MARK) ") ON CONFLICT(id) DO NOTHING",                              \
        .update_document = "UPDATE " table " SET etag = ?2, document = ?3 WHERE sequence = ?1",    \
        .update_some =                                                                             \
            "UPDATE " table                                                                        \
            " SET etag = ?2, document = ?3" CHANGING(COLUMN_SET) " WHERE sequence = ?1",           \
        .update_all = "UPDATE " table " SET etag = ?2, document = ?3" LASTING(COLUMN_SET)          \
            CHANGING(COLUMN_SET) " WHERE sequence = ?1",                                           \
        .remove = "DELETE FROM " table " WHERE sequence = ?1",                                     \
        .page = "SELECT etag, document, id, 0, 0 FROM " table " WHERE id > :id ORDER BY id",       \
        .scan = "SELECT id, partition, document" LASTING(COLUMN_NAME)                              \
            CHANGING(COLUMN_NAME) " FROM " table,                                                  \
    }

const struct table tables[STORE_CONTAINER_COUNT] = {
    [STORE_MANIFESTS] = TABLE("manifests", MANIFEST_COLUMNS_LASTING, MANIFEST_COLUMNS_CHANGING,
                              manifest_names, table_derive_manifest),
    [STORE_CLUSTERS] =
        TABLE("clusters", NO_COLUMNS, CLUSTER_COLUMNS, cluster_names, table_derive_cluster),
    [STORE_SCHEDULES] = TABLE("schedules", NO_COLUMNS, NO_COLUMNS, no_names, table_derive_nothing),
    [STORE_MEMBERS] =
        TABLE("members", NO_COLUMNS, MEMBER_COLUMNS, member_names, table_derive_member),
    [STORE_SUBSCRIPTIONS] =
        TABLE("subscriptions", NO_COLUMNS, NO_COLUMNS, no_names, table_derive_nothing),
    [STORE_AUDIT] = TABLE("audit", NO_COLUMNS, AUDIT_COLUMNS, audit_names, table_derive_audit),
    [STORE_ANSWERS] =
        TABLE("answers", NO_COLUMNS, ANSWER_COLUMNS, answer_names, table_derive_answer),
};

void table_bind_columns(sqlite3_stmt *statement, int parameter, const struct columns *columns,
                        size_t first, size_t end)
{
    for (size_t i = first; i < end; i++, parameter++) {
        const struct column *column = &columns->values[i];
        if (column->type == COLUMN_INTEGER)
            sqlite3_bind_int64(statement, parameter, column->integer);
        else if (column->type == COLUMN_TEXT)
            sqlite3_bind_text(statement, parameter, column->text, -1, SQLITE_STATIC);
        else
            sqlite3_bind_null(statement, parameter);
    }
}

bool table_column_equals(const struct column *column, sqlite3_stmt *statement, int index)
{
    int type = sqlite3_column_type(statement, index);
    switch (column->type) {
    case COLUMN_NULL:
        return type == SQLITE_NULL;
    case COLUMN_INTEGER:
        return type == SQLITE_INTEGER && sqlite3_column_int64(statement, index) == column->integer;
    case COLUMN_TEXT:
        return type == SQLITE_TEXT &&
               strcmp((const char *)sqlite3_column_text(statement, index), column->text) == 0;
    }
    return false;
}
