/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - one request and its answer. */
#include "api/http/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/http/forwarded.h"
#include "api/http/routes.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/text.h"

/* While its handler works, a body takes this many times its length: text, tree, copy, new text. */
enum { BODY_WORK = 4 };

static void set_client(struct exchange *exchange, const struct in6_addr *address)
{
    exchange->has_address = true;
    exchange->address = *address;
    network_address_format(address, exchange->request.client);
}

struct exchange *exchange_new(struct api *api, const char *target, const char *peer,
                              const struct in6_addr *address)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    char *copy = strdup(target);
    if (!exchange || !copy) {
        free(exchange);
        free(copy);
        return NULL;
    }
    exchange->api = api;
    exchange->started = clock_monotonic();
    exchange->request.target = copy;
    uuid_make(exchange->request.request_id);
    snprintf(exchange->peer, sizeof(exchange->peer), "%s", peer);
    if (address)
        set_client(exchange, address);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    request_free(&exchange->request);
    answer_free(&exchange->answer);
    free(exchange->body);
    budget_hold(&exchange->api->budget, &exchange->held, 0);
    free(exchange);
}

/* application/json, with no other charset than UTF-8. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    if (!type || strncasecmp(type, json, sizeof(json) - 1) != 0)
        return false;
    const char *rest = type + sizeof(json) - 1;
    rest += strspn(rest, " \t");
    if (*rest != ';')
        return *rest == '\0';
    const char *charset = strcasestr(rest, "charset=");
    if (!charset)
        return true;
    charset += strlen("charset=");
    charset += *charset == '"';
    return strncasecmp(charset, "utf-8", strlen("utf-8")) == 0;
}

static int judge_body(const struct route *route, const struct wire *wire, struct answer *answer)
{
    long long length;
    bool present = wire_has_body(wire, &length);
    if (route->body == BODY_NONE && present)
        return answer_refuse(answer, API_MALFORMED_REQUEST, NULL, "this request takes no body");
    if (route->body == BODY_REQUIRED && !present)
        return answer_refuse(answer, API_INVALID_CONTENT, NULL,
                             "the request has no body; it must be a JSON object");
    if (present && !is_json(wire->fields[WIRE_CONTENT_TYPE]))
        return answer_refuse(answer, API_UNSUPPORTED_MEDIA_TYPE, "Content-Type",
                             "the body must be JSON in UTF-8: Content-Type: application/json");
    if (length > REQUEST_BODY_MAXIMUM)
        return answer_refuse(answer, API_TOO_LARGE, NULL,
                             "the body has %lld bytes; at most %d are allowed", length,
                             REQUEST_BODY_MAXIMUM);
    return 0;
}

/* The client's own id is echoed if it is valid in a header. */
static void take_client_request_id(struct request *request, const char *id)
{
    if (!id || strlen(id) >= sizeof(request->client_request_id))
        return;
    for (const char *at = id; *at; at++)
        if (*at < ' ' || *at > '~')
            return;
    snprintf(request->client_request_id, sizeof(request->client_request_id), "%s", id);
}

/* Finds the client's address and the URL that it uses: links in answers must not bypass the
 * proxy. */
static void find_client(struct exchange *exchange, const struct wire *wire)
{
    struct request *request = &exchange->request;
    struct forwarded forwarded = {.has_client = false};
    const char *host = wire->fields[WIRE_HOST];
    if (exchange->has_address && network_list_has(&exchange->api->proxies, &exchange->address))
        forwarded_read(wire->fields, &exchange->api->proxies, &forwarded);
    if (forwarded.has_client) {
        exchange->via_proxy = true;
        set_client(exchange, &forwarded.client);
    }
    request->scheme = exchange->api->config->api_tls == API_TLS_ON ? "https" : "http";
    if (forwarded.scheme)
        request->scheme = forwarded.scheme;
    if (forwarded.host[0])
        host = forwarded.host;
    snprintf(request->host, sizeof(request->host), "%s", host ? host : "");
    request->host[strcspn(request->host, " \t")] = '\0';
}

int exchange_judge(struct exchange *exchange, const struct wire *wire, const char *method,
                   size_t header_block)
{
    struct request *request = &exchange->request;
    struct answer *answer = &exchange->answer;
    snprintf(exchange->method, sizeof(exchange->method), "%s", method);
    take_client_request_id(request, wire->fields[WIRE_CLIENT_REQUEST_ID]);
    exchange->icm_header = wire->fields[WIRE_ICM];
    exchange->expects_continue = wire->fields[WIRE_EXPECT] != NULL;
    find_client(exchange, wire);

    if (wire_check(wire, method, header_block, answer) < 0 ||
        route_find(method, request, answer) < 0)
        return -1;
    const struct route *route = request->route;
    const struct credentials credentials = {.authorization = wire->fields[WIRE_AUTHORIZATION],
                                            .certificates = exchange->certificates,
                                            .certificate_count = exchange->certificate_count,
                                            .request_id = request->request_id};
    if (auth_check(exchange->api->auth, &credentials, route->role, &request->actor, answer) < 0 ||
        request_parse_query(request, route->query, answer) < 0 ||
        (route->role != ROLE_NONE && request_check_api_version(request, answer) < 0) ||
        request_take_key(request, wire->fields[WIRE_IDEMPOTENCY_KEY], answer) < 0)
        return -1;
    return judge_body(route, wire, answer);
}

bool exchange_answers_early(const struct exchange *exchange, long long body_length)
{
    return exchange->answer.status != 0 && (exchange->expects_continue || exchange->answer.close ||
                                            body_length > EXCHANGE_DISCARD_MAXIMUM);
}

static int grow_body(struct exchange *exchange, size_t needed)
{
    if (needed <= exchange->body_capacity)
        return 0;
    size_t capacity = exchange->body_capacity ? 2 * exchange->body_capacity : 4096;
    if (capacity < needed)
        capacity = needed;
    if (!budget_hold(&exchange->api->budget, &exchange->held, capacity))
        return answer_busy(&exchange->answer);
    char *body = realloc(exchange->body, capacity);
    if (!body)
        return answer_no_memory(&exchange->answer);
    exchange->body = body;
    exchange->body_capacity = capacity;
    return 0;
}

int exchange_take(struct exchange *exchange, const char *data, size_t length)
{
    if (exchange->answer.status == 0 && exchange->body_length + length > REQUEST_BODY_MAXIMUM)
        answer_refuse(&exchange->answer, API_TOO_LARGE, NULL, "the body has more than %d bytes",
                      REQUEST_BODY_MAXIMUM);
    if (exchange->answer.status == 0 && grow_body(exchange, exchange->body_length + length) == 0) {
        memcpy(exchange->body + exchange->body_length, data, length);
        exchange->body_length += length;
        return 0;
    }
    exchange->discarded += length;
    return exchange->discarded > EXCHANGE_DISCARD_MAXIMUM ? -1 : 0;
}

static int parse_body(struct exchange *exchange)
{
    struct error error;
    const struct route *route = exchange->request.route;
    if (route->body == BODY_NONE || (route->body == BODY_OPTIONAL && exchange->body_length == 0))
        return 0;
    if (!budget_hold(&exchange->api->budget, &exchange->held, BODY_WORK * exchange->body_length))
        return answer_busy(&exchange->answer);
    size_t length = exchange->body_length;
    const char *text = text_skip_mark(exchange->body ? exchange->body : "", &length);
    exchange->request.body = document_parse(text, length, &error);
    if (!exchange->request.body)
        return answer_error(&exchange->answer, API_INVALID_CONTENT, NULL, &error);
    free(take_pointer(&exchange->body));
    exchange->body_length = exchange->body_capacity = 0;
    return 0;
}

void exchange_serve(struct exchange *exchange, bool closing)
{
    struct request *request = &exchange->request;
    struct answer *answer = &exchange->answer;
    const struct route *route = request->route;
    if ((!route->first || route->first(exchange->api, request, answer) == 0) &&
        parse_body(exchange) == 0 &&
        (route_only_reads(request->route) ||
         request_find_icm(request, exchange->icm_header, answer) == 0))
        route->handle(exchange->api, request, answer);
    exchange_finish(exchange, closing);
}

/* Texts of the client are quoted and escaped, so that they cannot imitate another field. */
static void write_access_line(const struct exchange *exchange)
{
    char method[4 * sizeof(exchange->method)], target[1024], actor[ACTOR_NAME_SIZE * 4];
    const struct request *request = &exchange->request;
    log_info("\"%s %s\" %d %lld ms actor=\"%s\" request=%s client=%s%s%s",
             log_quote(method, sizeof(method), exchange->method),
             log_quote(target, sizeof(target), request->target), exchange->status,
             (long long)clock_elapsed(exchange->started),
             log_quote(actor, sizeof(actor), request->actor.name), request->request_id,
             exchange->via_proxy ? request->client : exchange->peer,
             exchange->via_proxy ? " via=" : "", exchange->via_proxy ? exchange->peer : "");
}

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    /* fails only when out of memory, or for a value that is invalid in a header: then omit it */
    if (value && value[0])
        (void)MHD_add_response_header(exchange->response, name, value);
}

/* The body as text, which the caller frees. NULL without memory. */
static char *take_text(struct answer *answer, size_t *ret_length)
{
    *ret_length = answer->text.length;
    if (answer->text.text)
        return take_pointer(&answer->text.text);
    char *text = answer->body ? document_format(answer->body) : NULL;
    *ret_length = text ? strlen(text) : 0;
    return text;
}

/* The answer's body as text within the budget; what is larger becomes a 503. */
static char *take_granted_text(struct exchange *exchange, size_t *ret_length)
{
    char *text = take_text(&exchange->answer, ret_length);
    if (!text || budget_hold(&exchange->api->budget, &exchange->held, *ret_length))
        return text;
    free(text);
    answer_busy(&exchange->answer);
    text = take_text(&exchange->answer, ret_length);
    budget_hold(&exchange->api->budget, &exchange->held, text ? *ret_length : 0);
    return text;
}

static struct MHD_Response *make_static_response(const char *text, size_t length)
{
    return MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
}

/* The response with the answer's body; when out of memory, a static error. */
static struct MHD_Response *make_response(struct exchange *exchange)
{
    static const char no_memory[] =
        "{\"error\":{\"code\":\"ServiceUnavailable\",\"message\":\"out of memory; try again in a few "
        "seconds\"}}";
    exchange->status = exchange->answer.status;
    if (exchange->status == 204)
        return make_static_response("", 0);
    if (exchange->answer.shared_text)
        return make_static_response(exchange->answer.shared_text,
                                    strlen(exchange->answer.shared_text));
    size_t length;
    char *text = take_granted_text(exchange, &length);
    exchange->status = exchange->answer.status;
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE) : NULL;
    if (response)
        return response;
    free(text);
    exchange->status = 503;
    exchange->answer.retry_later = true;
    return make_static_response(no_memory, sizeof(no_memory) - 1);
}

void exchange_finish(struct exchange *exchange, bool closing)
{
    char seconds[16];
    const struct answer *answer = &exchange->answer;
    exchange->response = make_response(exchange);
    if (exchange->response) {
        if (exchange->status != 204)
            add_header(exchange, "Content-Type", "application/json");
        add_header(exchange, "x-ms-request-id", exchange->request.request_id);
        add_header(exchange, "x-ms-client-request-id", exchange->request.client_request_id);
        add_header(exchange, "Cache-Control", "no-store");
        add_header(exchange, "WWW-Authenticate", answer->challenge);
        add_header(exchange, "Allow", answer->allow);
        snprintf(seconds, sizeof(seconds), "%d", ANSWER_RETRY_AFTER);
        add_header(exchange, "Retry-After", answer->retry_later ? seconds : NULL);
        add_header(exchange, "Idempotent-Replayed", answer->replayed ? "true" : NULL);
        add_header(exchange, "Connection", closing || answer->close ? "close" : NULL);
    }
    write_access_line(exchange);
}
