/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem.c - checks the PEM texts of a kubeconfig.
 */
#include "kube/pem.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "mimo/clock.h"

static void free_bio(BIO **bio)
{
    BIO_free(*bio);
}
#define cleanup_bio __attribute__((cleanup(free_bio)))

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}
#define cleanup_certificate __attribute__((cleanup(free_certificate)))

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
#define cleanup_key __attribute__((cleanup(free_key)))

/* Returns OpenSSL's reason and empties its error queue, which the next call would otherwise take
 * for its own. */
static const char *reason_of_failure(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

int pem_check_certificates(const char *pem, const char *what, struct error *error)
{
    cleanup_bio BIO *bio = BIO_new_mem_buf(pem, -1);
    if (!bio)
        return error_set_memory(error);
    for (int count = 0;; count++) {
        cleanup_certificate X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate)
            continue;
        if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            return error_set(error, ERROR_INVALID, "%s: certificate %d cannot be read: %s", what,
                             count + 1, reason_of_failure());
        ERR_clear_error();
        return count ? 0 : error_set(error, ERROR_INVALID, "%s holds no PEM certificate", what);
    }
}

/* Refuses to supply a pass phrase, which OpenSSL would otherwise ask for on a terminal. */
static int refuse_pass_phrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

int pem_check_key(const char *key_pem, const char *certificate_pem, const char *what,
                  struct error *error)
{
    cleanup_bio BIO *certificate_bio = BIO_new_mem_buf(certificate_pem, -1);
    cleanup_bio BIO *key_bio = BIO_new_mem_buf(key_pem, -1);
    if (!certificate_bio || !key_bio)
        return error_set_memory(error);
    bool asked = false;
    cleanup_key EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, refuse_pass_phrase, &asked);
    if (asked) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID,
                         "%s is protected by a pass phrase: store the key without one", what);
    }
    if (!key)
        ERR_clear_error();
    if (!key)
        return error_set(error, ERROR_INVALID, "%s is not a PEM private key", what);
    cleanup_certificate X509 *certificate = PEM_read_bio_X509(certificate_bio, NULL, NULL, NULL);
    if (!certificate || X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "%s does not belong to the client certificate",
                         what);
    }
    return 0;
}

/* Unix seconds of a time of a certificate; -1 if it is malformed. */
static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm fields;
    return ASN1_TIME_to_tm(time, &fields) == 1 ? (int64_t)timegm(&fields) : -1;
}

static int check_dates(const X509 *certificate, int64_t now, const char *what, struct error *error)
{
    int64_t begin = seconds_of(X509_get0_notBefore(certificate));
    int64_t end = seconds_of(X509_get0_notAfter(certificate));
    char shown[CLOCK_TEXT_SIZE];
    if (end < now)
        return error_set(error, ERROR_INVALID, "the certificate in %s expired at %s", what,
                         clock_format(shown, end < 0 ? 0 : end));
    if (begin > now)
        return error_set(error, ERROR_INVALID, "the certificate in %s is not valid before %s", what,
                         clock_format(shown, begin < CLOCK_MAXIMUM ? begin : CLOCK_MAXIMUM));
    return 0;
}

int pem_check_dates(const char *pem, enum pem_which which, int64_t now, const char *what,
                    struct error *error)
{
    cleanup_bio BIO *bio = BIO_new_mem_buf(pem, -1);
    if (!bio)
        return error_set_memory(error);
    for (int result = 0;;) {
        cleanup_certificate X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        ERR_clear_error(); /* of the end of the text */
        if (!certificate)
            return result;
        result = check_dates(certificate, now, what, error);
        if (result == 0 || which == PEM_FIRST)
            return result;
    }
}
