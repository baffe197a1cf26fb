/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_client.c - one kept connection to one API server, by libcurl.
 *
 * Runs inside a worker's sandbox: no file may be opened, no name resolved, no thread started, no
 * signal handler changed. Every option that would make libcurl do so is set here, also where
 * today's default happens to be the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "kube/address_list.h"
#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum {
    CONNECT_TIMEOUT = 10 * 1000, /* milliseconds */
    REQUEST_TIMEOUT = 30 * 1000,
    HEADERS_MAXIMUM = 64 * 1024, /* bytes of one answer's header lines */
    PEER_SIZE = 300,
};

struct kube_client {
    CURL *curl;
    struct kubeconfig config; /* own copy: libcurl reads certificates and key from it */
    char peer[PEER_SIZE];     /* "host:port", for messages and the Host line */
    char *base;               /* what paths are appended to */
    struct curl_slist *resolve;
    struct curl_slist *connect_to;
    long connect_timeout;
    long request_timeout;
    char curl_message[CURL_ERROR_SIZE];
};

/* ---- where the server is ---- */

/* Appends to a list of libcurl; its copy is the list's. */
static int append(struct curl_slist **list, const char *text, struct error *error)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (!longer)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    *list = longer;
    return 0;
}

/* Says where the server is, so that libcurl never asks a resolver. */
static int set_addresses(struct kube_client *client, json_t *addresses, struct error *error)
{
    const struct kubeconfig *config = &client->config;
    struct address_list list;
    char line[PEER_SIZE + ADDRESS_LIST_SIZE];
    if (address_is_valid(config->host))
        return 0;
    if (address_list_collect(addresses, config->host, config->port, &list, error) < 0)
        return -1;
    if (list.count == 0)
        return error_set(error, ERROR_INVALID,
                         "the job has no address of %s: it is not the server of the cluster's "
                         "apiserverProfile.url",
                         client->peer);
    snprintf(line, sizeof line, "%s:%d:%s", config->host, config->port, list.text);
    return append(&client->resolve, line, error);
}

/* Where the certificate is to be checked for another name than the server's, the URL bears that
 * name (libcurl takes the name for SNI and verification from nowhere else), and the connection is
 * turned to the server. */
static int set_names(struct kube_client *client, struct error *error)
{
    const struct kubeconfig *config = &client->config;
    const char *path = strchr(config->server + strlen("https://"), '/') ?: "";
    if (!config->tls_server_name) {
        client->base = strdup(config->server);
        return client->base ? 0 : error_set(error, ERROR_SYSTEM, "out of memory");
    }
    char line[2 * PEER_SIZE];
    snprintf(line, sizeof line, "%s:%d:%s", config->tls_server_name, config->port, client->peer);
    if (asprintf(&client->base, "https://%s:%d%s", config->tls_server_name, config->port, path) <
        0) {
        client->base = NULL;
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    return append(&client->connect_to, line, error);
}

/* ---- set-up ---- */

static struct curl_blob blob_of(const char *pem)
{
    return (struct curl_blob){(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_NOCOPY};
}

/* The first failure of a row of options is kept. */
#define SET(option, value) (code = code ? code : curl_easy_setopt(client->curl, option, value))

static CURLcode set_trust(struct kube_client *client)
{
    const struct kubeconfig *config = &client->config;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!config->insecure) {
        struct curl_blob ca = blob_of(config->ca ? config->ca : kube_system_ca());
        SET(CURLOPT_CAINFO_BLOB, &ca);
    }
    if (config->client_certificate) {
        struct curl_blob certificate = blob_of(config->client_certificate);
        struct curl_blob key = blob_of(config->client_key);
        SET(CURLOPT_SSLCERT_BLOB, &certificate);
        SET(CURLOPT_SSLKEY_BLOB, &key);
    }
    return code;
}

static CURLcode set_transport(struct kube_client *client)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE);
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_RESOLVE, client->resolve);
    SET(CURLOPT_CONNECT_TO, client->connect_to);
    SET(CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
    SET(CURLOPT_ERRORBUFFER, client->curl_message);
    return code;
}

static char *copy_or_null(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;
    *failed |= text && !copy;
    return copy;
}

static int copy_config(struct kubeconfig *copy, const struct kubeconfig *config,
                       struct error *error)
{
    bool failed = false;
    *copy = (struct kubeconfig){
        .server = copy_or_null(config->server, &failed),
        .host = copy_or_null(config->host, &failed),
        .port = config->port,
        .ca = copy_or_null(config->ca, &failed),
        .client_certificate = copy_or_null(config->client_certificate, &failed),
        .client_key = copy_or_null(config->client_key, &failed),
        .token = copy_or_null(config->token, &failed),
        .tls_server_name = copy_or_null(config->tls_server_name, &failed),
        .insecure = config->insecure,
    };
    return failed ? error_set(error, ERROR_SYSTEM, "out of memory") : 0;
}

static int set_up(struct kube_client *client, const struct kubeconfig *config, json_t *addresses,
                  struct error *error)
{
    kube_client_set_timeouts(client, CONNECT_TIMEOUT, REQUEST_TIMEOUT);
    if (copy_config(&client->config, config, error) < 0)
        return -1;
    snprintf(client->peer, sizeof client->peer, strchr(config->host, ':') ? "[%s]:%d" : "%s:%d",
             config->host, config->port);
    if (!config->insecure && !config->ca && !kube_system_ca())
        return error_set(error, ERROR_INVALID,
                         "the kubeconfig has no certificate-authority-data and this machine has no "
                         "CA bundle: nothing to verify %s with",
                         client->peer);
    if (set_addresses(client, addresses, error) < 0 || set_names(client, error) < 0)
        return -1;
    client->curl = curl_easy_init();
    CURLcode code = client->curl ? set_transport(client) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = set_trust(client);
    if (code != CURLE_OK)
        return error_set(error, ERROR_SYSTEM, "cannot set up libcurl: %s",
                         curl_easy_strerror(code));
    return 0;
}

int kube_client_create(const struct kubeconfig *config, json_t *addresses,
                       struct kube_client **ret_client, struct error *error)
{
    struct kube_client *client = calloc(1, sizeof *client);
    if (!client)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    if (set_up(client, config, addresses, error) < 0) {
        kube_client_free(client);
        return -1;
    }
    *ret_client = client;
    return 0;
}

void kube_client_free(struct kube_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->resolve);
    curl_slist_free_all(client->connect_to);
    kubeconfig_free(&client->config);
    free(client->base);
    free(client);
}

void kube_client_set_timeouts(struct kube_client *client, long connect_milliseconds,
                              long request_milliseconds)
{
    client->connect_timeout = connect_milliseconds;
    client->request_timeout = request_milliseconds;
}

/* ---- an answer as it comes in ---- */

struct incoming {
    char *body;
    size_t length;
    size_t capacity;
    size_t header_length;
    enum error_kind refusal; /* why one of the callbacks below gave up */
};

static bool make_room(struct incoming *incoming, size_t more)
{
    if (more > KUBE_RESPONSE_MAXIMUM - incoming->length) {
        incoming->refusal = ERROR_LIMIT;
        return false;
    }
    if (incoming->length + more <= incoming->capacity)
        return true;
    size_t capacity = incoming->capacity ? incoming->capacity : 16 * 1024;
    while (capacity < incoming->length + more)
        capacity *= 2;
    char *body = realloc(incoming->body, capacity);
    if (!body) {
        incoming->refusal = ERROR_SYSTEM;
        return false;
    }
    incoming->body = body;
    incoming->capacity = capacity;
    return true;
}

static size_t take_body(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    (void)one;
    if (!make_room(incoming, length))
        return length + 1;
    memcpy(incoming->body + incoming->length, data, length);
    incoming->length += length;
    return length;
}

static size_t take_header(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    (void)data;
    (void)one;
    incoming->header_length += length;
    if (incoming->header_length <= HEADERS_MAXIMUM)
        return length;
    incoming->refusal = ERROR_LIMIT;
    return length + 1;
}

/* ---- a request ---- */

/* The list holds the token: it is wiped. */
static void free_headers(struct curl_slist **headers)
{
    for (struct curl_slist *header = *headers; header; header = header->next)
        OPENSSL_cleanse(header->data, strlen(header->data));
    curl_slist_free_all(*headers);
}
#define cleanup_headers __attribute__((cleanup(free_headers)))

static int append_token(struct curl_slist **headers, const char *token, struct error *error)
{
    char *line;
    if (asprintf(&line, "Authorization: Bearer %s", token) < 0)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    int result = append(headers, line, error);
    OPENSSL_cleanse(line, strlen(line));
    free(line);
    return result;
}

/* The URL bears the name to verify; the server is still to hear its own. */
static int append_host(const struct kube_client *client, struct curl_slist **headers,
                       struct error *error)
{
    const struct kubeconfig *config = &client->config;
    char line[PEER_SIZE + 8];
    if (!config->tls_server_name)
        return 0;
    snprintf(line, sizeof line, "Host: %s", client->peer);
    return append(headers, line, error);
}

static int append_body_type(const char *method, struct curl_slist **headers, struct error *error)
{
    bool is_patch = strcmp(method, "PATCH") == 0;
    /* "Expect:" takes the header away with which libcurl would wait for a "100 Continue". */
    if (append(headers, "Expect:", error) < 0)
        return -1;
    return append(headers,
                  is_patch ? "Content-Type: application/merge-patch+json"
                           : "Content-Type: application/json",
                  error);
}

static int make_headers(const struct kube_client *client, const char *method, bool has_body,
                        struct curl_slist **headers, struct error *error)
{
    if (append(headers, "Accept: application/json", error) < 0 ||
        append_host(client, headers, error) < 0 ||
        (has_body && append_body_type(method, headers, error) < 0))
        return -1;
    return client->config.token ? append_token(headers, client->config.token, error) : 0;
}

static CURLcode set_request(struct kube_client *client, const char *method, const char *url,
                            const char *body, struct curl_slist *headers, struct incoming *incoming)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_HTTPGET, 1L);
    if (body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        SET(CURLOPT_POSTFIELDS, body);
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    SET(CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout);
    SET(CURLOPT_TIMEOUT_MS, client->request_timeout);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, incoming);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, incoming);
    return code;
}

/* What a failure of libcurl is, and what is said of it in front of the server's name. Rows that are
 * missing are ERROR_UNAVAILABLE: something between here and there, which may have gone away by the
 * next attempt. */
static const struct failure {
    CURLcode code;
    enum error_kind kind;
    const char *text;
} failures[] = {
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_UNAVAILABLE, "TLS: untrusted certificate of"},
    {CURLE_SSL_CONNECT_ERROR, ERROR_UNAVAILABLE, "TLS: no secure connection to"},
    {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, "TLS: the client certificate cannot be used with"},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID,
     "TLS: certificate-authority-data cannot be used with"},
    {CURLE_GOT_NOTHING, ERROR_UNAVAILABLE, "connection closed without an answer by"},
    {CURLE_PARTIAL_FILE, ERROR_UNAVAILABLE, "connection closed in the middle of an answer by"},
    {CURLE_RECV_ERROR, ERROR_UNAVAILABLE, "connection lost while waiting for"},
    {CURLE_SEND_ERROR, ERROR_UNAVAILABLE, "connection lost while sending to"},
    {CURLE_COULDNT_CONNECT, ERROR_UNAVAILABLE, "cannot connect to"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_INVALID, "no HTTP/1.1 answer from"},
    {CURLE_WEIRD_SERVER_REPLY, ERROR_INVALID, "no HTTP/1.1 answer from"},
    {CURLE_BAD_CONTENT_ENCODING, ERROR_INVALID, "an answer in a form not asked for, from"},
    {CURLE_OUT_OF_MEMORY, ERROR_SYSTEM, "out of memory while talking to"},
};

static void describe_timeout(struct kube_client *client, struct kube_answer *answer)
{
    char duration[CLOCK_TEXT_SIZE];
    curl_off_t connected = 0;
    curl_easy_getinfo(client->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0)
        error_set(&answer->error, ERROR_UNAVAILABLE, "timeout connecting to %s after %s",
                  client->peer, clock_format_duration(duration, client->connect_timeout));
    else
        error_set(&answer->error, ERROR_UNAVAILABLE, "timeout waiting for an answer of %s after %s",
                  client->peer, clock_format_duration(duration, client->request_timeout));
}

/* A connection that was never made: the reason is the kernel's. */
static void describe_no_connection(struct kube_client *client, struct kube_answer *answer)
{
    long number = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    if (number == ECONNREFUSED)
        error_set(&answer->error, ERROR_UNAVAILABLE, "connection refused by %s", client->peer);
    else if (number == EACCES || number == EPERM)
        error_set(&answer->error, ERROR_DENIED,
                  "forbidden: the sandbox allows no connection to %s: it is not the server of the "
                  "cluster's apiserverProfile.url",
                  client->peer);
    else if (number)
        error_set(&answer->error, ERROR_UNAVAILABLE, "cannot connect to %s: %s", client->peer,
                  strerror((int)number));
    else
        error_set(&answer->error, ERROR_UNAVAILABLE, "cannot connect to %s", client->peer);
}

static void describe_refusal(const struct kube_client *client, enum error_kind refusal,
                             struct kube_answer *answer)
{
    if (refusal == ERROR_SYSTEM)
        error_set(&answer->error, refusal, "out of memory for the answer of %s", client->peer);
    else
        error_set(&answer->error, refusal,
                  "the answer of %s is too large (at most %d bytes of headers and %d of body)",
                  client->peer, HEADERS_MAXIMUM, KUBE_RESPONSE_MAXIMUM);
}

static void describe_failure(struct kube_client *client, CURLcode code,
                             const struct incoming *incoming, struct kube_answer *answer)
{
    if (incoming->refusal != ERROR_NONE) {
        describe_refusal(client, incoming->refusal, answer);
        return;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        describe_timeout(client, answer);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        describe_no_connection(client, answer);
        return;
    }
    struct failure failure = {code, ERROR_UNAVAILABLE, "no answer from"};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (failures[i].code == code)
            failure = failures[i];
    char detail[CURL_ERROR_SIZE];
    status_text_copy(detail, sizeof detail,
                     client->curl_message[0] ? client->curl_message : curl_easy_strerror(code));
    error_set(&answer->error, failure.kind, "%s %s: %s", failure.text, client->peer, detail);
}

/* Errors carry no body that could matter but a Status object; of everything else only a whole
 * object will do. */
static void read_body(const struct kube_client *client, const struct incoming *incoming,
                      struct kube_answer *answer)
{
    bool is_success = answer->status >= 200 && answer->status < 300;
    if (is_success && incoming->length == 0 && answer->status == 204)
        return;
    answer->document = document_parse(incoming->body ? incoming->body : "", incoming->length,
                                      is_success ? &answer->error : NULL);
    if (is_success && !answer->document)
        error_prefix(&answer->error, "the answer of %s is not usable", client->peer);
}

static int run_request(struct kube_client *client, const char *method, const char *path,
                       const char *body, struct incoming *incoming, struct kube_answer *answer)
{
    cleanup_headers struct curl_slist *headers = NULL;
    cleanup_free char *url = NULL;
    if (make_headers(client, method, body != NULL, &headers, &answer->error) < 0)
        return -1;
    if (asprintf(&url, "%s%s", client->base, path) < 0) {
        url = NULL;
        return error_set(&answer->error, ERROR_SYSTEM, "out of memory");
    }
    client->curl_message[0] = '\0';
    CURLcode code = set_request(client, method, url, body, headers, incoming);
    if (code == CURLE_OK)
        code = curl_easy_perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    if (code == CURLE_OK)
        return 0;
    describe_failure(client, code, incoming, answer);
    return -1;
}

void kube_request(struct kube_client *client, const char *method, const char *path, json_t *body,
                  struct kube_answer *ret_answer)
{
    char *text = body ? document_format(body) : NULL;
    struct incoming incoming = {0};
    *ret_answer = (struct kube_answer){0};
    if (body && !text)
        error_set(&ret_answer->error, ERROR_SYSTEM, "out of memory");
    else if (run_request(client, method, path, text, &incoming, ret_answer) == 0)
        read_body(client, &incoming, ret_answer);
    if (text) /* may hold a secret */
        OPENSSL_cleanse(text, strlen(text));
    free(text);
    if (incoming.body)
        OPENSSL_cleanse(incoming.body, incoming.length);
    free(incoming.body);
}

void kube_answer_free(struct kube_answer *answer)
{
    json_decref(answer->document);
    answer->document = NULL;
}
