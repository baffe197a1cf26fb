/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.h - the arguments of mimo-store's verbs, and their shared functions.
 *
 * Each verb has one file, and one row in main.c. Results go to standard output, everything else to
 * standard error, one line each. A verb returns the exit status; main.c flushes standard output and
 * checks it afterwards.
 */
#ifndef MIMO_STORE_TOOL_TOOL_H
#define MIMO_STORE_TOOL_TOOL_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/store.h"

struct tool {
    const struct config *config;
    const char *uri;     /* of the store */
    const char *operand; /* the argument after the verb, or NULL */
    bool replace;        /* load: overwrite documents that exist */
    bool force;          /* load: although actuators are running */
    /* reseal; NULL: as configured */
    const char *old_key, *new_key, *new_certificate;
};

int tool_init(const struct tool *tool);
int tool_check(const struct tool *tool);
int tool_dump(const struct tool *tool);
int tool_load(const struct tool *tool);
int tool_backup(const struct tool *tool);
int tool_reseal(const struct tool *tool);

/* Writes "mimo-store: message" to standard error; returns EXIT_FAILURE. */
int tool_fail(const struct error *error);

/* The same, with a formatted message. */
int tool_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Calls `visit` with each document of the store, container by container, page by page; with a NULL
 * document and the reason if one cannot be read. -1: the store did not answer, or `visit` failed
 * with the error. */
int tool_visit(struct store *store,
               int (*visit)(void *context, enum store_container container,
                            const struct json_object *document, struct error *error),
               void *context, struct error *error);

/* Calls `take` with each page of a container's documents, of at most `limit` items. -1 as above. */
int tool_visit_pages(struct store *store, enum store_container container, size_t limit,
                     int (*take)(void *context, struct store_result *page, struct error *error),
                     void *context, struct error *error);

/* Prepares a document of another system for this store: fills in members that are derived from
 * others (bucket, key, partitionKey), and checks the document. */
int tool_complete_document(enum store_container container, struct json_object *document,
                           struct error *error);

/* Reads one line of at most `size` - 1 bytes, without its newline, terminated by NUL. */
enum tool_line { TOOL_LINE, TOOL_LINE_TOO_LONG, TOOL_LINE_END, TOOL_LINE_ERROR };
enum tool_line tool_read_line(FILE *stream, char *buffer, size_t size, size_t *ret_length);

#endif
