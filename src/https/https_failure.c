/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_failure.c - why there is no whole answer, in words and as a kind of error.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "https/https_private.h"
#include "mimo/clock.h"
#include "mimo/outcome.h"

/* What is said of a failure in front of the server's name. Rows that are missing are
 * ERROR_UNAVAILABLE: something between here and there, which may have gone away by the next
 * attempt. */
static const struct failure {
    CURLcode code;
    enum error_kind kind;
    const char *text;
} failures[] = {
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_UNAVAILABLE, "TLS: untrusted certificate of"},
    {CURLE_SSL_CONNECT_ERROR, ERROR_UNAVAILABLE, "TLS: no secure connection to"},
    {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, "TLS: the client certificate cannot be used with"},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, "TLS: the CA certificates cannot be used with"},
    {CURLE_GOT_NOTHING, ERROR_UNAVAILABLE, "connection closed without an answer by"},
    {CURLE_PARTIAL_FILE, ERROR_UNAVAILABLE, "connection closed in the middle of an answer by"},
    {CURLE_RECV_ERROR, ERROR_UNAVAILABLE, "connection lost while waiting for"},
    {CURLE_SEND_ERROR, ERROR_UNAVAILABLE, "connection lost while sending to"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_INVALID, "no HTTP/1.1 answer from"},
    {CURLE_WEIRD_SERVER_REPLY, ERROR_INVALID, "no HTTP/1.1 answer from"},
    {CURLE_BAD_CONTENT_ENCODING, ERROR_INVALID, "an answer in a form not asked for, from"},
    {CURLE_OUT_OF_MEMORY, ERROR_MEMORY, "out of memory for, or a header line without end from"},
};

static void describe_timeout(struct https_client *client, struct error *error)
{
    char duration[CLOCK_TEXT_SIZE];
    curl_off_t connected = 0;
    curl_easy_getinfo(client->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0)
        error_set(error, ERROR_UNAVAILABLE, "timeout connecting to %s after %s", client->peer,
                  clock_format_duration(duration, client->connect_timeout));
    else
        error_set(error, ERROR_UNAVAILABLE, "timeout waiting for an answer of %s after %s",
                  client->peer, clock_format_duration(duration, client->request_timeout));
}

/* A connection that was never made: the reason is the kernel's. */
static void describe_no_connection(struct https_client *client, struct error *error)
{
    long number = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    if (number == ECONNREFUSED)
        error_set(error, ERROR_UNAVAILABLE, "connection refused by %s", client->peer);
    else if (number == EACCES || number == EPERM)
        error_set(error, ERROR_DENIED, "forbidden: the sandbox allows no connection to %s",
                  client->peer);
    else if (number)
        error_set(error, ERROR_UNAVAILABLE, "cannot connect to %s: %s", client->peer,
                  strerror((int)number));
    else
        error_set(error, ERROR_UNAVAILABLE, "cannot connect to %s", client->peer);
}

void https_describe_failure(struct https_client *client, CURLcode code, struct error *error)
{
    if (code == CURLE_OPERATION_TIMEDOUT) {
        describe_timeout(client, error);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        describe_no_connection(client, error);
        return;
    }
    struct failure failure = {code, ERROR_UNAVAILABLE, "no answer from"};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (failures[i].code == code)
            failure = failures[i];
    char detail[CURL_ERROR_SIZE];
    status_text_copy(detail, sizeof detail,
                     client->curl_message[0] ? client->curl_message : curl_easy_strerror(code));
    error_set(error, failure.kind, "%s %s: %s", failure.text, client->peer, detail);
}
