/* SPDX-License-Identifier: Apache-2.0 */
/* phase.c - moves manifests between the phases waiting, ready and overdue. */
#include "store/sqlite/phase.h"

/* The four kinds of manifests in a wrong phase; each is one end of an index. A manifest that is
 * overdue before it is due may stay in waiting: it is not runnable in either phase, and
 * STORE_QUERY_OVERDUE reads all phases. */
#define IS_DUE_WHILE_WAITING                                                                       \
    "manifests INDEXED BY manifests_due WHERE phase = " PHASE_WAITING_SQL " AND due_at <= ?1"
#define IS_OVERDUE_WHILE_READY                                                                     \
    "manifests INDEXED BY manifests_deadline WHERE phase = " PHASE_READY_SQL " AND run_before < "  \
    "?1"
#define IS_NOT_DUE_WHILE_READY                                                                     \
    "manifests INDEXED BY manifests_due WHERE phase = " PHASE_READY_SQL " AND due_at > ?1"
#define IS_IN_TIME_WHILE_OVERDUE                                                                   \
    "manifests INDEXED BY manifests_deadline WHERE phase = " PHASE_OVERDUE_SQL                     \
    " AND run_before >= ?1"

#define MOVE(condition)                                                                            \
    "UPDATE manifests SET phase = CASE WHEN run_before < ?1 THEN " PHASE_OVERDUE_SQL               \
    "  WHEN due_at <= ?1 THEN " PHASE_READY_SQL " ELSE " PHASE_WAITING_SQL " END"                  \
    " WHERE sequence IN (SELECT sequence FROM " condition " LIMIT ?2) RETURNING cluster"

static const char *const moves[] = {
    MOVE(IS_DUE_WHILE_WAITING),
    MOVE(IS_OVERDUE_WHILE_READY),
    MOVE(IS_NOT_DUE_WHILE_READY),
    MOVE(IS_IN_TIME_WHILE_OVERDUE),
};

static const char any_to_move[] = "SELECT EXISTS (SELECT 1 FROM " IS_DUE_WHILE_WAITING ")"
                                  " OR EXISTS (SELECT 1 FROM " IS_OVERDUE_WHILE_READY ")"
                                  " OR EXISTS (SELECT 1 FROM " IS_NOT_DUE_WHILE_READY ")"
                                  " OR EXISTS (SELECT 1 FROM " IS_IN_TIME_WHILE_OVERDUE ")";

enum manifest_phase phase_at(const struct columns *columns, int64_t now)
{
    if (columns->values[MANIFEST_COLUMN_RUN_BEFORE].integer < now)
        return PHASE_OVERDUE;
    return columns->values[MANIFEST_COLUMN_DUE_AT].integer <= now ? PHASE_READY : PHASE_WAITING;
}

struct clock_step {
    int64_t now;
    int left; /* manifests that may still be moved in this transaction */
};

static int move_some(struct transaction *transaction, const char *sql,
                     struct clock_step *clock_step, struct error *error)
{
    struct connection *connection = transaction->connection;
    sqlite3_stmt *statement = connection_statement(connection, sql, error);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, clock_step->now);
    sqlite3_bind_int(statement, 2, clock_step->left);
    int step;
    int status = 0;
    while (status == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        clock_step->left--;
        transaction->changed = true;
        status = transaction_note_cluster(transaction,
                                          (const char *)sqlite3_column_text(statement, 0), error);
    }
    if (status < 0) {
        connection_finish(connection, statement, SQLITE_ROW, error);
        return -1;
    }
    return connection_finish(connection, statement, step, error);
}

static int apply_clock_step(void *argument, struct transaction *transaction, struct error *error)
{
    struct clock_step *clock_step = argument;
    clock_step->left = PHASE_STEP;
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]) && clock_step->left > 0; i++)
        if (move_some(transaction, moves[i], clock_step, error) < 0)
            return -1;
    return 0;
}

int phase_is_behind(struct connection *connection, int64_t now, bool *ret_behind,
                    struct error *error)
{
    sqlite3_stmt *statement = connection_statement(connection, any_to_move, error);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, now);
    int step = sqlite3_step(statement);
    *ret_behind = sqlite3_column_int(statement, 0) != 0;
    return connection_finish(connection, statement, step, error);
}

int phase_follow_clock(struct sqlite_store *store, int64_t now, struct error *error)
{
    struct clock_step clock_step = {.now = now, .left = 0};
    for (int round = 0; round < PHASE_ROUNDS && clock_step.left == 0; round++)
        if (sqlite_store_commit(store, apply_clock_step, &clock_step, PHASE_STEP, error) < 0)
            return -1;
    return 0;
}
