/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of items. */
#include "api/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/seal.h"

enum { TOKEN_MAXIMUM = 4096 };

static void replace_characters(char *text, const char *from, const char *to)
{
    for (char *at = text; *at; at++) {
        const char *found = strchr(from, *at);
        if (found)
            *at = to[found - from];
    }
}

char *listing_encode_token(const char *continuation)
{
    char *token;
    struct error error;
    if (base64_encode(continuation, strlen(continuation), &token, &error) < 0)
        return NULL;
    replace_characters(token, "+/", "-_");
    token[strcspn(token, "=")] = '\0';
    return token;
}

char *listing_decode_token(const char *token)
{
    size_t length = strlen(token);
    if (length == 0 || length > TOKEN_MAXIMUM || strpbrk(token, "+/="))
        return NULL;
    static const char padding[] = "===";
    cleanup_free char *padded = NULL;
    if (asprintf(&padded, "%s%s", token, padding + 3 - (4 - length % 4) % 4) < 0)
        return NULL;
    replace_characters(padded, "-_", "+/");
    unsigned char *data;
    size_t size;
    struct error error;
    if (base64_decode(padded, &data, &size, &error) < 0)
        return NULL;
    char *continuation = memchr(data, '\0', size) ? NULL : strndup((const char *)data, size);
    free(data);
    return continuation;
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

/* {"value": [...]} of what the store found. NULL without memory. */
static json_t *make_page(struct api *api, const struct store_result *result, listing_view_f *view)
{
    json_t *value = json_array();
    for (size_t i = 0; value && i < result->count; i++) {
        json_t *item = view(api, result->items[i].document);
        if (item && json_array_append_new(value, item) < 0) {
            json_decref(value);
            value = NULL;
        }
    }
    return value ? json_pack("{s:o}", "value", value) : NULL;
}

static int add_next_link(const struct request *request, const char *continuation, json_t *page)
{
    if (!continuation)
        return 0;
    cleanup_free char *token = listing_encode_token(continuation);
    cleanup_free char *link = token ? listing_next_link(request, token) : NULL;
    return link ? json_object_set_new(page, "nextLink", json_string(link)) : -1;
}

static int refuse_token(struct answer *answer)
{
    return answer_refuse(answer, API_INVALID_PARAMETER, "$skipToken",
                         "this is no token of ours; follow nextLink as it was given");
}

void listing_answer(struct api *api, struct request *request, struct store_query *query,
                    listing_view_f *view, struct answer *answer)
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
    struct store_operation operation = store_query(query);
    if (store_run(api->store, &operation, 1, &error) < 0) {
        answer_store_unavailable(answer, &error);
    } else if (operation.result.status != STORE_DONE && continuation) {
        refuse_token(answer); /* all else in the query was made by us */
    } else if (operation.result.status != STORE_DONE) {
        answer_internal(answer, "cannot ask the store", &operation.result.error);
    } else {
        if (operation.result.skipped)
            log_warning("%zu documents cannot be understood and are not listed; the first: %s",
                        operation.result.skipped, operation.result.error.message);
        json_t *page = make_page(api, &operation.result, view);
        if (page && add_next_link(request, operation.result.continuation, page) < 0) {
            json_decref(page);
            page = NULL;
        }
        answer_set_view(answer, 200, page);
    }
    store_release(&operation, 1);
}
