/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the options of mimoctl, read by command_line.h.
 *
 * An option has one meaning in all commands that allow it; the table of commands lists the options
 * of each.
 */
#ifndef MIMO_CTL_OPTIONS_H
#define MIMO_CTL_OPTIONS_H

#include <json-c/json_object.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/command_line.h"
#include "mimo/error.h"

/* Constant, letter or 0, name, placeholder of the value (NULL for a switch), help. */
/* clang-format off */
#define CTL_OPTIONS(OPTION)                                                                                      \
    OPTION(OPTION_CLUSTER, 'c', "cluster", "CLUSTER", "the cluster: full resource ID, or its name when that is unique") \
    OPTION(OPTION_TASK, 't', "task", "TASK", "the task: short name or ID, see \"mimoctl task list\"")            \
    OPTION(OPTION_STATE, 0, "state", "STATE,...", "only manifests in these states, such as Pending,InProgress")                              \
    OPTION(OPTION_LIMIT, 0, "limit", "N", "at most N lines (default 1000; 0: no limit)")                         \
    OPTION(OPTION_RUN_AFTER, 0, "run-after", "TIME", "not before TIME: +2h, \"2026-12-01 02:00\" (local), RFC 3339, Unix seconds") \
    OPTION(OPTION_RUN_BEFORE, 0, "run-before", "TIME", "if not started before TIME, it becomes TimedOut (default: in 7 days)") \
    OPTION(OPTION_PRIORITY, 0, "priority", "N", "0 (default) runs first, 1000000 last")                          \
    OPTION(OPTION_PARAMETERS, 0, "parameters", "JSON|@FILE", "parameters of the task: a JSON object")            \
    OPTION(OPTION_IF_OPEN, 0, "if-open", "skip|fail", "when an open manifest for this cluster and task exists: show that one, or fail") \
    OPTION(OPTION_IDEMPOTENCY_KEY, 0, "idempotency-key", "WORD", "a repeated request with the same WORD within a day creates nothing") \
    OPTION(OPTION_WATCH, 'w', "watch", NULL, "follow it until it ends")                                 \
    OPTION(OPTION_DELETE_OLD, 0, "delete-old", NULL, "delete the old manifest; with --watch when the new one is Completed") \
    OPTION(OPTION_FAILED, 0, "failed", NULL, "also Failed and RetriesExceeded") \
    OPTION(OPTION_OLDER_THAN, 0, "older-than", "DURATION", "only manifests that ended longer ago (default: 7d for Completed, 0s for others)") \
    OPTION(OPTION_DRY_RUN, 0, "dry-run", NULL, "show what would be deleted, and delete nothing")  \
    OPTION(OPTION_YES, 'y', "yes", NULL, "do not ask")                                           \
    OPTION(OPTION_SINCE, 0, "since", "TIME", "entries since TIME, or since 2h, 7d ago (default 1d)") \
    OPTION(OPTION_WAIT, 0, "wait", NULL, "wait until the last worker has ended")                 \
    OPTION(OPTION_FORCE, 0, "force", NULL, "skip the check that is described above") \
    OPTION(OPTION_FOR, 0, "for", "STATE,...", "the states to wait for (default Completed)")                      \
    OPTION(OPTION_TIMEOUT, 0, "timeout", "DURATION", "how long to wait at most: 90s, 30m, 2h (default: no limit)") \
    OPTION(OPTION_KUBECONFIG, 0, "kubeconfig", "FILE", "credentials for the cluster; files that it names are embedded; the Admin API seals it and never returns it") \
    OPTION(OPTION_CONTEXT, 0, "context", "NAME", "the context of the kubeconfig (default: its current one)") \
    OPTION(OPTION_PROPERTIES, 0, "properties", "JSON|@FILE", "properties of the cluster: a JSON object")         \
    OPTION(OPTION_OPERATOR_FLAGS, 0, "operator-flags", "JSON|@FILE", "operatorFlags of a new cluster: a JSON object of strings") \
    OPTION(OPTION_SECURITY, 0, "security", NULL, "show the privileges of each process, and those that it does not need") \
    OPTION(OPTION_ICM, 0, "icm", "TICKET", "number or name of the ticket, for the audit trail")                  \
    OPTION(OPTION_RUNTIME_DIRECTORY, 0, "runtime-directory", "DIR", "where the actuators' sockets are (MIMO_RUNTIME_DIRECTORY; default /run/mimo)") \
    OPTION(OPTION_OUTPUT, 'o', "output", "FORM", "table (default), wide, json or id")                            \
    OPTION(OPTION_URL, 0, "url", "URL", "the Admin API, such as https://mimo.example.com (MIMO_URL)")            \
    OPTION(OPTION_LOCATION, 0, "location", "NAME", "the Admin API of this region of ~/.config/mimo/config")                          \
    OPTION(OPTION_TOKEN_FILE, 0, "token-file", "FILE", "file with the token for the log-in (MIMO_TOKEN_FILE; MIMO_TOKEN is the token itself)") \
    OPTION(OPTION_CERT, 0, "cert", "FILE", "TLS client certificate for the log-in, instead of a token (MIMO_CLIENT_CERT)") \
    OPTION(OPTION_KEY, 0, "key", "FILE", "key of --cert, if it is in another file (MIMO_CLIENT_KEY)")        \
    OPTION(OPTION_CACERT, 0, "cacert", "FILE", "CA certificates that verify the Admin API's certificate (MIMO_CACERT)") \
    OPTION(OPTION_VERBOSE, 'v', "verbose", NULL, "write each request and the status of its answer to standard error")   \
    OPTION(OPTION_HELP, 'h', "help", NULL, "show help for the command")                                \
    OPTION(OPTION_VERSION, 'V', "version", NULL, "show the version")
/* clang-format on */

#define CTL_OPTION_CONSTANT(constant, letter, name, argument, help) constant,
enum option_id { CTL_OPTIONS(CTL_OPTION_CONSTANT) OPTION_COUNT };
#undef CTL_OPTION_CONSTANT

/* Sets of options. */
#define OPTION_BIT(id) (UINT64_C(1) << (id))

extern const struct command_option option_descriptions[OPTION_COUNT];

/* The options and operands of a command line. All texts are borrowed from argv. */
struct options {
    const char *values[OPTION_COUNT]; /* NULL: not given. A switch: its name */
    char **operands;                  /* operand_count of them, and a NULL; borrowed */
    int operand_count;
};

/* A walk over `words` with the options of mimoctl. */
struct command_line options_line(char **words, int count);

/* Reads argv[1] and on, and moves the operands to the front of argv. ERROR_INVALID names the option
 * that is wrong. */
int options_parse(struct options *options, int argc, char **argv, struct error *error);

/* Removes the first `count` operands. */
void options_shift(struct options *options, int count);

/* Refuses options that are not in `allowed`: ERROR_INVALID names the first. `command` is for the
 * message. */
int options_check(const struct options *options, uint64_t allowed, const char *command,
                  struct error *error);

/* The value of an option as a whole number within bounds; `otherwise` without the option. */
int options_number(const struct options *options, enum option_id id, int64_t smallest,
                   int64_t largest, int64_t otherwise, int64_t *ret_number, struct error *error);

/* The text of the file at `path`, which is the value of an option or part of it; the caller frees
 * it. ERROR_INVALID when it cannot be read. */
int options_file(enum option_id id, const char *path, size_t maximum, char **ret_text,
                 size_t *ret_length, struct error *error);

/* An option that is a JSON object, or "@FILE" with one: *ret_object is a new reference, or NULL
 * when the option was not given. */
int options_object(const struct options *options, enum option_id id,
                   struct json_object **ret_object, struct error *error);

#endif
