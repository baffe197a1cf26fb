/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_fitness.c - names, dates, key usage and chain of a certificate, judged for a
 * purpose.
 */
#include "seal/certificate_fitness.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "mimo/clock.h"
#include "mimo/outcome.h"

enum {
    SUBJECT_SIZE = 256,
    NAMES_SIZE = 256,
    DAY_SECONDS = 86400,
    RSA_BITS_MINIMUM = 2048, /* OpenShift's router and clients refuse less */
};

int certificate_read_time(const ASN1_TIME *time, int64_t *ret_seconds, struct error *error)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days, seconds;
    if (!epoch)
        return error_set_memory(error);
    int understood = ASN1_TIME_diff(&days, &seconds, epoch, time);
    ASN1_TIME_free(epoch);
    if (understood != 1) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "it has a date that cannot be read");
    }
    *ret_seconds = (int64_t)days * DAY_SECONDS + seconds;
    return 0;
}

const char *certificate_subject(X509 *certificate, char *buffer, size_t size)
{
    char text[SUBJECT_SIZE];
    char *name;
    BIO *bio = BIO_new(BIO_s_mem());
    buffer[0] = '\0';
    if (!bio)
        return buffer;
    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    long length = BIO_get_mem_data(bio, &name);
    snprintf(text, sizeof(text), "%.*s", (int)(length < SUBJECT_SIZE ? length : SUBJECT_SIZE - 1),
             length > 0 ? name : "");
    status_text_copy(buffer, size, text);
    BIO_free(bio);
    return buffer;
}

/* ---- dates ---- */

/* Fills `whose` into the text: "it", or "CN=Some CA above it". */
static int check_dates(X509 *certificate, const char *whose, int64_t days_left, int64_t now,
                       struct error *error)
{
    int64_t from, until;
    char time[CLOCK_TEXT_SIZE];
    if (certificate_read_time(X509_get0_notBefore(certificate), &from, error) < 0 ||
        certificate_read_time(X509_get0_notAfter(certificate), &until, error) < 0)
        return -1;
    if (now < from)
        return error_set(error, ERROR_INVALID,
                         "%s is not valid before %s: bring one that is valid now", whose,
                         clock_format(time, from));
    clock_format(time, until);
    if (now > until)
        return error_set(error, ERROR_INVALID, "%s expired at %s: renew it", whose, time);
    if (until - now < days_left * DAY_SECONDS)
        return error_set(error, ERROR_INVALID,
                         "%s expires at %s, in less than %d days: renew it first", whose, time,
                         (int)days_left);
    return 0;
}

/* ---- names ---- */

/* "a.example.com, b.example.com": its DNS names, for people. */
static void list_names(X509 *leaf, char *buffer, size_t size)
{
    char text[NAMES_SIZE] = "";
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        size_t used = strlen(text);
        if (name->type == GEN_DNS)
            snprintf(text + used, sizeof(text) - used, "%s%.*s", used ? ", " : "",
                     ASN1_STRING_length(name->d.dNSName),
                     (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    }
    GENERAL_NAMES_free(names);
    status_text_copy(buffer, size, text);
}

static int check_name(X509 *leaf, const char *host, struct error *error)
{
    char names[NAMES_SIZE];
    if (!host || X509_check_host(leaf, host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1)
        return 0;
    ERR_clear_error();
    list_names(leaf, names, sizeof(names));
    if (!names[0])
        return error_set(error, ERROR_INVALID,
                         "it names no host (no subjectAltName), but has to be for %s: have it "
                         "issued for that name",
                         host);
    return error_set(error, ERROR_INVALID, "it is for %s, not for %s: have it issued for that name",
                     names, host);
}

/* ---- usage and key ---- */

static int check_usage(X509 *leaf, enum certificate_role role, struct error *error)
{
    int purpose = role == CERTIFICATE_SERVER ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT;
    if (X509_check_purpose(leaf, purpose, 0) == 1)
        return 0;
    ERR_clear_error();
    return error_set(error, ERROR_INVALID,
                     "its key usage does not allow a TLS %s: have it issued for %s authentication",
                     role == CERTIFICATE_SERVER ? "server" : "client",
                     role == CERTIFICATE_SERVER ? "server" : "client");
}

static int check_key(X509 *leaf, struct error *error)
{
    const EVP_PKEY *key = X509_get0_pubkey(leaf);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
        EVP_PKEY_get_bits(key) < RSA_BITS_MINIMUM)
        return error_set(error, ERROR_INVALID,
                         "its RSA key has %d bits, which servers and clients refuse: use %d or "
                         "more",
                         EVP_PKEY_get_bits(key), RSA_BITS_MINIMUM);
    return 0;
}

/* ---- chain ---- */

static bool is_self_issued(X509 *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) ==
           0;
}

/* Whether `issuer` signed `below` and may do so. */
static int check_issuer(X509 *issuer, X509 *below, int64_t now, struct error *error)
{
    char name[SUBJECT_SIZE];
    certificate_subject(issuer, name, sizeof(name));
    if (X509_verify(below, X509_get0_pubkey(issuer)) != 1) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID,
                         "%s has the name of its issuer but did not sign it: put the right "
                         "certificate of the issuer into the bundle",
                         name);
    }
    if (X509_check_ca(issuer) == 0) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID,
                         "%s above it is not allowed to issue certificates (no CA)", name);
    }
    return check_dates(issuer, name, 0, now, error);
}

/* Clients know roots, not intermediates: at least the issuer of the leaf has to be served with it. */
static int check_chain(X509 *const *chain, size_t count, int64_t now, struct error *error)
{
    char issuer[SUBJECT_SIZE];
    size_t place = 1;
    while (place < count && X509_check_issued(chain[place], chain[place - 1]) == X509_V_OK) {
        if (check_issuer(chain[place], chain[place - 1], now, error) < 0)
            return -1;
        place++;
    }
    ERR_clear_error();
    if (place > 1 || is_self_issued(chain[0]))
        return 0;
    X509_NAME_oneline(X509_get_issuer_name(chain[0]), issuer, sizeof(issuer));
    return error_set(error, ERROR_INVALID,
                     "the certificate of its issuer %.200s is missing, without which clients do "
                     "not trust it: append it to the bundle",
                     issuer);
}

int certificate_check_fitness(X509 *const *chain, size_t count,
                              const struct certificate_purpose *purpose, int64_t now,
                              struct error *error)
{
    if (check_dates(chain[0], "it", purpose->days_left, now, error) < 0 ||
        check_usage(chain[0], purpose->role, error) < 0 || check_key(chain[0], error) < 0)
        return -1;
    if (purpose->role != CERTIFICATE_SERVER)
        return 0;
    if (check_name(chain[0], purpose->host, error) < 0)
        return -1;
    return check_chain(chain, count, now, error);
}
