/* SPDX-License-Identifier: Apache-2.0 */
/* config_take_over.c - changes of the configuration that a running program takes over. */
#include <string.h>

#include "config/config_table.h"

static bool may_be_taken(const struct config_row *row)
{
#define IS_ROW(in_section, key)                                                                    \
    if (strcmp(row->section, #in_section) == 0 && strcmp(row->name, #key) == 0)                    \
        return true;
    CONFIG_KEYS_TAKEN_OVER(IS_ROW)
#undef IS_ROW
    return false;
}

void config_take_over(struct config *live, struct config *fresh, config_change_f *tell,
                      void *context)
{
    for (size_t i = 0; i < config_row_count(); i++) {
        const struct config_row *row = config_row_at(i);
        bool taken = may_be_taken(row);

        if (config_row_equals(row, live, fresh))
            continue;
        if (taken)
            config_row_swap(row, live, fresh);
        tell(context, row->section, row->name, taken);
    }
}

void config_compare(const struct config *live, const struct config *fresh, config_change_f *tell,
                    void *context)
{
    for (size_t i = 0; i < config_row_count(); i++) {
        const struct config_row *row = config_row_at(i);

        if (!config_row_equals(row, live, fresh))
            tell(context, row->section, row->name, false);
    }
}
