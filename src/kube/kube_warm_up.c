/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_warm_up.c - what must have happened before the first fork into a sandbox.
 *
 * Libraries put off work to its first use: Jansson opens /dev/urandom to seed its hash, OpenSSL
 * reads openssl.cnf and looks up its algorithms, the C library reads the time zone. In a sandbox
 * the first use would be a forbidden system call; done here once, every worker inherits it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

#define SYSTEM_CA_PATH "/etc/ssl/certs/ca-certificates.crt"

enum { SYSTEM_CA_SIZE_MAXIMUM = 4 * 1024 * 1024 };

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
    return set_up_openssl(error);
}
