/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the configuration of all programs: one INI file, one table of keys.
 *
 * Call config_load() in main() and config_free() at the end. A field is named section_key, after
 * config_keys.h: config.actuator_max_workers.
 *
 * config_load() reads the file with inih (https://github.com/benhoyt/inih), then each file of
 * FILE.d/ whose name ends in .conf, in the order of the names, then the overrides
 * ("section.key=value", from the --set of every program). A later value replaces an earlier one.
 * Errors are unknown sections and keys, wrong types, values out of range, a key twice in one file,
 * and unreadable files. The message is one line that names file, line, key and the allowed values:
 *
 *     /etc/mimo/mimo.conf:7: actuator.max_workers: "many" is not a whole number from 1 to 1000
 *
 * The same call then checks rules about several keys: task_timeout fits in lease_ttl, index < count
 * with static assignment, membership_ttl is at least three intervals, mark_state is not a final
 * state, each worker slot has a user, addresses are well-formed.
 *
 * Ownership: the caller owns the struct; config_free() releases its texts.
 * Threads: a loaded configuration is read-only and may be shared, except during config_take_over().
 * Units: durations are milliseconds or seconds as config_keys.h defines for each key; sizes are
 * bytes.
 * Errors: ERROR_INVALID, or that of a system call.
 */
#ifndef MIMO_CONFIG_H
#define MIMO_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mimo/config_keys.h"
#include "mimo/error.h"

#define CONFIG_DEFAULT_PATH SYSCONFDIR "/mimo/mimo.conf"

/* Exit status of a program whose configuration or command line is wrong. */
enum { EXIT_USAGE = 2 };

#define CONFIG_FIELD_TEXT(section, key, ...)    char *section##_##key;
#define CONFIG_FIELD_INTEGER(section, key, ...) int64_t section##_##key;
#define CONFIG_FIELD_BOOLEAN(section, key, ...) bool section##_##key;
#define CONFIG_FIELD_CHOICE(section, key, ...)  int section##_##key;
#define CONFIG_FIELD_CHOICES(section, key, ...) unsigned section##_##key;

struct config {
    CONFIG_KEYS(CONFIG_FIELD_TEXT, CONFIG_FIELD_INTEGER, CONFIG_FIELD_INTEGER, CONFIG_FIELD_INTEGER,
                CONFIG_FIELD_BOOLEAN, CONFIG_FIELD_CHOICE, CONFIG_FIELD_CHOICES)
};

/* Fills `config` from defaults, the file at `path`, its drop-ins, and `overrides` (NULL-terminated
 * array, or NULL). The file must exist, unless `path` is CONFIG_DEFAULT_PATH or NULL: without it
 * the defaults apply. On failure `config` owns nothing. */
int config_load(struct config *config, const char *path, const char *const *overrides,
                struct error *error);

/* Releases what config_load() made; safe on a zeroed struct. */
void config_free(struct config *config);

/* Moves changed values from `fresh` into `live`, for the keys that a running mimod can change
 * (CONFIG_KEYS_TAKEN_OVER). Calls `tell` for each key that differs; `taken` is true if it was
 * moved. `fresh` gets the old values; the caller frees it. No other thread may read `live` during
 * the call. */
typedef void config_change_f(void *context, const char *section, const char *key, bool taken);
void config_take_over(struct config *live, struct config *fresh, config_change_f *tell,
                      void *context);

/* Calls `tell`, with `taken` false, for each key that differs; for programs that take over none. */
void config_compare(const struct config *live, const struct config *fresh, config_change_f *tell,
                    void *context);

/* Reads a value of this kind by the rules of the configuration. Bounds are as in config_keys.h; a
 * boolean is 0 or 1. ERROR_INVALID "\"many\" is not a whole number from 1 to 1000". */
enum config_value {
    CONFIG_VALUE_INTEGER,
    CONFIG_VALUE_DURATION,
    CONFIG_VALUE_BYTES,
    CONFIG_VALUE_BOOLEAN
};
int config_parse_value(enum config_value kind, const char *text, int64_t smallest, int64_t largest,
                       int64_t *ret_value, struct error *error);

/* The users of actuator.worker_uids; false when the key is empty. */
bool config_worker_uids(const struct config *config, uint32_t *ret_first, uint32_t *ret_last);

/* tasks.certificates if it is the path of a directory, else NULL; borrowed. */
const char *config_certificate_directory(const struct config *config);

/* tasks.certificates if it is the URL of a Key Vault, else NULL; borrowed. */
const char *config_certificate_vault(const struct config *config);

/* True for an https URL, or plain http to an address that never leaves the machine (127.0.0.0/8,
 * 169.254.0.0/16), each without a query. */
bool config_is_identity_endpoint(const char *url);

/* Writes every key with its value in force in the form of the file (--dump-config). */
void config_dump(const struct config *config, FILE *stream);

/* Writes all keys with defaults and help as a commented file; etc/mimo.conf is its output. */
void config_write_example(FILE *stream);

#endif
