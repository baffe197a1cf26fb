/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - HTTP requests to the Admin API: headers, files of the connection, and advice in errors.
 */
#include "ctl/client/http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/interrupt.h"
#include "ctl/output/output.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/https.h"
#include "mimo/io.h"
#include "mimo/uuid.h"

enum { HURRIED = 2 * 1000, PEM_MAXIMUM = 16 * 1024 * 1024 };

struct http {
    struct https_client *client;
    char *ca; /* PEM texts, which the client borrows; NULL for those not given */
    char *certificate;
    char *key;
};

/* ---- files ---- */

static int read_pem(const char *path, char **ret_text, struct error *error)
{
    return path ? io_read_file(path, PEM_MAXIMUM, ret_text, NULL, error) : 0;
}

static int read_files(struct http *http, const struct connection *connection, struct error *error)
{
    if (read_pem(connection->cacert, &http->ca, error) < 0 ||
        read_pem(connection->cert, &http->certificate, error) < 0)
        return -1;
    return read_pem(connection->key, &http->key, error);
}

static int make_client(struct http *http, const struct connection *connection, struct error *error)
{
    const struct https_options options = {
        .url = connection->url,
        .ca = http->ca,
        .client_certificate = http->certificate,
        .client_key = http->key,
        .user_agent = "mimoctl/" PACKAGE_VERSION,
        .response_maximum = HTTP_ANSWER_MAXIMUM,
        .resolves_names = true,
        .trusts_system = true,
        .uses_proxy = true,
        .is_plain_allowed = true, /* of loopback alone: connection.c */
    };
    if (https_client_create(&options, &http->client, error) < 0)
        return -1;
    if (connection->hurried)
        https_client_set_timeouts(http->client, HURRIED, HURRIED);
    return 0;
}

int http_open(const struct connection *connection, struct http **ret_http, struct error *error)
{
    struct http *http = calloc(1, sizeof(*http));
    if (!http)
        return error_set_system(error, ENOMEM, "connection");
    if (https_warm_up(error) < 0 || read_files(http, connection, error) < 0 ||
        make_client(http, connection, error) < 0) {
        http_close(http);
        return -1;
    }
    *ret_http = http;
    return 0;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    https_client_free(http->client);
    free(http->ca);
    free(http->certificate);
    if (http->key)
        explicit_bzero(http->key, strlen(http->key));
    free(http->key);
    free(http);
}

/* ---- a request ---- */

/* Header lines of a request, in the order in which they were added. */
struct header_lines {
    char *lines[HTTPS_REQUEST_HEADERS];
    size_t count;
};

static void free_header_lines(struct header_lines *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        explicit_bzero(headers->lines[i], strlen(headers->lines[i]));
        free(headers->lines[i]);
    }
}
#define cleanup_header_lines __attribute__((cleanup(free_header_lines)))

/* Adds "NAME: PREFIXVALUE" unless `value` is NULL. */
static int add_header(struct header_lines *headers, const char *name, const char *prefix,
                      const char *value, struct error *error)
{
    char *line;
    if (!value)
        return 0;
    if (asprintf(&line, "%s: %s%s", name, prefix, value) < 0)
        return error_set_system(error, ENOMEM, "request");
    headers->lines[headers->count++] = line;
    return 0;
}

static int make_headers(const struct connection *connection, const struct http_request *request,
                        struct header_lines *headers, struct error *error)
{
    char id[UUID_SIZE];
    uuid_make(id);
    if (add_header(headers, "Authorization", "Bearer ", connection->token, error) < 0 ||
        add_header(headers, "Accept", "", "application/json", error) < 0 ||
        add_header(headers, "x-ms-client-request-id", "", id, error) < 0 ||
        add_header(headers, "x-mimo-icm", "", request->icm, error) < 0 ||
        add_header(headers, "Idempotency-Key", "", request->key, error) < 0)
        return -1;
    return add_header(headers, "Content-Type", "", request->body ? "application/json" : NULL,
                      error);
}

/* Header fields of the answer that are used, and the members they go to. */
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

static void take_answer(const struct connection *connection, struct https_answer *from,
                        struct http_answer *answer)
{
    *answer = (struct http_answer){
        .status = from->status, .body = take_pointer(&from->body), .length = from->length};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        https_client_read_header(connection->http->client, fields[i].name,
                                 (char *)answer + fields[i].offset, HTTP_FIELD_SIZE);
}

/* ---- failures ---- */

/* Advice for each failure. */
static const char *advice(enum https_trouble trouble, const struct connection *connection,
                          bool reads)
{
    static const char *const texts[] = {
        [HTTPS_TROUBLE_NAME] = "check the name, and that this machine has a name server",
        [HTTPS_TROUBLE_CONNECT] = "check that mimo-api runs there, and the port",
        [HTTPS_TROUBLE_PROXY] = "check that the proxy leads there",
        [HTTPS_TROUBLE_TLS] = "check that the server speaks https",
        [HTTPS_TROUBLE_CLIENT_CERTIFICATE] = "check --cert and --key",
        [HTTPS_TROUBLE_CLIENT_REFUSED] = "check that this Admin API accepts client certificates "
                                         "of that issuer, and that the certificate is still valid",
        [HTTPS_TROUBLE_TIMEOUT] = "a change may have been made: look before you try again",
        [HTTPS_TROUBLE_LOST] = "a change may have been made: look before you try again",
        [HTTPS_TROUBLE_TOO_LARGE] = "check that this is an Admin API",
    };
    if (reads && (trouble == HTTPS_TROUBLE_TIMEOUT || trouble == HTTPS_TROUBLE_LOST))
        return "check the load and the log of mimo-api there";
    if (trouble == HTTPS_TROUBLE_DISTRUST || trouble == HTTPS_TROUBLE_CA)
        return connection->cacert ? "check that this is the CA of the Admin API's certificate"
                                  : "name the file of its CA with --cacert or MIMO_CACERT";
    const char *text = trouble < sizeof(texts) / sizeof(texts[0]) ? texts[trouble] : NULL;
    return text ? text : "check that this is an Admin API";
}

static int explain(const struct https_answer *answer, const struct connection *connection,
                   bool reads, struct error *error)
{
    error_set(error, ERROR_UNAVAILABLE, "cannot talk to %s (%s): %s; %s", connection->url,
              connection->url_from, answer->error.message,
              advice(answer->trouble, connection, reads));
    if (connection->cacert && answer->trouble == HTTPS_TROUBLE_DISTRUST)
        error_prefix(error, "with the CA of %s (%s)", connection->cacert, connection->cacert_from);
    return -1;
}

int http_perform(const struct connection *connection, const struct http_request *request,
                 struct http_answer *ret_answer, struct error *error)
{
    cleanup_header_lines struct header_lines headers = {0};
    struct https_request sent = {
        .method = request->method, .path = request->target, .body = request->body};
    struct https_answer answer;
    *ret_answer = (struct http_answer){0};
    if (make_headers(connection, request, &headers, error) < 0)
        return -1;
    memcpy(sent.headers, headers.lines, sizeof(sent.headers));
    struct monotonic start = clock_monotonic();
    bool reads = strcmp(request->method, "GET") == 0;
    interrupt_change_begins(!reads);
    https_request(connection->http->client, &sent, &answer);
    interrupt_change_begins(false);
    if (answer.error.kind == ERROR_NONE)
        take_answer(connection, &answer, ret_answer);
    if (connection->verbose)
        output_say("%s %s%s: %ld in %" PRId64 " ms, request %s", request->method, connection->url,
                   request->target, ret_answer->status, clock_elapsed(start),
                   ret_answer->request_id[0] ? ret_answer->request_id : "without id");
    int result = answer.error.kind == ERROR_NONE ? 0 : explain(&answer, connection, reads, error);
    https_answer_free(&answer);
    return result;
}

void http_answer_free(struct http_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
