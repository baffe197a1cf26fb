/* SPDX-License-Identifier: Apache-2.0 */
/*
 * https_failure.c - why there is no whole answer: as a kind, as a trouble, and in words.
 *
 * The words of libcurl and OpenSSL ("getpeername() failed with errno 107") are not passed on: they
 * name their own functions, not what an operator can do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "https/https_private.h"
#include "mimo/clock.h"

/* Codes of libcurl. The peer's name is between `before` and `after`. All other codes are
 * ERROR_UNAVAILABLE. */
static const struct failure {
    CURLcode code;
    enum error_kind kind;
    enum https_trouble trouble;
    const char *before;
    const char *after;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERROR_UNAVAILABLE, HTTPS_TROUBLE_NAME,
     "cannot resolve the name of", ""},
    {CURLE_COULDNT_RESOLVE_PROXY, ERROR_UNAVAILABLE, HTTPS_TROUBLE_PROXY,
     "cannot resolve the name of the proxy to", ""},
    {CURLE_SSL_CERTPROBLEM, ERROR_INVALID, HTTPS_TROUBLE_CLIENT_CERTIFICATE,
     "TLS: the client certificate or its key cannot be used with",
     ": both must be PEM, the key without a pass phrase and made for the certificate"},
    {CURLE_SSL_CACERT_BADFILE, ERROR_INVALID, HTTPS_TROUBLE_CA,
     "TLS: the CA certificates cannot be used with", ": they must be PEM certificates"},
    {CURLE_GOT_NOTHING, ERROR_UNAVAILABLE, HTTPS_TROUBLE_LOST,
     "connection closed without an answer by", ""},
    {CURLE_PARTIAL_FILE, ERROR_UNAVAILABLE, HTTPS_TROUBLE_LOST,
     "connection closed in the middle of an answer by", ""},
    {CURLE_RECV_ERROR, ERROR_UNAVAILABLE, HTTPS_TROUBLE_LOST, "connection lost while waiting for",
     ""},
    {CURLE_SEND_ERROR, ERROR_UNAVAILABLE, HTTPS_TROUBLE_LOST, "connection lost while sending to",
     ""},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_UNAVAILABLE, HTTPS_TROUBLE_NO_HTTP,
     "no HTTP/1.1 answer from", ""},
    {CURLE_WEIRD_SERVER_REPLY, ERROR_UNAVAILABLE, HTTPS_TROUBLE_NO_HTTP, "no HTTP/1.1 answer from",
     ""},
    {CURLE_BAD_CONTENT_ENCODING, ERROR_UNAVAILABLE, HTTPS_TROUBLE_NO_HTTP,
     "an answer in an encoding that was not asked for, from", ""},
    {CURLE_OUT_OF_MEMORY, ERROR_MEMORY, HTTPS_TROUBLE_OTHER,
     "out of memory for the answer, or an endless header line, of", ""},
};

/* Alerts that a server sends, RFC 8446, 6.2. */
static const struct alert {
    int number;
    enum https_trouble trouble;
    const char *text; /* behind "TLS: PEER " */
} alerts[] = {
    {SSL3_AD_HANDSHAKE_FAILURE, HTTPS_TROUBLE_TLS,
     "refused the handshake: no common TLS parameters, or it requires a client certificate"},
    {SSL3_AD_BAD_CERTIFICATE, HTTPS_TROUBLE_CLIENT_REFUSED, "refused the client certificate"},
    {SSL3_AD_UNSUPPORTED_CERTIFICATE, HTTPS_TROUBLE_CLIENT_REFUSED,
     "refused the client certificate: its type or purpose is not supported"},
    {SSL3_AD_CERTIFICATE_REVOKED, HTTPS_TROUBLE_CLIENT_REFUSED,
     "refused the client certificate: it was revoked"},
    {SSL3_AD_CERTIFICATE_EXPIRED, HTTPS_TROUBLE_CLIENT_REFUSED,
     "refused the client certificate: it has expired or is not valid yet"},
    {SSL3_AD_CERTIFICATE_UNKNOWN, HTTPS_TROUBLE_CLIENT_REFUSED, "refused the client certificate"},
    {TLS1_AD_UNKNOWN_CA, HTTPS_TROUBLE_CLIENT_REFUSED,
     "refused the client certificate: the server does not know its issuer"},
    {TLS1_AD_ACCESS_DENIED, HTTPS_TROUBLE_CLIENT_REFUSED,
     "refused the client certificate: access denied"},
    {TLS1_AD_DECRYPT_ERROR, HTTPS_TROUBLE_CLIENT_REFUSED,
     "could not verify the signature by the client's key"},
    {TLS13_AD_CERTIFICATE_REQUIRED, HTTPS_TROUBLE_CLIENT_REFUSED, "requires a client certificate"},
    {TLS1_AD_PROTOCOL_VERSION, HTTPS_TROUBLE_TLS, "speaks neither TLS 1.2 nor TLS 1.3"},
    {TLS1_AD_INSUFFICIENT_SECURITY, HTTPS_TROUBLE_TLS, "requires stronger TLS ciphers"},
    {TLS1_AD_UNRECOGNIZED_NAME, HTTPS_TROUBLE_TLS,
     "does not serve the host name that it was asked for"},
    {TLS1_AD_INTERNAL_ERROR, HTTPS_TROUBLE_TLS, "had an internal error during the handshake"},
};

static void fail(struct https_answer *answer, enum error_kind kind, enum https_trouble trouble,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void fail(struct https_answer *answer, enum error_kind kind, enum https_trouble trouble,
                 const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_set_arguments(&answer->error, kind, format, arguments);
    va_end(arguments);
    answer->trouble = trouble;
}

static void describe_timeout(const struct https_client *client, struct https_answer *answer)
{
    char duration[CLOCK_TEXT_SIZE];
    curl_off_t connected = 0;
    curl_easy_getinfo(client->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0)
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_TIMEOUT, "timeout connecting to %s after %s",
             client->peer, clock_format_duration(duration, client->connect_timeout));
    else
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_TIMEOUT,
             "timeout waiting for an answer of %s after %s", client->peer,
             clock_format_duration(duration, client->request_timeout));
}

/* A connection that was never made: the kernel knows the reason. */
static void describe_no_connection(const struct https_client *client, struct https_answer *answer)
{
    long number = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    if (number == ECONNREFUSED)
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_CONNECT, "connection refused by %s",
             client->peer);
    else if (number == EACCES || number == EPERM)
        fail(answer, ERROR_DENIED, HTTPS_TROUBLE_CONNECT,
             "forbidden: the sandbox allows no connection to %s", client->peer);
    else if (number)
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_CONNECT, "cannot connect to %s: %s",
             client->peer, strerror((int)number));
    else
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_CONNECT, "cannot connect to %s",
             client->peer);
}

/* A server's certificate that does not verify. */
static void describe_distrust(const struct https_client *client, struct https_answer *answer)
{
    long result = X509_V_OK;
    curl_easy_getinfo(client->curl, CURLINFO_SSL_VERIFYRESULT, &result);
    if (result == X509_V_OK || result == X509_V_ERR_HOSTNAME_MISMATCH ||
        result == X509_V_ERR_IP_ADDRESS_MISMATCH)
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_DISTRUST,
             "TLS: untrusted certificate of %s: it is for another host name", client->peer);
    else
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_DISTRUST,
             "TLS: untrusted certificate of %s: %s", client->peer,
             X509_verify_cert_error_string(result));
}

/* True if the server said by an alert why it ended the connection. */
static bool describe_alert(const struct https_client *client, struct https_answer *answer)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
        if (alerts[i].number != client->alert)
            continue;
        fail(answer, ERROR_UNAVAILABLE, alerts[i].trouble, "TLS: %s %s", client->peer,
             alerts[i].text);
        return true;
    }
    return false;
}

static void describe_handshake(const struct https_client *client, struct https_answer *answer)
{
    if (client->handshake_messages == 0)
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_TLS,
             "TLS: no secure connection to %s: it does not answer with TLS; check the port",
             client->peer);
    else
        fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_TLS,
             "TLS: no secure connection to %s: the handshake broke off", client->peer);
}

static void describe_code(const struct https_client *client, CURLcode code,
                          struct https_answer *answer)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].code != code)
            continue;
        fail(answer, failures[i].kind, failures[i].trouble, "%s %s%s", failures[i].before,
             client->peer, failures[i].after);
        return;
    }
    fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_OTHER, "no answer from %s: %s", client->peer,
         curl_easy_strerror(code));
}

/* A server that requires a certificate may end the connection before its alert is read. */
static void add_guess(const struct https_client *client, struct https_answer *answer)
{
    char text[ERROR_MESSAGE_SIZE];
    if (answer->trouble != HTTPS_TROUBLE_LOST || !client->has_certificate || client->answered)
        return;
    snprintf(text, sizeof(text), "%s", answer->error.message);
    fail(answer, ERROR_UNAVAILABLE, HTTPS_TROUBLE_LOST,
         "%s right after the handshake; it may have refused the client certificate", text);
}

static void name_proxy(const struct https_client *client, struct https_answer *answer)
{
    char text[ERROR_MESSAGE_SIZE];
    if (!client->proxy[0])
        return;
    snprintf(text, sizeof(text), "%s", answer->error.message);
    fail(answer, answer->error.kind, HTTPS_TROUBLE_PROXY,
         "%s; the environment sets the proxy %s, add the host to no_proxy to connect without it",
         text, client->proxy);
}

void https_describe_failure(struct https_client *client, CURLcode code, struct https_answer *answer)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        describe_timeout(client, answer);
    else if (code == CURLE_COULDNT_CONNECT)
        describe_no_connection(client, answer);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        describe_distrust(client, answer);
    else if (describe_alert(client, answer))
        ;
    else if (code == CURLE_SSL_CONNECT_ERROR)
        describe_handshake(client, answer);
    else
        describe_code(client, code, answer);
    add_guess(client, answer);
    if (answer->trouble != HTTPS_TROUBLE_DISTRUST)
        name_proxy(client, answer);
}
