/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.c - requests to the Admin API, its JSON answers, and its refusals as errors.
 */
#include "ctl/client/api.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/http.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

#define API_VERSION_QUERY "?api-version=admin"

/* Items of one page at most: an item with its history is large, and the size of an answer is
 * limited. */
enum { PAGE_ITEMS = 200 };

void query_add(struct query *query, const char *name, const char *value)
{
    if (!value || query->failed)
        return;
    char *escaped = curl_easy_escape(NULL, value, 0);
    char *longer = NULL;
    if (!escaped ||
        asprintf(&longer, "%s&%s=%s", query->text ? query->text : "", name, escaped) < 0) {
        query->failed = true;
    } else {
        free(query->text);
        query->text = longer;
    }
    curl_free(escaped);
}

void query_add_number(struct query *query, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, value);
    query_add(query, name, text);
}

/* ---- answers ---- */

static void cleanup_answer_function(struct http_answer *answer)
{
    http_answer_free(answer);
}
#define cleanup_http_answer __attribute__((cleanup(cleanup_answer_function)))

/* The reason in WWW-Authenticate, such as "invalid_token: the token is not known"; "" without
 * one. */
static void read_challenge(const char *challenge, char *buffer, size_t size)
{
    static const char key[] = "error_description=\"";
    const char *start = strstr(challenge, key);
    buffer[0] = '\0';
    if (!start)
        return;
    start += strlen(key);
    snprintf(buffer, size, " (%.*s)", (int)strcspn(start, "\""), start);
}

/* Statuses with a special meaning, and the error kinds they become. Every other 4xx is a
 * refusal. */
static enum error_kind kind_of_status(long status)
{
    switch (status) {
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
    case 412:
        return ERROR_CONFLICT;
    case 408:
    case 429:
        return ERROR_UNAVAILABLE;
    default:
        return status >= 500 ? ERROR_UNAVAILABLE : ERROR_DENIED;
    }
}

/* The answer does not come from an Admin API: from a proxy, for example. */
static int explain_stranger(const struct connection *connection, const struct http_answer *answer,
                            struct error *error)
{
    if (answer->status >= 300 && answer->status < 400)
        return error_set(error, ERROR_UNAVAILABLE,
                         "%s (%s) redirects to %s; mimoctl follows no redirects: give the address "
                         "of the Admin API itself",
                         connection->url, connection->url_from,
                         answer->location[0] ? answer->location : "nowhere");
    return error_set(error, ERROR_UNAVAILABLE,
                     "%s (%s) answers %ld without the JSON of an Admin API (%s); check the "
                     "address",
                     connection->url, connection->url_from, answer->status,
                     answer->content_type[0] ? answer->content_type : "no content type");
}

static int explain_login(const struct connection *connection, const struct http_answer *answer,
                         struct error *error)
{
    char reason[HTTP_FIELD_SIZE], login[CONNECTION_LOGIN_SIZE];
    read_challenge(answer->challenge, reason, sizeof(reason));
    return error_set(error, ERROR_UNAVAILABLE,
                     "%s (%s) does not accept %s%s; check that it has not expired and is meant "
                     "for this region",
                     connection->url, connection->url_from, connection_login(connection, login),
                     reason);
}

/* An endpoint, or a method of one, that this Admin API does not have. */
static bool lacks_endpoint(const char *code, const char *target)
{
    return strcmp(code, "MethodNotAllowed") == 0 || strcmp(code, "NotImplemented") == 0 ||
           (strcmp(code, "NotFound") == 0 && strcmp(target, API_TARGET_ENDPOINT) == 0);
}

/* What the Admin API calls by the name of a member, parameter or header, and who runs mimoctl gave
 * as an option. */
static const struct {
    const char *target;
    enum option_id option;
} options_by_target[] = {
    {"Idempotency-Key", OPTION_IDEMPOTENCY_KEY},
    {"kubeconfig", OPTION_KUBECONFIG},
    {"maintenanceTaskID", OPTION_TASK},
    {"parameters", OPTION_PARAMETERS},
    {"priority", OPTION_PRIORITY},
    {"properties", OPTION_PROPERTIES},
    {"properties.operatorFlags", OPTION_OPERATOR_FLAGS},
    {"runAfter", OPTION_RUN_AFTER},
    {"runBefore", OPTION_RUN_BEFORE},
    {"x-mimo-icm", OPTION_ICM},
};

/* A refusal of what an option gave, in terms of that option; of anything else as the server says
 * it. */
static int explain_target(const struct ctl *ctl, const char *target, const char *message,
                          enum error_kind kind, struct error *error)
{
    const size_t count = sizeof(options_by_target) / sizeof(options_by_target[0]);
    size_t i = 0;
    while (i < count && strcmp(options_by_target[i].target, target) != 0)
        i++;
    const char *value = i < count ? ctl->options.values[options_by_target[i].option] : NULL;
    if (!value)
        return error_set(error, kind, "%s: %s", target, message);
    if (options_by_target[i].option == OPTION_TASK)
        return error_set(error, kind, API_NO_TASK, value);
    return error_set(error, kind, "--%s: %s", option_descriptions[options_by_target[i].option].name,
                     message);
}

/* An error that the Admin API reports: its message, and the request ID to look up in the server's
 * log. */
static int explain_refusal(const struct ctl *ctl, const struct http_answer *answer,
                           const struct json_object *body, struct api_answer *ret_answer,
                           struct error *error)
{
    const struct connection *connection = &ctl->connection;
    const char *code = document_string(body, "error.code", "");
    const char *message = document_string(body, "error.message", "");
    const char *target = document_string(body, "error.target", "");
    enum error_kind kind = kind_of_status(answer->status);
    snprintf(ret_answer->target, sizeof(ret_answer->target), "%s", target);
    snprintf(ret_answer->refusal, sizeof(ret_answer->refusal), "%s", message);
    char login[CONNECTION_LOGIN_SIZE];
    ret_answer->lacks_endpoint = lacks_endpoint(code, target);
    if (ret_answer->lacks_endpoint)
        return error_set(error, ERROR_DENIED,
                         "%s (%s) does not support this: its mimo-api is older than this mimoctl "
                         "(%s); update mimo-api there",
                         connection->url, connection->url_from, message);
    if (answer->status == 403)
        return error_set(error, kind, "%s; logged in with %s", message,
                         connection_login(connection, login));
    if (answer->status >= 500 || kind == ERROR_UNAVAILABLE)
        return error_set(error, kind, "%s (%s) cannot answer now: %ld %s: %s (request %s)",
                         connection->url, connection->url_from, answer->status, code, message,
                         answer->request_id[0] ? answer->request_id : "without id");
    if (target[0] && answer->status != 409) /* of a conflict it says with what, not what is wrong */
        return explain_target(ctl, target, message, kind, error);
    return error_set(error, kind, "%s", message[0] ? message : code);
}

static int judge(const struct ctl *ctl, const struct http_answer *answer,
                 struct api_answer *ret_answer, struct error *error)
{
    const struct connection *connection = &ctl->connection;
    if (answer->status == 401)
        return explain_login(connection, answer, error);
    if (answer->status == 204 || (answer->status == 202 && answer->length == 0)) {
        *ret_answer = (struct api_answer){.status = answer->status};
        return 0;
    }
    cleanup_json struct json_object *body = document_parse(answer->body, answer->length, NULL);
    if (!body)
        return explain_stranger(connection, answer, error);
    if (answer->status >= 200 && answer->status < 300) {
        *ret_answer = (struct api_answer){.status = answer->status,
                                          .body = take_pointer(&body),
                                          .replayed = strcmp(answer->replayed, "true") == 0};
        return 0;
    }
    if (!document_get(body, "error.code"))
        return explain_stranger(connection, answer, error);
    return explain_refusal(ctl, answer, body, ret_answer, error);
}

/* ---- requests ---- */

static int connect_once(struct ctl *ctl, struct error *error)
{
    if (ctl->connection.http)
        return 0;
    const char *const *values = ctl->options.values;
    const struct connection_options options = {
        .url = values[OPTION_URL],
        .location = values[OPTION_LOCATION],
        .token_file = values[OPTION_TOKEN_FILE],
        .cert = values[OPTION_CERT],
        .key = values[OPTION_KEY],
        .cacert = values[OPTION_CACERT],
        .verbose = values[OPTION_VERBOSE] != NULL,
        .hurried = ctl->hurried,
    };
    return connection_open(&ctl->connection, &options, error);
}

/* Tickets and keys travel in a header, so each is one word of visible ASCII. */
static int check_word(enum option_id option, const char *word, struct error *error)
{
    const char *name = option_descriptions[option].name;
    for (const char *c = word; c && *c; c++)
        if (*c < '!' || *c > '~')
            return error_set(error, ERROR_INVALID,
                             "--%s: \"%s\" must be printable ASCII without blanks", name, word);
    if (word && (word[0] == '\0' || strlen(word) > 128))
        return error_set(error, ERROR_INVALID, "--%s: 1 to 128 characters", name);
    return 0;
}

/* One request; `target` is complete. */
static int call_target(struct ctl *ctl, const char *method, const char *target,
                       const struct json_object *body, const char *key,
                       struct api_answer *ret_answer, struct error *error)
{
    const char *icm = ctl->options.values[OPTION_ICM];
    cleanup_free char *text = body ? document_format(body) : NULL;
    *ret_answer = (struct api_answer){0};
    if (body && !text)
        return error_set_system(error, ENOMEM, "request");
    if (check_word(OPTION_ICM, icm, error) < 0 ||
        check_word(OPTION_IDEMPOTENCY_KEY, key, error) < 0 || connect_once(ctl, error) < 0)
        return -1;
    const struct http_request request = {
        .method = method, .target = target, .body = text, .icm = icm, .key = key};
    cleanup_http_answer struct http_answer answer = {0};
    if (http_perform(&ctl->connection, &request, &answer, error) < 0)
        return -1;
    ret_answer->status = answer.status;
    return judge(ctl, &answer, ret_answer, error);
}

bool api_is_conflict(const struct api_answer *answer, const char *target)
{
    return answer->status == 409 && strcmp(answer->target, target) == 0;
}

static char *make_target(const char *path, const struct query *query, struct error *error)
{
    char *target;
    if ((query && query->failed) || asprintf(&target, "%s" API_VERSION_QUERY "%s", path,
                                             query && query->text ? query->text : "") < 0) {
        error_set_system(error, ENOMEM, "request");
        return NULL;
    }
    return target;
}

int api_call(struct ctl *ctl, const struct api_request *request, struct api_answer *ret_answer,
             struct error *error)
{
    cleanup_free char *target = make_target(request->path, request->query, error);
    *ret_answer = (struct api_answer){0};
    if (!target)
        return -1;
    return call_target(ctl, request->method, target, request->body, request->key, ret_answer,
                       error);
}

int api_get(struct ctl *ctl, const char *path, const struct query *query,
            struct json_object **ret_object, struct error *error)
{
    const struct api_request request = {.method = "GET", .path = path, .query = query};
    struct api_answer answer;
    if (api_call(ctl, &request, &answer, error) < 0)
        return -1;
    if (!answer.body)
        return error_set(error, ERROR_UNAVAILABLE, "%s answers without a body", path);
    *ret_object = answer.body;
    return 0;
}

/* ---- pages ---- */

/* Stores path and query of nextLink in *ret_target, NULL when there is no next page. The host in
 * the link is ignored: the request carries the token, so it goes to the connected address only. */
static int next_target(const struct json_object *page, const char *target, char **ret_target,
                       struct error *error)
{
    const char *link = document_string(page, "nextLink", NULL);
    const char *scheme_end = link ? strstr(link, "://") : NULL;
    const char *path = scheme_end ? strchr(scheme_end + strlen("://"), '/') : link;
    *ret_target = NULL;
    if (!link)
        return 0;
    if (!path || path[0] != '/' || strcmp(path, target) == 0)
        return error_set(error, ERROR_UNAVAILABLE,
                         "the Admin API answers with an invalid nextLink: %s", link);
    *ret_target = strdup(path);
    return *ret_target ? 0 : error_set_system(error, ENOMEM, "request");
}

/* Appends the wanted items of a page, up to the limit. Returns true when the page has more of
 * them. */
static bool take_items(const struct api_listing *listing, struct json_object *page,
                       struct json_object *items)
{
    size_t position;
    struct json_object *item;
    document_foreach_item(document_member(page, "value"), position, item) {
        if (listing->keep && !listing->keep(item, listing->context))
            continue;
        if (listing->limit > 0 && document_length(items) >= (size_t)listing->limit)
            return true;
        document_append(items, json_object_get(item));
    }
    return false;
}

/* The target of the first page. It asks for no more items than are wanted, unless some are dropped
 * here. */
static char *first_target(const struct api_listing *listing, struct error *error)
{
    cleanup_query struct query query = {0};
    bool few = listing->limit > 0 && listing->limit < PAGE_ITEMS && !listing->keep;
    if (listing->query && listing->query->text) {
        query.text = strdup(listing->query->text);
        query.failed = listing->query->failed || !query.text;
    }
    query_add_number(&query, "limit", few ? listing->limit : PAGE_ITEMS);
    return make_target(listing->path, &query, error);
}

/* Reads one page into `items`. *target becomes that of the next page, or NULL. */
static int take_page(struct ctl *ctl, const struct api_listing *listing, char **target,
                     struct json_object *items, bool *ret_more, struct error *error)
{
    struct api_answer answer;
    char *next;
    if (call_target(ctl, "GET", *target, NULL, NULL, &answer, error) < 0)
        return -1;
    cleanup_json struct json_object *page = answer.body;
    if (!document_is_array(document_member(page, "value")))
        return error_set(error, ERROR_UNAVAILABLE,
                         "%s answers without \"value\"; check that this is an Admin API of this "
                         "version",
                         listing->path);
    if (next_target(page, *target, &next, error) < 0)
        return -1;
    free(*target);
    *target = next;
    *ret_more = take_items(listing, page, items);
    if (next && !listing->keep && listing->limit > 0 &&
        document_length(items) >= (size_t)listing->limit)
        *ret_more = true;
    return 0;
}

int api_list(struct ctl *ctl, const struct api_listing *listing, struct json_object **ret_items,
             bool *ret_more, struct error *error)
{
    cleanup_json struct json_object *items = json_object_new_array();
    cleanup_free char *target = first_target(listing, error);
    bool more = false;
    if (!target)
        return -1;
    while (target && !more)
        if (take_page(ctl, listing, &target, items, &more, error) < 0)
            return -1;
    if (ret_more)
        *ret_more = more;
    *ret_items = take_pointer(&items);
    return 0;
}
