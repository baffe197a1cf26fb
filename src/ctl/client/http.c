/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - one HTTPS request at a time, over libcurl.
 */
#include "ctl/client/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/client/interrupt.h"
#include "ctl/ctl.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/uuid.h"

enum { CONNECT_SECONDS = 10, REQUEST_SECONDS = 30, HURRIED_SECONDS = 2 };

struct http {
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

static void cleanup_headers_function(struct curl_slist **headers)
{
    curl_slist_free_all(*headers);
}
#define cleanup_headers __attribute__((cleanup(cleanup_headers_function)))

int http_open(struct http **ret_http, struct error *error)
{
    cleanup_free struct http *http = calloc(1, sizeof(*http));
    if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set_system(error, ENOMEM, "cannot start libcurl");
    http->curl = curl_easy_init();
    if (!http->curl)
        return error_set_system(error, ENOMEM, "cannot start libcurl");
    *ret_http = take_pointer(&http);
    return 0;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    curl_global_cleanup();
    free(http);
}

/* ---- what comes ---- */

/* CURLOPT_WRITEFUNCTION; a short count ends the transfer with CURLE_WRITE_ERROR. */
static size_t receive_body(char *data, size_t size, size_t count, void *context)
{
    struct http_answer *answer = context;
    size_t length = size * count;
    size_t needed = answer->length + length + 1;
    if (length > HTTP_ANSWER_MAXIMUM - answer->length)
        return 0;
    if (needed > answer->room) {
        size_t room = needed < 2 * answer->room ? 2 * answer->room : needed;
        char *body = realloc(answer->body, room);
        if (!body)
            return 0;
        answer->body = body;
        answer->room = room;
    }
    memcpy(answer->body + answer->length, data, length);
    answer->length += length;
    answer->body[answer->length] = '\0';
    return length;
}

/* Fields of the answer that are looked at, and where each goes. */
static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"Content-Type", offsetof(struct http_answer, content_type)},
    {"x-ms-request-id", offsetof(struct http_answer, request_id)},
    {"WWW-Authenticate", offsetof(struct http_answer, challenge)},
    {"Location", offsetof(struct http_answer, location)},
    {"Idempotent-Replayed", offsetof(struct http_answer, replayed)},
};

/* CURLOPT_HEADERFUNCTION; a line is not terminated by NUL. */
static size_t receive_header(char *line, size_t size, size_t count, void *context)
{
    size_t length = size * count;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t name_length = strlen(fields[i].name);
        if (length <= name_length || line[name_length] != ':' ||
            strncasecmp(line, fields[i].name, name_length) != 0)
            continue;
        const char *value = line + name_length + 1;
        const char *end = line + length;
        while (value < end && (*value == ' ' || *value == '\t'))
            value++;
        while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
            end--;
        snprintf((char *)context + fields[i].offset, HTTP_FIELD_SIZE, "%.*s", (int)(end - value),
                 value);
    }
    return length;
}

/* ---- what goes ---- */

static int add_header(struct curl_slist **headers, const char *name, const char *value,
                      struct error *error)
{
    cleanup_free char *line = NULL;
    if (asprintf(&line, "%s: %s", name, value) < 0) {
        line = NULL;
        return error_set_system(error, ENOMEM, "request");
    }
    struct curl_slist *longer = curl_slist_append(*headers, line);
    explicit_bzero(line, strlen(line));
    if (!longer)
        return error_set_system(error, ENOMEM, "request");
    *headers = longer;
    return 0;
}

static int add_authorization(const struct connection *connection, struct curl_slist **headers,
                             struct error *error)
{
    cleanup_free char *bearer = NULL;
    if (!connection->token)
        return 0;
    if (asprintf(&bearer, "Bearer %s", connection->token) < 0) {
        bearer = NULL;
        return error_set_system(error, ENOMEM, "request");
    }
    int result = add_header(headers, "Authorization", bearer, error);
    explicit_bzero(bearer, strlen(bearer));
    return result;
}

static int make_headers(const struct connection *connection, const struct http_request *request,
                        struct curl_slist **headers, struct error *error)
{
    char id[UUID_SIZE];
    uuid_make(id);
    if (add_authorization(connection, headers, error) < 0 ||
        add_header(headers, "Accept", "application/json", error) < 0 ||
        add_header(headers, "x-ms-client-request-id", id, error) < 0)
        return -1;
    if (request->icm && add_header(headers, "x-mimo-icm", request->icm, error) < 0)
        return -1;
    if (request->key && add_header(headers, "Idempotency-Key", request->key, error) < 0)
        return -1;
    if (request->body)
        return add_header(headers, "Content-Type", "application/json", error);
    return 0;
}

static int set_up(const struct connection *connection, const struct http_request *request,
                  const char *url, struct curl_slist *headers, struct http_answer *answer)
{
    CURL *curl = connection->http->curl;
    long connect_seconds = connection->hurried ? HURRIED_SECONDS : CONNECT_SECONDS;
    long request_seconds = connection->hurried ? HURRIED_SECONDS : REQUEST_SECONDS;
    curl_easy_reset(curl); /* keeps open connections */
    connection->http->reason[0] = '\0';
    bool good =
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, connection->http->reason) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "mimoctl/" PACKAGE_VERSION) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, request_seconds) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer) == CURLE_OK;
    if (good && connection->cacert)
        good = curl_easy_setopt(curl, CURLOPT_CAINFO, connection->cacert) == CURLE_OK;
    if (good && connection->cert) /* a key with a password is refused, not asked for */
        good = curl_easy_setopt(curl, CURLOPT_SSLCERT, connection->cert) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_SSLKEY, connection->key) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "") == CURLE_OK;
    if (good && request->body)
        good = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
    return good ? 0 : -1;
}

/* ---- what may go wrong ---- */

/* What to do about a failure of libcurl. */
static const char *advice(CURLcode code, const struct connection *connection)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "is the name right, and does this machine have a name server?";
    case CURLE_COULDNT_CONNECT:
        return "is mimo-api running there, and is the port right?";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return connection->cacert ? "is that the CA of this Admin API's certificate?"
                                  : "name the file of its CA with --cacert or MIMO_CACERT";
    case CURLE_SSL_CERTPROBLEM:
        return "are client certificate and key PEM, without a password, and made for each other?";
    case CURLE_SSL_CONNECT_ERROR:
        return "does it speak https there?";
    case CURLE_OPERATION_TIMEDOUT:
        return "it does not answer in time; a change may have been made all the same";
    case CURLE_WRITE_ERROR:
        return "the answer is larger than an Admin API's";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return "the connection broke; a change may have been made all the same";
    default:
        return "is that an Admin API?";
    }
}

static int explain(CURLcode code, const struct connection *connection, struct error *error)
{
    const char *reason = connection->http->reason;
    if (reason[0] == '\0')
        reason = curl_easy_strerror(code);
    error_set(error, ERROR_UNAVAILABLE, "cannot talk to %s (%s): %s; %s", connection->url,
              connection->url_from, reason, advice(code, connection));
    if (connection->cacert && code == CURLE_PEER_FAILED_VERIFICATION)
        error_prefix(error, "with the CA of %s (%s)", connection->cacert, connection->cacert_from);
    return -1;
}

int http_perform(const struct connection *connection, const struct http_request *request,
                 struct http_answer *ret_answer, struct error *error)
{
    cleanup_headers struct curl_slist *headers = NULL;
    cleanup_free char *url = NULL;
    *ret_answer = (struct http_answer){.body = calloc(1, 1), .room = 1};
    if (!ret_answer->body || asprintf(&url, "%s%s", connection->url, request->target) < 0) {
        http_answer_free(ret_answer);
        return error_set_system(error, ENOMEM, "request");
    }
    if (make_headers(connection, request, &headers, error) < 0) {
        http_answer_free(ret_answer);
        return -1;
    }
    if (set_up(connection, request, url, headers, ret_answer) < 0) {
        http_answer_free(ret_answer);
        return error_set(error, ERROR_SYSTEM, "libcurl does not do what is asked of it");
    }
    struct monotonic start = clock_monotonic();
    interrupt_change_begins(strcmp(request->method, "GET") != 0);
    CURLcode code = curl_easy_perform(connection->http->curl);
    interrupt_change_begins(false);
    if (code == CURLE_OK)
        curl_easy_getinfo(connection->http->curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    if (connection->verbose)
        ctl_say("%s %s: %ld in %" PRId64 " ms, request %s", request->method, url,
                ret_answer->status, clock_elapsed(start),
                ret_answer->request_id[0] ? ret_answer->request_id : "without id");
    if (code != CURLE_OK) {
        http_answer_free(ret_answer);
        return explain(code, connection, error);
    }
    return 0;
}

void http_answer_free(struct http_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
