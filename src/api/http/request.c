/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - reads query parameters, tickets and keys of a request. */
#include "api/http/request.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/http/route.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"
#include "mimo/store.h"
#include "mimo/text.h"

#define QUERY_NAME(constant, name, help) [constant] = {name, help},
static const struct {
    const char *name;
    const char *help;
} parameters[QUERY_COUNT] = {QUERY_PARAMETERS(QUERY_NAME)};
#undef QUERY_NAME

const char *query_parameter_name(enum query_parameter parameter)
{
    return parameters[parameter].name;
}

const char *query_parameter_help(enum query_parameter parameter)
{
    return parameters[parameter].help;
}

static int find_parameter(const char *name)
{
    for (int i = 0; i < QUERY_COUNT; i++)
        if (strcasecmp(name, parameters[i].name) == 0)
            return i;
    return -1;
}

static int take_parameter(struct request *request, unsigned known, const char *name,
                          const char *value, struct answer *answer)
{
    int parameter = find_parameter(name);
    if (parameter < 0 || !(known & QUERY_BIT(parameter)))
        return 0;
    const char *proper = parameters[parameter].name;
    if (request->query[parameter])
        return answer_refuse(answer, API_INVALID_PARAMETER, proper,
                             "parameter %s was given more than once", proper);
    if (!text_is_clean(value))
        return answer_refuse(answer, API_INVALID_PARAMETER, proper,
                             "parameter %s is not UTF-8 text without control characters", proper);
    request->query[parameter] = value;
    return 0;
}

int request_parse_query(struct request *request, unsigned known, struct answer *answer)
{
    const char *at = strchr(request->target, '?');
    if (!at)
        return 0;
    at++;
    /* Decoding only shortens; each of the pieces gets its NUL where "=" or "&" stood. */
    size_t left = strlen(at) + 2;
    char *buffer = request->query_text = malloc(left);
    if (!buffer)
        return answer_no_memory(answer);
    for (;;) {
        size_t length = strcspn(at, "&");
        size_t name_length = strcspn(at, "=&");
        char *name = buffer;
        if (wire_decode(at, name_length, true, name, left) < 0)
            return answer_refuse(answer, API_MALFORMED_REQUEST, NULL,
                                 "the query cannot be decoded");
        size_t used = strlen(name) + 1;
        buffer += used;
        left -= used;
        const char *value = "";
        if (name_length < length) {
            if (wire_decode(at + name_length + 1, length - name_length - 1, true, buffer, left) < 0)
                return answer_refuse(answer, API_MALFORMED_REQUEST, NULL,
                                     "the query cannot be decoded");
            value = buffer;
            used = strlen(buffer) + 1;
            buffer += used;
            left -= used;
        }
        if (take_parameter(request, known, name, value, answer) < 0)
            return -1;
        at += length;
        if (*at++ == '\0')
            return 0;
    }
}

int request_check_api_version(const struct request *request, struct answer *answer)
{
    const char *version = request->query[QUERY_API_VERSION];
    if (version && strcmp(version, "admin") == 0)
        return 0;
    return answer_refuse(answer, API_INVALID_API_VERSION, "api-version",
                         "every request needs the parameter api-version=admin");
}

int request_limit(const struct request *request, size_t *ret_limit, struct answer *answer)
{
    const char *text = request->query[QUERY_LIMIT];
    *ret_limit = REQUEST_PAGE_DEFAULT;
    if (!text)
        return 0;
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < 1 || value > STORE_PAGE_MAXIMUM)
        return answer_refuse(answer, API_INVALID_PARAMETER, "limit",
                             "\"%.64s\" is not a whole number from 1 to %d", text,
                             STORE_PAGE_MAXIMUM);
    *ret_limit = value;
    return 0;
}

int request_time(const struct request *request, enum query_parameter parameter, int64_t *ret_time,
                 struct answer *answer)
{
    const char *text = request->query[parameter];
    char *end;
    struct error error;
    *ret_time = 0;
    if (!text)
        return 0;
    errno = 0;
    if (text[0] >= '0' && text[0] <= '9') {
        *ret_time = strtoll(text, &end, 10);
        if (*end == '\0' && errno == 0 && *ret_time <= CLOCK_MAXIMUM)
            return 0;
    }
    if (clock_parse(text, ret_time, &error) == 0)
        return 0;
    return answer_refuse(answer, API_INVALID_PARAMETER, parameters[parameter].name,
                         "\"%.64s\" is neither Unix seconds nor a time such as "
                         "2026-11-30T00:00:00Z",
                         text);
}

int request_uuid(const struct request *request, enum query_parameter parameter, char *buffer,
                 struct answer *answer)
{
    const char *text = request->query[parameter];
    buffer[0] = '\0';
    if (!text)
        return 0;
    if (!uuid_is_valid(text))
        return answer_refuse(answer, API_INVALID_PARAMETER, parameters[parameter].name,
                             "\"%.64s\" is not a UUID", text);
    for (size_t i = 0; i < UUID_SIZE; i++)
        buffer[i] = (char)tolower((unsigned char)text[i]);
    return 0;
}

int request_flag(const struct request *request, enum query_parameter parameter, bool *ret_flag,
                 struct answer *answer)
{
    const char *text = request->query[parameter];
    *ret_flag = text && strcasecmp(text, "true") == 0;
    if (!text || *ret_flag || strcasecmp(text, "false") == 0)
        return 0;
    return answer_refuse(answer, API_INVALID_PARAMETER, parameters[parameter].name,
                         "\"%.64s\" is neither true nor false", text);
}

static int refuse_state(const char *name, size_t length, struct answer *answer)
{
    char known[256] = "";
    for (int state = 0; state < MANIFEST_STATE_COUNT; state++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
                 manifest_state_name(state));
    }
    return answer_refuse(answer, API_INVALID_PARAMETER, "state",
                         "\"%.*s\" is not a state; states are %s", length > 64 ? 64 : (int)length,
                         name, known);
}

int request_states(const struct request *request, unsigned *ret_states, struct answer *answer)
{
    *ret_states = 0;
    const char *at = request->query[QUERY_STATE];
    while (at) {
        size_t length = strcspn(at, ",");
        char name[32];
        enum manifest_state state;
        if (length >= sizeof(name))
            return refuse_state(at, length, answer);
        memcpy(name, at, length);
        name[length] = '\0';
        if (!manifest_state_parse(name, &state))
            return refuse_state(at, length, answer);
        *ret_states |= MANIFEST_STATE_BIT(state);
        at = at[length] ? at + length + 1 : NULL;
    }
    return 0;
}

/* A ticket in a body is a string or, as scripts send it, a number. */
static int icm_of_body(const struct json_object *body, char *buffer, size_t size,
                       struct answer *answer)
{
    const struct json_object *icm = document_get(body, "icm");
    if (!icm)
        return 0;
    if (document_is_integer(icm)) {
        snprintf(buffer, size, "%lld", (long long)document_number(icm));
        return 0;
    }
    const char *text = document_text(icm);
    if (!text || strlen(text) >= size || !text_is_clean(text))
        return answer_refuse(answer, API_INVALID_PARAMETER, "icm",
                             "member \"icm\" must be a number or a text of at most %zu bytes, "
                             "without control and invisible characters",
                             size - 1);
    snprintf(buffer, size, "%s", text);
    return 0;
}

int request_find_icm(struct request *request, const char *header, struct answer *answer)
{
    if (icm_of_body(request->body, request->icm, sizeof(request->icm), answer) < 0)
        return -1;
    const char *text = request->query[QUERY_ICM] ? request->query[QUERY_ICM] : header;
    if (request->icm[0] || !text)
        return 0;
    if (strlen(text) >= sizeof(request->icm) || !text_is_clean(text))
        return answer_refuse(answer, API_INVALID_PARAMETER, "icm",
                             "the ticket must be a text of at most %zu bytes, without control "
                             "and invisible characters",
                             sizeof(request->icm) - 1);
    snprintf(request->icm, sizeof(request->icm), "%s", text);
    return 0;
}

int request_take_key(struct request *request, const char *header, struct answer *answer)
{
    if (!header || route_only_reads(request->route))
        return 0;
    if (!request->route->keyed)
        return answer_refuse(answer, API_INVALID_PARAMETER, "Idempotency-Key",
                             "this request takes no Idempotency-Key; it may be repeated without "
                             "one: what was done already is not done again");
    size_t length = strcspn(header, " \t");
    if (length == 0 || length >= sizeof(request->idempotency_key) ||
        header[length + strspn(header + length, " \t")] != '\0')
        return answer_refuse(answer, API_INVALID_PARAMETER, "Idempotency-Key",
                             "the key must have 1 to %zu printable characters and no spaces; a "
                             "UUID is a good one",
                             sizeof(request->idempotency_key) - 1);
    for (size_t i = 0; i < length; i++)
        if (header[i] <= ' ' || header[i] > '~')
            return answer_refuse(answer, API_INVALID_PARAMETER, "Idempotency-Key",
                                 "the key must be of printable ASCII characters");
    memcpy(request->idempotency_key, header, length);
    request->idempotency_key[length] = '\0';
    return 0;
}

void request_free(struct request *request)
{
    free(request->target);
    free(request->query_text);
    json_object_put(request->body);
    *request = (struct request){0};
}
