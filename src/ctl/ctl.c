/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl.c - the context of mimoctl's commands, and their exit statuses.
 */
#include "ctl/ctl.h"

#include "mimo/document.h"

enum ctl_exit ctl_exit_of_error(const struct error *error)
{
    switch (error->kind) {
    case ERROR_INVALID:
        return CTL_USAGE;
    case ERROR_UNAVAILABLE:
        return CTL_UNREACHABLE;
    case ERROR_NONE:
    case ERROR_NOT_FOUND:
    case ERROR_CONFLICT:
    case ERROR_DENIED:
    case ERROR_TOO_LARGE:
    case ERROR_MEMORY:
    case ERROR_BUSY:
    case ERROR_SYSTEM:
        break;
    }
    return CTL_REFUSED;
}

int ctl_each(struct ctl *ctl, ctl_change *change, struct json_object *done)
{
    int worst = CTL_OK;
    for (int i = 0; i < ctl->options.operand_count; i++) {
        struct error error;
        int status = change(ctl, ctl->options.operands[i], done, &error);
        if (status < 0) {
            output_say("%s", error.message);
            status = (int)ctl_exit_of_error(&error);
        }
        worst = status > worst ? status : worst;
        if (status == CTL_UNREACHABLE)
            break;
    }
    return worst;
}

void ctl_write_deleted(struct ctl *ctl, const struct json_object *deleted)
{
    static const struct listing ids = {.nothing = ""};
    size_t position;
    struct json_object *item;
    if (ctl->output.form == OUTPUT_JSON || ctl->output.form == OUTPUT_ID) {
        output_items(&ctl->output, &ids, deleted);
        return;
    }
    document_foreach_item(deleted, position, item)
        output_say("deleted %s", document_string(item, "id", ""));
}
