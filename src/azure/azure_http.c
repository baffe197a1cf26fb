/* SPDX-License-Identifier: Apache-2.0 */
/*
 * azure_http.c - one request to a service of Azure, by libcurl, inside a worker's sandbox.
 */
#include "azure/azure_http.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/outcome.h"

enum {
    CONNECT_TIMEOUT = 10 * 1000, /* milliseconds */
    REQUEST_TIMEOUT = 30 * 1000,
    HEADERS_MAXIMUM = 64 * 1024,
};

static void wipe(void *data, size_t length)
{
    if (data)
        OPENSSL_cleanse(data, length);
    free(data);
}

void azure_wipe_text(char **text)
{
    wipe(*text, *text ? strlen(*text) : 0);
    *text = NULL;
}

int azure_format(char **ret_text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(ret_text, format, arguments);
    va_end(arguments);
    if (length < 0)
        *ret_text = NULL;
    return length < 0 ? -1 : 0;
}

int azure_add_parameter(char **text, const char *name, const char *value)
{
    cleanup_secret char *old = take_pointer(text);
    char *escaped = curl_easy_escape(NULL, value, 0);
    if (escaped)
        azure_format(text, "%s%s%s=%s", old ? old : "", old ? "&" : "", name, escaped);
    if (escaped)
        OPENSSL_cleanse(escaped, strlen(escaped));
    curl_free(escaped);
    return *text ? 0 : -1;
}

/* ---- an answer as it comes in ---- */

struct incoming {
    char *body; /* AZURE_RESPONSE_MAXIMUM bytes: never moved, so that no copy is left behind */
    size_t length;
    size_t header_length;
    bool is_too_large;
    struct azure_answer *answer;
};

static size_t take_body(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    (void)one;
    if (length > AZURE_RESPONSE_MAXIMUM - incoming->length) {
        incoming->is_too_large = true;
        return length + 1;
    }
    memcpy(incoming->body + incoming->length, data, length);
    incoming->length += length;
    return length;
}

/* The value of header `name` in the line, without its blanks, into `value`; false for another. */
static bool read_header(const char *line, size_t length, const char *name, char *value, size_t size)
{
    size_t name_length = strlen(name);
    if (length <= name_length || line[name_length] != ':' ||
        strncasecmp(line, name, name_length) != 0)
        return false;
    line += name_length + 1;
    length -= name_length + 1;
    while (length > 0 && (line[0] == ' ' || line[0] == '\t'))
        line++, length--;
    while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n'))
        length--;
    snprintf(value, size, "%.*s", (int)length, line);
    return true;
}

static size_t take_header(char *data, size_t one, size_t length, void *context)
{
    struct incoming *incoming = context;
    struct azure_answer *answer = incoming->answer;
    char seconds[16];
    (void)one;
    incoming->header_length += length;
    if (incoming->header_length > HEADERS_MAXIMUM) {
        incoming->is_too_large = true;
        return length + 1;
    }
    read_header(data, length, "WWW-Authenticate", answer->challenge, sizeof answer->challenge);
    if (read_header(data, length, "Retry-After", seconds, sizeof seconds))
        answer->retry_after = strtol(seconds, NULL, 10);
    return length;
}

/* ---- a request ---- */

static void free_list(struct curl_slist **list)
{
    for (struct curl_slist *entry = *list; entry; entry = entry->next)
        OPENSSL_cleanse(entry->data, strlen(entry->data));
    curl_slist_free_all(*list);
}
#define cleanup_list __attribute__((cleanup(free_list)))

static bool append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static void free_curl(CURL **curl)
{
    curl_easy_cleanup(*curl);
}
#define cleanup_curl __attribute__((cleanup(free_curl)))

/* The first failure of a row of options is kept. */
#define SET(option, value) (code = code ? code : curl_easy_setopt(curl, option, value))

static CURLcode set_transport(CURL *curl, const struct azure_request *request)
{
    CURLcode code = CURLE_OK;
    struct curl_blob ca = {(void *)(uintptr_t)request->ca, strlen(request->ca), CURL_BLOB_NOCOPY};
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, strncmp(request->url, "http:", 5) == 0 ? "http" : "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CAINFO_BLOB, &ca);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT);
    SET(CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT);
    SET(CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
    return code;
}

static CURLcode set_request(CURL *curl, const struct azure_request *request,
                            struct curl_slist *headers, struct curl_slist *resolve,
                            struct incoming *incoming)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_RESOLVE, resolve);
    if (request->form) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->form));
        SET(CURLOPT_POSTFIELDS, request->form);
    }
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, incoming);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, incoming);
    return code;
}

static bool fill_lists(const struct azure_request *request, struct curl_slist **headers,
                       struct curl_slist **resolve)
{
    size_t index;
    json_t *address;
    bool good = append(headers, "Accept: application/json") && append(headers, "Expect:");
    for (size_t i = 0; i < 3 && request->headers[i]; i++)
        good = good && append(headers, request->headers[i]);
    json_array_foreach(request->addresses, index, address) good =
        good && append(resolve, json_string_value(address));
    return good;
}

static void describe(const struct azure_request *request, CURLcode code, const char *detail,
                     const struct incoming *incoming)
{
    struct error *error = &incoming->answer->error;
    char host[128], text[CURL_ERROR_SIZE];
    const char *start = strstr(request->url, "://") + 3;
    status_text_copy(text, sizeof text, detail[0] ? detail : curl_easy_strerror(code));
    snprintf(host, sizeof host, "%.*s", (int)strcspn(start, "/?"), start);
    if (incoming->is_too_large)
        error_set(error, ERROR_LIMIT, "the answer of %s is too large", host);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        error_set(error, ERROR_UNAVAILABLE, "timeout waiting for %s: %s", host, text);
    else if (code == CURLE_OUT_OF_MEMORY)
        error_set(error, ERROR_SYSTEM, "out of memory while talking to %s", host);
    else
        error_set(error, ERROR_UNAVAILABLE, "no answer from %s: %s", host, text);
}

static void read_document(const struct incoming *incoming, struct azure_answer *answer)
{
    bool is_success = answer->status >= 200 && answer->status < 300;
    answer->document =
        document_parse(incoming->body, incoming->length, is_success ? &answer->error : NULL);
}

void azure_http(const struct azure_request *request, struct azure_answer *ret_answer)
{
    cleanup_list struct curl_slist *headers = NULL;
    cleanup_list struct curl_slist *resolve = NULL;
    cleanup_curl CURL *curl = curl_easy_init();
    char detail[CURL_ERROR_SIZE] = "";
    *ret_answer = (struct azure_answer){0};
    struct incoming incoming = {.body = malloc(AZURE_RESPONSE_MAXIMUM), .answer = ret_answer};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (curl && incoming.body && fill_lists(request, &headers, &resolve))
        code = set_transport(curl, request);
    if (code == CURLE_OK)
        code = set_request(curl, request, headers, resolve, &incoming);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (curl)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    if (code == CURLE_OK)
        read_document(&incoming, ret_answer);
    else
        describe(request, code, detail, &incoming);
    wipe(incoming.body, incoming.length);
}

void azure_answer_free(struct azure_answer *answer)
{
    const char *name;
    json_t *value;
    json_object_foreach(answer->document, name, value) if (json_is_string(value))
        OPENSSL_cleanse((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    json_decref(answer->document);
    answer->document = NULL;
}
