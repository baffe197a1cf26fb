/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate with its key: read, checked, put in order. */
#include "config.h"

#include "mimo/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "mimo/clock.h"
#include "mimo/outcome.h"

#define RELEASED_BY(type, name, release)                                                           \
    static void free_##name(type **pointer)                                                        \
    {                                                                                              \
        release(*pointer);                                                                         \
    }

RELEASED_BY(BIO, bio, BIO_free)
RELEASED_BY(PKCS12, pkcs12, PKCS12_free)
RELEASED_BY(BIGNUM, number, BN_free)
RELEASED_BY(char, text, OPENSSL_free)
RELEASED_BY(ASN1_TIME, time, ASN1_TIME_free)
#define cleanup_bio    __attribute__((cleanup(free_bio)))
#define cleanup_pkcs12 __attribute__((cleanup(free_pkcs12)))
#define cleanup_number __attribute__((cleanup(free_number)))
#define cleanup_text   __attribute__((cleanup(free_text)))
#define cleanup_time   __attribute__((cleanup(free_time)))

void certificate_data_wipe(struct certificate_data *data)
{
    if (data->bytes)
        OPENSSL_cleanse(data->bytes, data->length);
    free(data->bytes);
    *data = (struct certificate_data){0};
}

static void wipe_text(char **text)
{
    if (*text)
        OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void certificate_bundle_wipe(struct certificate_bundle *bundle)
{
    wipe_text(&bundle->key);
    wipe_text(&bundle->chain);
}

/* ---- what was found ---- */

struct contents {
    EVP_PKEY *key;
    X509 *certificates[CERTIFICATE_CHAIN_MAXIMUM];
    size_t count;
};

static void free_contents(struct contents *contents)
{
    EVP_PKEY_free(contents->key);
    for (size_t i = 0; i < contents->count; i++)
        X509_free(contents->certificates[i]);
}
#define cleanup_contents __attribute__((cleanup(free_contents)))

/* The reason that OpenSSL gives; its queue is left empty. */
static const char *reason_of_failure(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return reason ? reason : "no reason given";
}

/* Takes the key over, also when it fails. */
static int add_key(struct contents *contents, EVP_PKEY *key, struct error *error)
{
    if (!key)
        return error_set(error, ERROR_INVALID, "its private key cannot be read: %s",
                         reason_of_failure());
    if (contents->key) {
        EVP_PKEY_free(key);
        return error_set(error, ERROR_INVALID, "it holds more than one private key");
    }
    contents->key = key;
    return 0;
}

/* Takes the certificate over, also when it fails. */
static int add_certificate(struct contents *contents, X509 *certificate, struct error *error)
{
    if (!certificate)
        return error_set(error, ERROR_INVALID, "certificate %zu of it cannot be read: %s",
                         contents->count + 1, reason_of_failure());
    if (contents->count == CERTIFICATE_CHAIN_MAXIMUM) {
        X509_free(certificate);
        return error_set(error, ERROR_INVALID, "it holds more than %d certificates",
                         CERTIFICATE_CHAIN_MAXIMUM);
    }
    contents->certificates[contents->count++] = certificate;
    return 0;
}

/* ---- PEM ---- */

struct pem_block {
    char *name;
    char *header;
    unsigned char *data;
    long length;
};

static void free_block(struct pem_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, (size_t)block->length);
}
#define cleanup_block __attribute__((cleanup(free_block)))

static int read_key_block(const struct pem_block *block, struct contents *contents,
                          struct error *error)
{
    const unsigned char *data = block->data;

    if (strcmp(block->name, PEM_STRING_PKCS8) == 0 || strstr(block->header, "ENCRYPTED"))
        return error_set(
            error, ERROR_INVALID,
            "its private key is protected by a pass phrase: store the key without one");
    return add_key(contents, d2i_AutoPrivateKey(NULL, &data, block->length), error);
}

static int read_certificate_block(const struct pem_block *block, struct contents *contents,
                                  struct error *error)
{
    const unsigned char *data = block->data;

    return add_certificate(contents, d2i_X509(NULL, &data, block->length), error);
}

static int skip_block(const struct pem_block *block, struct contents *contents, struct error *error)
{
    (void)block;
    (void)contents;
    (void)error;
    return 0;
}

/* The blocks that a bundle may have. */
static const struct {
    const char *name;
    int (*read)(const struct pem_block *block, struct contents *contents, struct error *error);
} blocks[] = {
    {PEM_STRING_X509, read_certificate_block}, {PEM_STRING_X509_OLD, read_certificate_block},
    {PEM_STRING_PKCS8INF, read_key_block},     {PEM_STRING_PKCS8, read_key_block},
    {PEM_STRING_RSA, read_key_block},          {PEM_STRING_ECPRIVATEKEY, read_key_block},
    {PEM_STRING_ECPARAMETERS, skip_block}, /* the key block says it again */
};

static int read_block(const struct pem_block *block, struct contents *contents, struct error *error)
{
    char shown[40];

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (strcmp(blocks[i].name, block->name) == 0)
            return blocks[i].read(block, contents, error);
    }
    status_text_copy(shown, sizeof(shown), block->name);
    return error_set(error, ERROR_INVALID,
                     "it holds a \"%s\", which is neither a certificate nor a private key", shown);
}

static int read_pem(const struct certificate_data *data, struct contents *contents,
                    struct error *error)
{
    cleanup_bio BIO *bio = BIO_new_mem_buf(data->bytes, (int)data->length);

    if (!bio)
        return error_set_memory(error);
    for (;;) {
        cleanup_block struct pem_block block = {0};

        if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.length) != 1)
            break;
        if (read_block(&block, contents, error) < 0)
            return -1;
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return error_set(error, ERROR_INVALID, "a PEM block of it is damaged: %s",
                         reason_of_failure());
    ERR_clear_error();
    return 0;
}

/* ---- PKCS#12 ---- */

static int add_all(struct contents *contents, STACK_OF(X509) * others, struct error *error)
{
    X509 *certificate;
    int result = 0;

    while (result == 0 && (certificate = sk_X509_shift(others)))
        result = add_certificate(contents, certificate, error);
    sk_X509_pop_free(others, X509_free);
    return result;
}

static int read_pkcs12(const struct certificate_data *data, struct contents *contents,
                       struct error *error)
{
    const unsigned char *bytes = data->bytes;
    cleanup_pkcs12 PKCS12 *pkcs12 = d2i_PKCS12(NULL, &bytes, (long)data->length);
    STACK_OF(X509) *others = NULL;
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;

    if (!pkcs12 || PKCS12_parse(pkcs12, "", &key, &leaf, &others) != 1)
        return error_set(error, ERROR_INVALID, "its PKCS#12 cannot be read: %s",
                         reason_of_failure());
    contents->key = key;
    if (leaf && add_certificate(contents, leaf, error) < 0) {
        sk_X509_pop_free(others, X509_free);
        return -1;
    }
    return add_all(contents, others, error);
}

/* ---- checking ---- */

/* Puts the key's certificate first. */
static int find_leaf(struct contents *contents, struct error *error)
{
    if (!contents->key)
        return error_set(error, ERROR_INVALID, "it holds no private key");
    if (contents->count == 0)
        return error_set(error, ERROR_INVALID, "it holds no certificate");
    for (size_t i = 0; i < contents->count; i++) {
        X509 *certificate = contents->certificates[i];

        if (X509_check_private_key(certificate, contents->key) == 1) {
            memmove(&contents->certificates[1], &contents->certificates[0],
                    i * sizeof(contents->certificates[0]));
            contents->certificates[0] = certificate;
            return 0;
        }
    }
    ERR_clear_error();
    return error_set(error, ERROR_INVALID, "its private key belongs to none of its certificates");
}

/* Behind each certificate its issuer, as far as it is there; what nobody follows stays at the end,
 * as it was. */
static void sort_chain(struct contents *contents)
{
    for (size_t place = 1; place < contents->count; place++) {
        X509 *below = contents->certificates[place - 1];
        size_t i = place;

        while (i < contents->count &&
               X509_check_issued(contents->certificates[i], below) != X509_V_OK)
            i++;
        if (i == contents->count)
            return;
        X509 *issuer = contents->certificates[i];
        memmove(&contents->certificates[place + 1], &contents->certificates[place],
                (i - place) * sizeof(contents->certificates[0]));
        contents->certificates[place] = issuer;
    }
}

static int read_time(const ASN1_TIME *time, int64_t *ret_seconds, struct error *error)
{
    cleanup_time ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days, seconds;

    if (!epoch)
        return error_set(error, ERROR_MEMORY, "out of memory for a certificate");
    if (ASN1_TIME_diff(&days, &seconds, epoch, time) != 1) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "its certificate has a date that is none");
    }
    *ret_seconds = (int64_t)days * 86400 + seconds;
    return 0;
}

static int check_dates(X509 *leaf, int64_t now, char *expiry, struct error *error)
{
    int64_t from, until;
    char time[CLOCK_TEXT_SIZE];

    if (read_time(X509_get0_notBefore(leaf), &from, error) < 0 ||
        read_time(X509_get0_notAfter(leaf), &until, error) < 0)
        return -1;
    clock_format(expiry, until);
    if (now < from)
        return error_set(error, ERROR_INVALID, "its certificate is not valid before %s",
                         clock_format(time, from));
    if (now > until)
        return error_set(error, ERROR_INVALID, "its certificate expired at %s: renew it", expiry);
    return 0;
}

/* ---- what comes out ---- */

/* NULL without memory. */
static char *text_of(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);

    return length > 0 ? strndup(data, (size_t)length) : NULL;
}

static int write_texts(const struct contents *contents, struct certificate_bundle *bundle)
{
    cleanup_bio BIO *key = BIO_new(BIO_s_mem());
    cleanup_bio BIO *chain = BIO_new(BIO_s_mem());

    if (!key || !chain ||
        PEM_write_bio_PKCS8PrivateKey(key, contents->key, NULL, NULL, 0, NULL, NULL) != 1)
        return -1;
    for (size_t i = 0; i < contents->count; i++) {
        if (PEM_write_bio_X509(chain, contents->certificates[i]) != 1)
            return -1;
    }
    bundle->key = text_of(key);
    bundle->chain = text_of(chain);
    return bundle->key && bundle->chain ? 0 : -1;
}

static int describe(X509 *leaf, const char *expiry, char *description)
{
    cleanup_bio BIO *subject = BIO_new(BIO_s_mem());
    cleanup_number BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    cleanup_text char *serial = number ? BN_bn2hex(number) : NULL;
    char text[CERTIFICATE_DESCRIPTION_SIZE];
    char *name;

    if (!subject || !serial)
        return -1;
    X509_NAME_print_ex(subject, X509_get_subject_name(leaf), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    long length = BIO_get_mem_data(subject, &name);
    snprintf(text, sizeof(text), "%.*s, serial %.64s, expires %s",
             (int)(length < 256 ? length : 256), length > 0 ? name : "", serial, expiry);
    status_text_copy(description, CERTIFICATE_DESCRIPTION_SIZE, text);
    return 0;
}

int certificate_bundle_parse(const struct certificate_data *data, int64_t now,
                             struct certificate_bundle *ret_bundle, struct error *error)
{
    cleanup_contents struct contents contents = {0};
    struct certificate_bundle bundle = {0};
    char expiry[CLOCK_TEXT_SIZE];

    if (data->length > CERTIFICATE_DATA_MAXIMUM)
        return error_set(error, ERROR_INVALID, "it has more than %d bytes",
                         CERTIFICATE_DATA_MAXIMUM);
    ERR_clear_error();
    if ((data->is_pkcs12 ? read_pkcs12 : read_pem)(data, &contents, error) < 0 ||
        find_leaf(&contents, error) < 0 ||
        check_dates(contents.certificates[0], now, expiry, error) < 0)
        return -1;
    sort_chain(&contents);
    if (write_texts(&contents, &bundle) < 0 ||
        describe(contents.certificates[0], expiry, bundle.description) < 0) {
        ERR_clear_error();
        certificate_bundle_wipe(&bundle);
        return error_set(error, ERROR_MEMORY, "out of memory for a certificate");
    }
    *ret_bundle = bundle;
    return 0;
}
