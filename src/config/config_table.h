/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_table.h - the rows of config_keys.h as data, and what can be done with one.
 *
 * config.c reads files into rows, config_table.c knows the kinds of values, config_rules.c the
 * rules over several keys.
 */
#ifndef MIMO_CONFIG_CONFIG_TABLE_H
#define MIMO_CONFIG_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "mimo/config.h"
#include "mimo/error.h"

struct config_kind; /* how values of a kind are read and written */

struct config_row {
    const char *section;
    const char *name;
    const struct config_kind *kind;
    size_t offset;     /* of the field in struct config */
    const char *words; /* CHOICE, CHOICES: what may be chosen, separated by spaces */
    const char *otherwise;
    int64_t smallest;
    int64_t largest;
    const char *help;
};

size_t config_row_count(void);
const struct config_row *config_row_at(size_t number);
size_t config_row_number(const struct config_row *row);

/* The row of a key. NULL with a message that says what is known, or was perhaps meant. */
const struct config_row *config_row_find(const char *section, const char *name,
                                         struct error *error);

/* Reads `value` into the row's field. ERROR_INVALID "section.key: "value" is not ...". */
int config_row_set(const struct config_row *row, struct config *config, const char *value,
                   struct error *error);

/* Releases the row's field. */
void config_row_free(const struct config_row *row, struct config *config);

/* Whether both have the same value, and giving each the value of the other. */
bool config_row_equals(const struct config_row *row, const struct config *a,
                       const struct config *b);
void config_row_swap(const struct config_row *row, struct config *a, struct config *b);

/* Rules over several keys, and the form of texts that have one. ERROR_INVALID "section.key:
 * ...". */
int config_check_rules(const struct config *config, struct error *error);

#endif
