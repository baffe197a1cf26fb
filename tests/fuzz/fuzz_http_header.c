/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_http_header.c - the header of a request to the Admin API: the rules of wire.c, the route,
 * the parameters.
 *
 * It is cut into pieces as libmicrohttpd 0.9.75 cuts it: in place, line ends and separators
 * overwritten by NUL.
 */
#include "fuzz.h"

#include "api/endpoints/listing.h"
#include "api/http/request.h"
#include "api/http/routes.h"
#include "api/http/wire.h"
#include "mimo/log.h"
#include "mimo/resource_id.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_open("fuzz", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return 0;
}

static char *cut_line(char **at)
{
    char *line = *at;
    char *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *at = end + 1;
    *end = '\0';
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    return line;
}

static void promise_refusal(struct answer *answer)
{
    PROMISE(answer->status >= 400 && answer->status < 600);
    PROMISE(*document_string(answer->body, "error.code", ""));
    PROMISE(*document_string(answer->body, "error.message", ""));
    cleanup_free char *text = document_format(answer->body);
    PROMISE(text);
    answer_free(answer);
    *answer = (struct answer){0};
}

/* 0, or a refusal that says why. */
#define CHECKED(call)                                                                              \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            promise_refusal(&answer);                                                              \
        else                                                                                       \
            PROMISE(answer.status == 0);                                                           \
    } while (0)

static void check_parameters(struct request *request, const struct wire *wire)
{
    struct answer answer = {0};
    size_t limit = 1;
    int64_t time = 0;
    bool flag = false;
    unsigned states = 0;
    if (request_parse_query(request, (1u << QUERY_COUNT) - 1, &answer) < 0) {
        promise_refusal(&answer);
        return;
    }
    for (int i = 0; i < QUERY_COUNT; i++)
        PROMISE(!request->query[i] || text_is_clean(request->query[i]));
    CHECKED(request_check_api_version(request, &answer));
    CHECKED(request_limit(request, &limit, &answer));
    PROMISE(limit >= 1 && limit <= 1000);
    CHECKED(request_time(request, QUERY_SINCE, &time, &answer));
    CHECKED(request_flag(request, QUERY_FORCE, &flag, &answer));
    CHECKED(request_states(request, &states, &answer));
    CHECKED(request_find_icm(request, wire->fields[WIRE_ICM], &answer));
    PROMISE(text_is_clean(request->icm));
    if (request->route)
        CHECKED(request_take_key(request, wire->fields[WIRE_IDEMPOTENCY_KEY], &answer));
    if (request->query[QUERY_SKIP_TOKEN]) {
        cleanup_free char *token = listing_decode_token(request->query[QUERY_SKIP_TOKEN]);
        cleanup_free char *encoded = token ? listing_encode_token(token) : NULL;
        PROMISE(!token || encoded);
    }
    cleanup_free char *link = listing_next_link(request, "token");
    PROMISE(link && strstr(link, "token"));
}

static void check_route(struct request *request, const char *method)
{
    struct answer answer = {0};
    char normalized[RESOURCE_ID_SIZE];
    struct error error;
    if (route_find(method, request, &answer) < 0) {
        promise_refusal(&answer);
        request->route = NULL;
        return;
    }
    PROMISE(request->route && answer.status == 0);
    if (request->cluster[0]) {
        PROMISE(resource_id_normalize(request->cluster, normalized, &error) == 0);
        PROMISE(strcmp(normalized, request->cluster) == 0);
    }
}

static void check_target(const char *target)
{
    PROMISE(*target == '/' || strcmp(target, "*") == 0);
    PROMISE(strlen(target) <= WIRE_TARGET_MAXIMUM);
    for (const char *at = target; *at; at++)
        PROMISE(*at > ' ' && *at <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *buffer = fuzz_text(data, size);
    char *at = buffer;
    char *method = cut_line(&at);
    char *target = method ? strchr(method, ' ') : NULL;
    char *version = target ? strrchr(target + 1, ' ') : NULL;
    if (!version)
        return 0;
    *target++ = '\0';
    *version++ = '\0';
    struct request request = {.target = strdup(target), .scheme = "https"};
    struct answer answer = {0};
    struct wire wire;
    char *line;
    wire_begin(&wire, method, target, version, request.target);
    while ((line = cut_line(&at)) && line[0]) {
        char *value = strchr(line, ':');
        if (!value)
            break; /* libmicrohttpd answers itself */
        *value++ = '\0';
        value += strspn(value, " \t");
        wire_field(&wire, line, strlen(line), value, strlen(value));
    }
    if (wire_check(&wire, method, (size_t)(at - buffer), &answer) < 0) {
        promise_refusal(&answer);
    } else {
        long long length = 0;
        check_target(request.target);
        PROMISE(wire.count <= WIRE_HEADERS_MAXIMUM);
        PROMISE(!wire_has_body(&wire, &length) || length >= -1);
        check_route(&request, method);
        check_parameters(&request, &wire);
    }
    request_free(&request);
    return 0;
}
