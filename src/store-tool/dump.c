/* SPDX-License-Identifier: Apache-2.0 */
/* dump.c - mimo-store dump and backup: writes the documents as lines, or copies the store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "store-tool/tool.h"

/* Writes a document. An unreadable one is reported, and the dump continues without it. */
static int write_line(void *context, enum store_container container,
                      const struct json_object *document, struct error *error)
{
    bool *complete = context;
    if (!document) {
        *complete = false;
        tool_fail(error);
        return 0;
    }
    cleanup_free char *text = document_format(document);
    if (!text)
        return error_set_memory(error);
    if (printf("{\"container\":\"%s\",\"document\":%s}\n", store_container_name(container), text) <
        0)
        return error_set_system(error, errno, "cannot write standard output");
    return 0;
}

int tool_dump(const struct tool *tool)
{
    cleanup_store struct store *store = NULL;
    struct error error;
    bool complete = true;
    if (store_open(tool->uri, &store, &error) < 0 ||
        tool_visit(store, write_line, &complete, &error) < 0)
        return tool_fail(&error);
    return complete ? EXIT_SUCCESS : EXIT_FAILURE;
}

int tool_backup(const struct tool *tool)
{
    cleanup_store struct store *store = NULL;
    struct error error;
    if (store_open(tool->uri, &store, &error) < 0 || store_backup(store, tool->operand, &error) < 0)
        return tool_fail(&error);
    printf("copied %s to %s\n", tool->uri, tool->operand);
    return EXIT_SUCCESS;
}
