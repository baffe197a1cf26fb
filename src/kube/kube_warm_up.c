/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_warm_up.c - what must have happened before the first fork into a sandbox.
 *
 * Libraries put off work to its first use: Jansson opens /dev/urandom to seed its hash, OpenSSL
 * reads openssl.cnf and looks up its algorithms, the C library reads the time zone. In a sandbox
 * the first use would be a forbidden system call; done here once, every worker inherits it. A whole
 * handshake in memory also spares each of them the milliseconds in which OpenSSL fetches its
 * algorithms.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

#define SYSTEM_CA_PATH "/etc/ssl/certs/ca-certificates.crt"

enum { SYSTEM_CA_SIZE_MAXIMUM = 4 * 1024 * 1024, HANDSHAKE_ROUNDS_MAXIMUM = 8 };

/* The one thing that outlives a call in this folder: read before the forks, the same for every
 * client. */
static char *system_ca;

const char *kube_system_ca(void)
{
    return system_ca;
}

int kube_set_system_ca(const char *pem, struct error *error)
{
    char *copy = pem ? strdup(pem) : NULL;
    if (pem && !copy)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    free(system_ca);
    system_ca = copy;
    return 0;
}

static int read_system_ca(struct error *error)
{
    cleanup_free char *pem = NULL;
    struct error problem;
    if (io_read_file(SYSTEM_CA_PATH, SYSTEM_CA_SIZE_MAXIMUM, &pem, NULL, &problem) == 0)
        return kube_set_system_ca(pem, error);
    if (problem.kind == ERROR_NOT_FOUND)
        return kube_set_system_ca(NULL, error);
    return error_set(error, problem.kind, "%s", problem.message);
}

/* ---- a handshake with ourselves ---- */

/* Everything that the handshake is made of; freed as a whole. */
struct rehearsal {
    EVP_PKEY *key;
    X509 *certificate;
    SSL_CTX *server_context;
    SSL_CTX *client_context;
    SSL *server;
    SSL *client;
};

static void free_rehearsal(struct rehearsal *rehearsal)
{
    SSL_free(rehearsal->client);
    SSL_free(rehearsal->server);
    SSL_CTX_free(rehearsal->client_context);
    SSL_CTX_free(rehearsal->server_context);
    X509_free(rehearsal->certificate);
    EVP_PKEY_free(rehearsal->key);
}

static bool make_certificate(struct rehearsal *rehearsal)
{
    rehearsal->key = EVP_EC_gen("P-256");
    X509 *certificate = rehearsal->certificate = X509_new();
    if (!rehearsal->key || !certificate)
        return false;
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"rehearsal",
                                      -1, -1, 0) &&
           X509_set_issuer_name(certificate, name) &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) &&
           X509_set_pubkey(certificate, rehearsal->key) &&
           X509_sign(certificate, rehearsal->key, EVP_sha256());
}

static bool make_ends(struct rehearsal *rehearsal)
{
    rehearsal->server_context = SSL_CTX_new(TLS_server_method());
    rehearsal->client_context = SSL_CTX_new(TLS_client_method());
    if (!rehearsal->server_context || !rehearsal->client_context)
        return false;
    SSL_CTX_set_verify(rehearsal->client_context, SSL_VERIFY_PEER, NULL);
    X509_STORE *trusted = SSL_CTX_get_cert_store(rehearsal->client_context);
    if (!SSL_CTX_use_certificate(rehearsal->server_context, rehearsal->certificate) ||
        !SSL_CTX_use_PrivateKey(rehearsal->server_context, rehearsal->key) ||
        !X509_STORE_add_cert(trusted, rehearsal->certificate))
        return false;
    rehearsal->server = SSL_new(rehearsal->server_context);
    rehearsal->client = SSL_new(rehearsal->client_context);
    BIO *server_end;
    BIO *client_end;
    if (!rehearsal->server || !rehearsal->client ||
        !BIO_new_bio_pair(&server_end, 0, &client_end, 0))
        return false;
    SSL_set_bio(rehearsal->server, server_end, server_end);
    SSL_set_bio(rehearsal->client, client_end, client_end);
    SSL_set_accept_state(rehearsal->server);
    SSL_set_connect_state(rehearsal->client);
    return true;
}

static bool shake_hands(struct rehearsal *rehearsal)
{
    for (int round = 0; round < HANDSHAKE_ROUNDS_MAXIMUM; round++) {
        int client_done = SSL_do_handshake(rehearsal->client);
        int server_done = SSL_do_handshake(rehearsal->server);
        if (client_done == 1 && server_done == 1)
            return true;
    }
    return false;
}

static int rehearse_tls(struct error *error)
{
    struct rehearsal rehearsal = {0};
    bool is_done = make_certificate(&rehearsal) && make_ends(&rehearsal) && shake_hands(&rehearsal);
    free_rehearsal(&rehearsal);
    if (is_done)
        return 0;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return error_set(error, ERROR_SYSTEM, "OpenSSL cannot make a TLS connection in memory: %s",
                     reason ? reason : "no reason given");
}

int kube_warm_up(struct error *error)
{
    tzset();
    json_object_seed(0);
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return error_set(error, ERROR_SYSTEM, "cannot initialize libcurl: %s",
                         curl_easy_strerror(code));
    if (read_system_ca(error) < 0)
        return -1;
    return rehearse_tls(error);
}
