/* SPDX-License-Identifier: Apache-2.0 */
/* Going through all documents of a store, in bounded memory. */
#include <stdlib.h>

#include "mimo/cleanup.h"
#include "store/tool.h"

enum { VISIT_PAGE = 500 };

typedef int visitor(void *context, enum store_container container, const json_t *document,
                    struct error *error);

static int visit_page(enum store_container container, const struct store_result *page,
                      visitor *visit, void *context, struct error *error)
{
    for (size_t i = 0; i < page->count; i++)
        if (visit(context, container, page->items[i].document, error) < 0)
            return -1;
    for (size_t i = 0; i < page->skipped; i++) {
        struct error reason = page->error;
        if (i > 0)
            error_set(&reason, ERROR_INVALID, "%s: one more document is not JSON",
                      store_container_name(container));
        if (visit(context, container, NULL, &reason) < 0) {
            *error = reason;
            return -1;
        }
    }
    return 0;
}

static int visit_container(struct store *store, enum store_container container, visitor *visit,
                           void *context, struct error *error)
{
    cleanup_free char *continuation = NULL;
    do {
        struct store_query query = {.kind = STORE_QUERY_DOCUMENTS,
                                    .container = container,
                                    .limit = VISIT_PAGE,
                                    .continuation = continuation};
        struct store_operation page = store_query(&query);
        if (store_run(store, &page, 1, error) < 0)
            return -1;
        int status = visit_page(container, &page.result, visit, context, error);
        free(continuation);
        continuation = take_pointer(&page.result.continuation);
        store_release(&page, 1);
        if (status < 0)
            return -1;
    } while (continuation);
    return 0;
}

int tool_visit(struct store *store, visitor *visit, void *context, struct error *error)
{
    for (int i = 0; i < STORE_CONTAINER_COUNT; i++)
        if (visit_container(store, (enum store_container)i, visit, context, error) < 0)
            return -1;
    return 0;
}
