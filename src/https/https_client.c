/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_client.c - one kept connection to one server, by libcurl.
 *
 * May run inside a worker's sandbox: no file may be opened, no name resolved, no thread started, no
 * signal handler changed. Every option that would make libcurl do so is set here, also where
 * today's default happens to be the same.
 */
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

/* ---- set-up ---- */

/* OpenSSL sets itself up with the first context: configuration, providers, algorithms. (A whole
 * handshake in memory was measured to spare a worker nothing more.) */
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

/* OpenSSL takes handshake messages that mean nothing for as long as they come (HelloRequest,
 * session tickets), without going back to libcurl, which could look at the time. */
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

static void count_message(int is_written, int version, int type, const void *data, size_t length,
                          SSL *ssl, void *context)
{
    struct https_client *client = context;
    (void)version;
    (void)data;
    (void)length;
    if (is_written || type != SSL3_RT_HANDSHAKE)
        return;
    client->handshake_messages++;
    if (client->handshake_messages == HANDSHAKE_MESSAGES_MAXIMUM)
        BIO_set_callback_ex(SSL_get_rbio(ssl), refuse_to_read);
}

static CURLcode watch_handshakes(CURL *curl, void *ssl_context, void *client)
{
    (void)curl;
    SSL_CTX_set_msg_callback(ssl_context, count_message);
    SSL_CTX_set_msg_callback_arg(ssl_context, client);
    return CURLE_OK;
}

/* The first failure of a row of options is kept. */
#define SET(option, value) (code = code ? code : curl_easy_setopt(client->curl, option, value))

static CURLcode set_trust(struct https_client *client, const struct https_options *options)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_SSL_VERIFYPEER, options->is_insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, options->is_insecure ? 0L : 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_CTX_FUNCTION, watch_handshakes);
    SET(CURLOPT_SSL_CTX_DATA, client);
    if (!options->is_insecure && options->ca) {
        struct curl_blob ca = blob_of(options->ca);
        SET(CURLOPT_CAINFO_BLOB, &ca);
    }
    if (options->client_certificate && options->client_key) {
        struct curl_blob certificate = blob_of(options->client_certificate);
        struct curl_blob key = blob_of(options->client_key);
        SET(CURLOPT_SSLCERT_BLOB, &certificate);
        SET(CURLOPT_SSLKEY_BLOB, &key);
    }
    return code;
}

static CURLcode set_transport(struct https_client *client)
{
    bool is_plain = strncmp(client->base, "http:", strlen("http:")) == 0;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, is_plain ? "http" : "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE);
    SET(CURLOPT_ACCEPT_ENCODING, NULL);
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_RESOLVE, client->resolve);
    SET(CURLOPT_CONNECT_TO, client->connect_to);
    SET(CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
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
    if (!options->ca && !options->is_insecure && strncmp(client->base, "https:", 6) == 0)
        return error_set(error, ERROR_INVALID,
                         "there is no CA certificate: nothing to verify %s with", client->peer);
    client->curl = curl_easy_init();
    CURLcode code = client->curl ? set_transport(client) : CURLE_OUT_OF_MEMORY;
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
    struct https_client *client = calloc(1, sizeof *client);
    if (!client)
        return error_set(error, ERROR_SYSTEM, "out of memory");
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

/* Counts those of 1xx answers as well, of which there may be any number. */
static size_t take_header(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    (void)data;
    (void)one;
    incoming->header_length += length;
    return incoming->header_length <= HTTPS_HEADERS_MAXIMUM ? length : refuse(incoming, length);
}

/* The last header of that name, or "". */
static void read_header(CURL *curl, const char *name, char *value, size_t size)
{
    struct curl_header *header;
    value[0] = '\0';
    for (size_t i = 0; curl_easy_header(curl, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
        snprintf(value, size, "%s", header->value);
}

static void read_answer(CURL *curl, struct https_answer *answer)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    answer->retry_after = seconds > 0 ? (long)seconds : 0; /* a date may be past */
    read_header(curl, "Content-Type", answer->content_type, sizeof answer->content_type);
    read_header(curl, "WWW-Authenticate", answer->challenge, sizeof answer->challenge);
}

/* ---- a request ---- */

/* The list may hold a token: it is wiped. */
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
    char host[HTTPS_PEER_SIZE + 8];
    snprintf(host, sizeof host, "Host: %s", client->peer);
    /* The URL bears the name to verify; the server is still to hear its own. */
    if (client->is_renamed && https_append(headers, host, error) < 0)
        return -1;
    /* Takes the header away with which libcurl would wait for a "100 Continue". */
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
    CURLcode code = set_request(client, request, url, headers, &incoming);
    if (code == CURLE_OK)
        code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    read_answer(client->curl, answer);
    answer->body[answer->length] = '\0';
    if (client->handshake_messages >= HANDSHAKE_MESSAGES_MAXIMUM)
        error_set(&answer->error, ERROR_UNAVAILABLE,
                  "TLS: no secure connection to %s: handshake messages without end", client->peer);
    else if (incoming.is_too_large)
        error_set(&answer->error, ERROR_TOO_LARGE,
                  "the answer of %s is too large (at most %d bytes of headers and %zu of body)",
                  client->peer, HTTPS_HEADERS_MAXIMUM, client->response_maximum);
    else if (code != CURLE_OK)
        https_describe_failure(client, code, &answer->error);
}

void https_request(struct https_client *client, const struct https_request *request,
                   struct https_answer *ret_answer)
{
    cleanup_headers struct curl_slist *headers = NULL;
    cleanup_free char *url = NULL;
    /* Never moved, so that no copy of a secret is left behind; the system gives no more memory than
     * is written to. */
    *ret_answer = (struct https_answer){.body = malloc(client->response_maximum + 1)};
    if (asprintf(&url, "%s%s", client->base, request->path) < 0)
        url = NULL;
    if (!url || !ret_answer->body)
        error_set(&ret_answer->error, ERROR_SYSTEM, "out of memory for the answer of %s",
                  client->peer);
    else if (make_headers(client, request, &headers, &ret_answer->error) == 0)
        run_request(client, request, headers, url, ret_answer);
}

json_t *https_answer_document(struct https_answer *answer, const struct https_client *client)
{
    bool is_success = answer->status >= 200 && answer->status < 300;
    if (answer->error.kind != ERROR_NONE || (answer->status == 204 && answer->length == 0))
        return NULL;
    json_t *document =
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
