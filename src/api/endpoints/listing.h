/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing.h - makes answers with many items: {"value": [...], "nextLink": "https://..."}.
 *
 * A page begins at a continuation of the store, which clients pass as $skipToken in base64url.
 * nextLink is the request's own URL with the token of the next page.
 */
#ifndef API_LISTING_H
#define API_LISTING_H

#include "api/api.h"
#include "api/http/answer.h"
#include "api/http/request.h"

/* Makes an item's view; NULL leaves it out (the function has logged why). New reference. */
typedef struct json_object *listing_view_f(struct api *api, struct json_object *document);

/* Adds the view of an item that comes as text (as_text of a store operation), or nothing. */
typedef void listing_text_f(struct api *api, const struct store_item *item,
                            struct text_buffer *page);

/* The function that makes views: one of the two. Text is faster, for long lists. */
struct listing_view {
    listing_view_f *document;
    listing_text_f *text;
};

/* Runs `query` with the request's limit and $skipToken and answers with the page. */
void listing_answer(struct api *api, struct request *request, struct store_query *query,
                    struct listing_view view, struct answer *answer);

/* base64url without padding (RFC 4648, 5) of a text, and back; the caller frees. NULL if it is
 * invalid. */
char *listing_encode_token(const char *continuation);
char *listing_decode_token(const char *token);

/* The request's URL with `token` as its $skipToken. The caller frees; NULL without memory. */
char *listing_next_link(const struct request *request, const char *token);

#endif
