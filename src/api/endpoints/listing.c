/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - makes pages of items. */
#include "api/endpoints/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mimo/base64.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/log.h"

enum { TOKEN_MAXIMUM = 4096 };

char *listing_encode_token(const char *continuation)
{
    return base64url_encode(continuation, strlen(continuation));
}

char *listing_decode_token(const char *token)
{
    size_t length = strlen(token), size;
    if (length > TOKEN_MAXIMUM)
        return NULL;
    cleanup_free uint8_t *data = base64url_decode(token, length, &size);
    return data && strlen((char *)data) == size ? (char *)take_pointer(&data) : NULL;
}

/* True when the query piece "name=value" is a $skipToken, however it is escaped. */
static bool is_skip_token(const char *piece, size_t length)
{
    char name[32];
    const char *equals = memchr(piece, '=', length);
    size_t name_length = equals ? (size_t)(equals - piece) : length;
    return wire_decode(piece, name_length, true, name, sizeof(name)) == 0 &&
           strcasecmp(name, query_parameter_name(QUERY_SKIP_TOKEN)) == 0;
}

char *listing_next_link(const struct request *request, const char *token)
{
    const char *target = request->target;
    size_t path = strcspn(target, "?");
    char *link = NULL;
    size_t size;
    FILE *stream = open_memstream(&link, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "%s://%s%.*s?", request->scheme, request->host, (int)path, target);
    const char *at = target[path] ? target + path + 1 : "";
    while (*at) {
        size_t length = strcspn(at, "&");
        if (length > 0 && !is_skip_token(at, length))
            fprintf(stream, "%.*s&", (int)length, at);
        at += length;
        at += *at == '&';
    }
    fprintf(stream, "$skipToken=%s", token);
    if (fclose(stream) != 0) {
        free(link);
        return NULL;
    }
    return link;
}

/* Adds one item's view to the page; 503 of answer_set_text() without memory. */
static void add_item(struct api *api, const struct store_item *item, struct listing_view view,
                     struct text_buffer *page)
{
    if (view.text) {
        view.text(api, item, page);
        return;
    }
    cleanup_json struct json_object *shown = view.document(api, item->document);
    cleanup_free char *text = shown ? document_format(shown) : NULL;
    if (text)
        text_buffer_add(page, text);
    else if (shown)
        page->failed = true;
}

/* {"value": [...]} of what the store found, but for the closing brace. */
static void add_items(struct api *api, const struct store_result *result, struct listing_view view,
                      struct text_buffer *page)
{
    bool first = true;
    size_t expected = 0;
    for (size_t i = 0; i < result->count; i++)
        expected += result->items[i].length + 128; /* a view is about as long as its document */
    text_buffer_reserve(page, expected);
    text_buffer_add(page, "{\"value\":[");
    for (size_t i = 0; i < result->count; i++) {
        size_t before = page->length;
        text_buffer_add(page, first ? "" : ",");
        size_t start = page->length;
        add_item(api, &result->items[i], view, page);
        if (page->length == start)
            text_buffer_cut(page, before); /* item left out */
        else
            first = false;
    }
    text_buffer_add(page, "]");
}

static void add_next_link(const struct request *request, const char *continuation,
                          struct text_buffer *page)
{
    if (!continuation)
        return;
    cleanup_free char *token = listing_encode_token(continuation);
    cleanup_free char *link = token ? listing_next_link(request, token) : NULL;
    if (!link) {
        page->failed = true;
        return;
    }
    text_buffer_add(page, ",\"nextLink\":");
    text_buffer_add_json_string(page, link);
}

static void answer_page(struct api *api, const struct request *request,
                        const struct store_result *result, struct listing_view view,
                        struct answer *answer)
{
    cleanup_text_buffer struct text_buffer page = {0};
    add_items(api, result, view, &page);
    add_next_link(request, result->continuation, &page);
    text_buffer_add(&page, "}");
    answer_set_text(answer, 200, &page);
}

static int refuse_token(struct answer *answer)
{
    return answer_refuse(answer, API_INVALID_PARAMETER, "$skipToken",
                         "invalid $skipToken; follow nextLink unchanged");
}

void listing_answer(struct api *api, struct request *request, struct store_query *query,
                    struct listing_view view, struct answer *answer)
{
    struct error error;
    cleanup_free char *continuation = NULL;
    if (request_limit(request, &query->limit, answer) < 0)
        return;
    if (request->query[QUERY_SKIP_TOKEN]) {
        continuation = listing_decode_token(request->query[QUERY_SKIP_TOKEN]);
        if (!continuation) {
            refuse_token(answer);
            return;
        }
    }
    query->continuation = continuation;
    query->bytes = budget_page_bytes(&api->budget);
    struct store_operation operation = store_query(query);
    operation.as_text = view.text != NULL;
    if (store_run(api->store, &operation, 1, &error) < 0) {
        answer_store_unavailable(answer, &error);
    } else if (operation.result.status != STORE_DONE && continuation) {
        refuse_token(answer); /* only the token comes from the client */
    } else if (operation.result.status != STORE_DONE) {
        answer_internal(answer, "cannot query the store", &operation.result.error);
    } else {
        if (operation.result.skipped)
            log_warning("%zu damaged documents are not listed; the first: %s",
                        operation.result.skipped, operation.result.error.message);
        answer_page(api, request, &operation.result, view, answer);
    }
    store_release(&operation, 1);
}
