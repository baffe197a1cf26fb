/* SPDX-License-Identifier: Apache-2.0 */
/* certificate.c - a certificate with its key: read, checked, put in order. */
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
#include "seal/certificate_fitness.h"

#define RELEASED_BY(type, name, release)                                                           \
    static void free_##name(type **pointer)                                                        \
    {                                                                                              \
        release(*pointer);                                                                         \
    }

RELEASED_BY(BIO, bio, BIO_free)
RELEASED_BY(PKCS12, pkcs12, PKCS12_free)
RELEASED_BY(BIGNUM, number, BN_free)
RELEASED_BY(char, text, OPENSSL_free)
#define cleanup_bio    __attribute__((cleanup(free_bio)))
#define cleanup_pkcs12 __attribute__((cleanup(free_pkcs12)))
#define cleanup_number __attribute__((cleanup(free_number)))
#define cleanup_text   __attribute__((cleanup(free_text)))

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
    wipe_text(&bundle->source_key);
    wipe_text(&bundle->chain);
}

/* ---- what was found ---- */

struct contents {
    EVP_PKEY *key;
    char *key_pem; /* as the source has it; NULL from PKCS#12 */
    X509 *certificates[CERTIFICATE_CHAIN_MAXIMUM];
    size_t count;
};

static void free_contents(struct contents *contents)
{
    EVP_PKEY_free(contents->key);
    wipe_text(&contents->key_pem);
    for (size_t i = 0; i < contents->count; i++)
        X509_free(contents->certificates[i]);
}
#define cleanup_contents __attribute__((cleanup(free_contents)))

/* Whether OpenSSL's queue holds `reason` of `library`; the queue is left as it is. */
static bool has_failed_by(int library, int reason)
{
    unsigned long last = ERR_peek_last_error(), first = ERR_peek_error();
    return (ERR_GET_LIB(last) == library && ERR_GET_REASON(last) == reason) ||
           (ERR_GET_LIB(first) == library && ERR_GET_REASON(first) == reason);
}

/* NULL without memory. */
static char *text_of(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);

    return length > 0 ? strndup(data, (size_t)length) : NULL;
}

/* Takes the key over, also when it fails. */
static int add_key(struct contents *contents, EVP_PKEY *key, struct error *error)
{
    if (!key) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID,
                         "its private key is damaged or of an unknown kind: export it again");
    }
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
    if (!certificate) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "certificate %zu of it is damaged: export it again",
                         contents->count + 1);
    }
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
    if (add_key(contents, d2i_AutoPrivateKey(NULL, &data, block->length), error) < 0)
        return -1;
    cleanup_bio BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio(bio, block->name, block->header, block->data, block->length) == 0 ||
        !(contents->key_pem = text_of(bio)))
        return error_set_memory(error);
    return 0;
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
        return error_set(error, ERROR_INVALID,
                         "a PEM block of it is damaged: copy the whole file again");
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

static int refuse_pkcs12(struct error *error)
{
    const char *text = "its PKCS#12 is damaged: export it again";
    if (has_failed_by(ERR_LIB_PKCS12, PKCS12_R_MAC_VERIFY_FAILURE))
        text = "its PKCS#12 is protected by a password: export it without one";
    else if (has_failed_by(ERR_LIB_EVP, EVP_R_UNSUPPORTED_ALGORITHM) ||
             ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED)
        text = "its PKCS#12 is encrypted with an outdated algorithm such as RC2-40: export it "
               "again with AES-256";
    ERR_clear_error();
    return error_set(error, ERROR_INVALID, "%s", text);
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
        return refuse_pkcs12(error);
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

/* ---- what comes out ---- */

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
    bundle->source_key = contents->key_pem ? strdup(contents->key_pem) : text_of(key);
    bundle->chain = text_of(chain);
    return bundle->key && bundle->source_key && bundle->chain ? 0 : -1;
}

static int describe(X509 *leaf, char *description)
{
    cleanup_number BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    cleanup_text char *serial = number ? BN_bn2hex(number) : NULL;
    char subject[CERTIFICATE_DESCRIPTION_SIZE / 2];
    char expiry[CLOCK_TEXT_SIZE];
    int64_t until;
    struct error error;

    if (!serial || certificate_read_time(X509_get0_notAfter(leaf), &until, &error) < 0)
        return -1;
    snprintf(description, CERTIFICATE_DESCRIPTION_SIZE, "%s, serial %.64s, expires %s",
             certificate_subject(leaf, subject, sizeof(subject)), serial,
             clock_format(expiry, until));
    return 0;
}

static int read_contents(const struct certificate_data *data, struct contents *contents,
                         struct error *error)
{
    if (data->length > CERTIFICATE_DATA_MAXIMUM)
        return error_set(error, ERROR_INVALID, "it has more than %d bytes",
                         CERTIFICATE_DATA_MAXIMUM);
    ERR_clear_error();
    return (data->is_pkcs12 ? read_pkcs12 : read_pem)(data, contents, error);
}

int certificate_bundle_parse(const struct certificate_data *data,
                             const struct certificate_purpose *purpose, int64_t now,
                             struct certificate_bundle *ret_bundle, struct error *error)
{
    cleanup_contents struct contents contents = {0};
    struct certificate_bundle bundle = {0};

    if (read_contents(data, &contents, error) < 0 || find_leaf(&contents, error) < 0)
        return -1;
    sort_chain(&contents);
    if (certificate_check_fitness(contents.certificates, contents.count, purpose, now, error) < 0)
        return -1;
    if (write_texts(&contents, &bundle) < 0 ||
        describe(contents.certificates[0], bundle.description) < 0) {
        ERR_clear_error();
        certificate_bundle_wipe(&bundle);
        return error_set_memory(error);
    }
    *ret_bundle = bundle;
    return 0;
}

/* ---- comparing ---- */

static int read_text(const char *pem, struct contents *contents)
{
    struct certificate_data data = {.bytes = (unsigned char *)(uintptr_t)pem,
                                    .length = strlen(pem)};
    return read_contents(&data, contents, NULL);
}

bool certificate_same_key(const char *pem, const char *other)
{
    cleanup_contents struct contents a = {0}, b = {0};

    bool is_same = read_text(pem, &a) == 0 && read_text(other, &b) == 0 && a.key && b.key &&
                   EVP_PKEY_eq(a.key, b.key) == 1;
    ERR_clear_error();
    return is_same;
}

bool certificate_same_chain(const char *pem, const char *other)
{
    cleanup_contents struct contents a = {0}, b = {0};

    if (read_text(pem, &a) < 0 || read_text(other, &b) < 0 || a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (X509_cmp(a.certificates[i], b.certificates[i]) != 0)
            return false;
    return a.count > 0;
}
