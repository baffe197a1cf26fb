/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_client.c - one kept connection to one server, by libcurl.
 *
 * Runs inside a worker's sandbox as well: it must open no file, resolve no name, start no thread
 * and change no signal handler. Every option of libcurl that concerns these is set here, even where
 * today's default is the same.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "https/https_private.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"

/* Received for one request; a handshake has about ten. */
enum { HANDSHAKE_MESSAGES_MAXIMUM = 500 };

/* Milliseconds to wait for a server that says nothing to a client certificate. */
enum { VERDICT_PATIENCE = 250 };

/* ---- set-up ---- */

/* OpenSSL sets itself up with the first context: configuration, providers, algorithms. (A whole
 * handshake in memory was measured: it saves a worker nothing more.) */
static int set_up_openssl(struct error *error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context) {
        SSL_CTX_free(context);
        return 0;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return error_set(error, ERROR_SYSTEM, "OpenSSL cannot be set up: %s",
                     reason ? reason : "no reason given");
}

int https_warm_up(struct error *error)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return error_set(error, ERROR_SYSTEM, "cannot initialize libcurl: %s",
                         curl_easy_strerror(code));
    return set_up_openssl(error);
}

static struct curl_blob blob_of(const char *pem)
{
    return (struct curl_blob){(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_NOCOPY};
}

/* OpenSSL reads meaningless handshake messages (HelloRequest, session tickets) as long as they
 * come, and does not return to libcurl, which would notice the timeout. */
static long refuse_to_read(BIO *bio, int operation, const char *data, size_t length, int argument,
                           long long_argument, int result, size_t *processed)
{
    (void)bio;
    (void)data;
    (void)length;
    (void)argument;
    (void)long_argument;
    (void)processed;
    return operation == BIO_CB_READ ? 0 : result;
}

/* Counts handshake messages, and keeps the description of an alert (RFC 8446, 6): a TLS 1.3 server
 * refuses a client certificate only after the client's handshake is done, and libcurl reports that
 * as a lost connection. */
static void watch_message(int is_written, int version, int type, const void *data, size_t length,
                          SSL *ssl, void *context)
{
    struct https_client *client = context;
    (void)version;
    client->ssl = ssl;
    if (!is_written && type == SSL3_RT_ALERT && length == 2)
        client->alert = ((const unsigned char *)data)[1];
    if (is_written || type != SSL3_RT_HANDSHAKE)
        return;
    client->handshake_messages++;
    if (client->handshake_messages == HANDSHAKE_MESSAGES_MAXIMUM)
        BIO_set_callback_ex(SSL_get_rbio(ssl), refuse_to_read);
}

static CURLcode watch_handshakes(CURL *curl, void *ssl_context, void *client)
{
    (void)curl;
    SSL_CTX_set_msg_callback(ssl_context, watch_message);
    SSL_CTX_set_msg_callback_arg(ssl_context, client);
    return CURLE_OK;
}

/* Called before each request. A TLS 1.3 server that verifies client certificates first answers the
 * client's part of the handshake, with a session ticket or with an alert: the alert must be read
 * before the request is written, because the write fails once the server has closed. */
static int await_verdict(void *context, char *peer, char *own, int peer_port, int own_port)
{
    struct https_client *client = context;
    char ignored;
    (void)peer;
    (void)own;
    (void)peer_port;
    (void)own_port;
    if (!client->has_certificate || client->handshake_messages == 0 ||
        SSL_version(client->ssl) < TLS1_3_VERSION)
        return CURL_PREREQFUNC_OK;
    struct pollfd awaited = {.fd = client->socket, .events = POLLIN};
    if (poll(&awaited, 1, VERDICT_PATIENCE) == 1) {
        SSL_peek(client->ssl, &ignored, 1);
        ERR_clear_error();
    }
    return client->alert == HTTPS_NO_ALERT ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static int keep_socket(void *context, curl_socket_t socket, curlsocktype purpose)
{
    struct https_client *client = context;
    if (purpose == CURLSOCKTYPE_IPCXN)
        client->socket = socket;
    return CURL_SOCKOPT_OK;
}

/* Keeps the first failure of several options. */
#define SET(option, value) (code = code ? code : curl_easy_setopt(client->curl, option, value))

static CURLcode set_trust(struct https_client *client, const struct https_options *options)
{
    CURLcode code = CURLE_OK;
    if (!options->trusts_system) {
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_SSL_VERIFYPEER, options->is_insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, options->is_insecure ? 0L : 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_CTX_FUNCTION, watch_handshakes);
    SET(CURLOPT_SSL_CTX_DATA, client);
    SET(CURLOPT_PREREQFUNCTION, await_verdict);
    SET(CURLOPT_PREREQDATA, client);
    SET(CURLOPT_SOCKOPTFUNCTION, keep_socket);
    SET(CURLOPT_SOCKOPTDATA, client);
    if (!options->is_insecure && options->ca) {
        struct curl_blob ca = blob_of(options->ca);
        SET(CURLOPT_CAINFO_BLOB, &ca);
    }
    client->has_certificate = options->client_certificate && options->client_key;
    if (client->has_certificate) {
        struct curl_blob certificate = blob_of(options->client_certificate);
        struct curl_blob key = blob_of(options->client_key);
        SET(CURLOPT_SSLCERT_BLOB, &certificate);
        SET(CURLOPT_SSLKEY_BLOB, &key);
        SET(CURLOPT_KEYPASSWD, ""); /* else OpenSSL asks for a pass phrase on the terminal */
    }
    return code;
}

static CURLcode set_transport(struct https_client *client, const struct https_options *options)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, client->endpoint.is_plain ? "http" : "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    if (!client->proxy[0]) {
        SET(CURLOPT_PROXY, "");
        SET(CURLOPT_NOPROXY, "*");
    }
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE);
    SET(CURLOPT_ACCEPT_ENCODING, NULL);
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_RESOLVE, client->resolve);
    SET(CURLOPT_CONNECT_TO, client->connect_to);
    SET(CURLOPT_USERAGENT,
        options->user_agent ? options->user_agent : PACKAGE_NAME "/" PACKAGE_VERSION);
    SET(CURLOPT_ERRORBUFFER, client->curl_message);
    return code;
}

static int set_up(struct https_client *client, const struct https_options *options,
                  struct error *error)
{
    client->response_maximum = options->response_maximum;
    https_client_set_timeouts(client, HTTPS_CONNECT_TIMEOUT, HTTPS_REQUEST_TIMEOUT);
    if (https_client_locate(client, options, error) < 0)
        return -1;
    if (!options->ca && !options->trusts_system && !options->is_insecure &&
        !client->endpoint.is_plain)
        return error_set(error, ERROR_INVALID, "there is no CA certificate to verify %s with",
                         client->peer);
    client->curl = curl_easy_init();
    CURLcode code = client->curl ? set_transport(client, options) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = set_trust(client, options);
    if (code != CURLE_OK)
        return error_set(error, ERROR_SYSTEM, "cannot set up libcurl: %s",
                         curl_easy_strerror(code));
    return 0;
}

int https_client_create(const struct https_options *options, struct https_client **ret_client,
                        struct error *error)
{
    struct https_client *client = calloc(1, sizeof(*client));
    if (!client)
        return error_set_memory(error);
    if (set_up(client, options, error) < 0) {
        https_client_free(client);
        return -1;
    }
    *ret_client = client;
    return 0;
}

void https_client_free(struct https_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->resolve);
    curl_slist_free_all(client->connect_to);
    free(client->base);
    free(client);
}

void https_client_set_timeouts(struct https_client *client, long connect_milliseconds,
                               long request_milliseconds)
{
    client->connect_timeout = connect_milliseconds;
    client->request_timeout = request_milliseconds;
}

const char *https_client_peer(const struct https_client *client)
{
    return client->peer;
}

void https_client_read_header(const struct https_client *client, const char *name, char *value,
                              size_t size)
{
    struct curl_header *header;
    value[0] = '\0';
    for (size_t i = 0;
         curl_easy_header(client->curl, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
        snprintf(value, size, "%s", header->value);
}

/* ---- an answer as it comes in ---- */

struct incoming {
    struct https_answer *answer;
    size_t maximum;
    size_t header_length;
    bool is_too_large;
};

static size_t refuse(struct incoming *incoming, size_t length)
{
    incoming->is_too_large = true;
    return length + 1;
}

static size_t take_body(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    struct https_answer *answer = incoming->answer;
    (void)one;
    if (length > incoming->maximum - answer->length)
        return refuse(incoming, length);
    memcpy(answer->body + answer->length, data, length);
    answer->length += length;
    return length;
}

/* Counts the headers of informational (1xx) answers as well: there may be any number of them. */
static size_t take_header(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    (void)data;
    (void)one;
    incoming->header_length += length;
    return incoming->header_length <= HTTPS_HEADERS_MAXIMUM ? length : refuse(incoming, length);
}

static void read_answer(const struct https_client *client, struct https_answer *answer)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &seconds);
    answer->retry_after = seconds > 0 ? (long)seconds : 0; /* a date may be past */
    https_client_read_header(client, "Content-Type", answer->content_type,
                             sizeof(answer->content_type));
    https_client_read_header(client, "WWW-Authenticate", answer->challenge,
                             sizeof(answer->challenge));
}

/* ---- a request ---- */

/* Wipes the list, because it may hold a token. */
static void free_headers(struct curl_slist **headers)
{
    for (struct curl_slist *header = *headers; header; header = header->next)
        OPENSSL_cleanse(header->data, strlen(header->data));
    curl_slist_free_all(*headers);
}
#define cleanup_headers __attribute__((cleanup(free_headers)))

static int make_headers(const struct https_client *client, const struct https_request *request,
                        struct curl_slist **headers, struct error *error)
{
    char host[ENDPOINT_NAME_SIZE + 8];
    snprintf(host, sizeof(host), "Host: %s", client->peer);
    /* The URL has the name to verify; the Host line must have the server's own. */
    if (client->is_renamed && https_append(headers, host, error) < 0)
        return -1;
    /* Removes libcurl's header that asks for a "100 Continue" first. */
    if (request->body && https_append(headers, "Expect:", error) < 0)
        return -1;
    for (size_t i = 0; i < HTTPS_REQUEST_HEADERS && request->headers[i]; i++)
        if (https_append(headers, request->headers[i], error) < 0)
            return -1;
    return 0;
}

static CURLcode set_request(struct https_client *client, const struct https_request *request,
                            const char *url, struct curl_slist *headers, struct incoming *incoming)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_HTTPGET, 1L);
    if (request->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        SET(CURLOPT_POSTFIELDS, request->body);
    }
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    SET(CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout);
    SET(CURLOPT_TIMEOUT_MS, client->request_timeout);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, incoming);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, incoming);
    return code;
}

static void run_request(struct https_client *client, const struct https_request *request,
                        struct curl_slist *headers, const char *url, struct https_answer *answer)
{
    struct incoming incoming = {.answer = answer, .maximum = client->response_maximum};
    client->curl_message[0] = '\0';
    client->handshake_messages = 0;
    client->alert = HTTPS_NO_ALERT;
    CURLcode code = set_request(client, request, url, headers, &incoming);
    if (code == CURLE_OK)
        code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    read_answer(client, answer);
    answer->body[answer->length] = '\0';
    client->answered |= answer->status != 0;
    if (client->handshake_messages >= HANDSHAKE_MESSAGES_MAXIMUM) {
        answer->trouble = HTTPS_TROUBLE_TLS;
        error_set(&answer->error, ERROR_UNAVAILABLE,
                  "TLS: no secure connection to %s: endless handshake messages", client->peer);
    } else if (incoming.is_too_large) {
        answer->trouble = HTTPS_TROUBLE_TOO_LARGE;
        error_set(&answer->error, ERROR_TOO_LARGE,
                  "the answer of %s is too large (at most %d bytes of headers and %zu of body)",
                  client->peer, HTTPS_HEADERS_MAXIMUM, client->response_maximum);
    } else if (code != CURLE_OK) {
        https_describe_failure(client, code, answer);
    }
}

void https_request(struct https_client *client, const struct https_request *request,
                   struct https_answer *ret_answer)
{
    cleanup_headers struct curl_slist *headers = NULL;
    cleanup_free char *url = NULL;
    /* Never reallocated, so that no copy of a secret is left behind. Pages that are not written to
     * cost no memory. */
    *ret_answer = (struct https_answer){.body = malloc(client->response_maximum + 1)};
    if (asprintf(&url, "%s%s", client->base, request->path) < 0)
        url = NULL;
    if (!url || !ret_answer->body)
        error_set(&ret_answer->error, ERROR_MEMORY, "out of memory for the answer of %s",
                  client->peer);
    else if (make_headers(client, request, &headers, &ret_answer->error) == 0)
        run_request(client, request, headers, url, ret_answer);
}

struct json_object *https_answer_document(struct https_answer *answer,
                                          const struct https_client *client)
{
    bool is_success = answer->status >= 200 && answer->status < 300;
    if (answer->error.kind != ERROR_NONE || (answer->status == 204 && answer->length == 0))
        return NULL;
    struct json_object *document =
        document_parse(answer->body, answer->length, is_success ? &answer->error : NULL);
    if (is_success && !document)
        error_prefix(&answer->error, "the answer of %s is not usable", client->peer);
    return document;
}

void https_answer_free(struct https_answer *answer)
{
    if (answer->body)
        OPENSSL_cleanse(answer->body, answer->length);
    free(answer->body);
    answer->body = NULL;
    answer->length = 0;
}
