/* SPDX-License-Identifier: Apache-2.0 */
/* visit.c - visits all documents of a store, in bounded memory. */
#include <stdlib.h>

#include "mimo/cleanup.h"
#include "store-tool/tool.h"

enum { VISIT_PAGE = 500 };

typedef int visitor(void *context, enum store_container container,
                    const struct json_object *document, struct error *error);

struct visit {
    enum store_container container;
    visitor *visit;
    void *context;
};

static int visit_page(void *context, struct store_result *page, struct error *error)
{
    const struct visit *visit = context;
    for (size_t i = 0; i < page->count; i++)
        if (visit->visit(visit->context, visit->container, page->items[i].document, error) < 0)
            return -1;
    for (size_t i = 0; i < page->skipped; i++) {
        struct error reason = page->error;
        if (i > 0)
            error_set(&reason, ERROR_INVALID, "%s: one more document is not JSON",
                      store_container_name(visit->container));
        if (visit->visit(visit->context, visit->container, NULL, &reason) < 0) {
            *error = reason;
            return -1;
        }
    }
    return 0;
}

int tool_visit_pages(struct store *store, enum store_container container, size_t limit,
                     int (*take)(void *context, struct store_result *page, struct error *error),
                     void *context, struct error *error)
{
    cleanup_free char *continuation = NULL;
    do {
        struct store_query query = {.kind = STORE_QUERY_DOCUMENTS,
                                    .container = container,
                                    .limit = limit,
                                    .continuation = continuation};
        struct store_operation page = store_query(&query);
        if (store_run(store, &page, 1, error) < 0)
            return -1;
        int status = take(context, &page.result, error);
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
    for (int i = 0; i < STORE_CONTAINER_COUNT; i++) {
        struct visit all = {(enum store_container)i, visit, context};
        if (tool_visit_pages(store, all.container, VISIT_PAGE, visit_page, &all, error) < 0)
            return -1;
    }
    return 0;
}
