/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_maker.c - keys, certificates and bundles of them, for tests. */
#include "certificate_maker.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

enum { HOUR = 3600, MONTH = 30 * 24 * HOUR, SERIAL = 0x0A2B, FILTER_ROUNDS = 1 };

static char *text_of(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)length);
    assert(text);
    BIO_free(bio);
    return text;
}

static char *pem_of_key(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int written = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    assert(written == 1);
    return text_of(bio);
}

static char *pem_of_certificate(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int written = PEM_write_bio_X509(bio, certificate);
    assert(written == 1);
    return text_of(bio);
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    assert(extension);
    int added = X509_add_ext(certificate, extension, -1);
    assert(added == 1);
    X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *certificate, const struct made_wishes *wishes)
{
    if (!wishes->names && !wishes->usage && !wishes->is_authority)
        return;
    X509_set_version(certificate, X509_VERSION_3);
    if (wishes->names)
        add_extension(certificate, NID_subject_alt_name, wishes->names);
    if (wishes->usage)
        add_extension(certificate, NID_ext_key_usage, wishes->usage);
    if (wishes->is_authority)
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
}

struct made make_certificate_of(const char *common_name, const struct made *issuer,
                                const struct made_wishes *wishes)
{
    struct made_dates dates = wishes->dates;
    struct made made = {.key = wishes->rsa_bits ? EVP_RSA_gen((unsigned)wishes->rsa_bits)
                                                : EVP_EC_gen("P-256"),
                        .certificate = X509_new()};
    assert(made.key && made.certificate);
    if (dates.from == 0 && dates.until == 0)
        dates = (struct made_dates){-HOUR, MONTH};
    X509_NAME *name = X509_get_subject_name(made.certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(made.certificate,
                         issuer ? X509_get_subject_name(issuer->certificate) : name);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), SERIAL);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), dates.from);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), dates.until);
    X509_set_pubkey(made.certificate, made.key);
    add_extensions(made.certificate, wishes);
    int length = X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256());
    assert(length > 0);
    made.key_pem = pem_of_key(made.key);
    made.certificate_pem = pem_of_certificate(made.certificate);
    return made;
}

struct made make_certificate(const char *common_name, const struct made *issuer,
                             struct made_dates dates)
{
    const struct made_wishes wishes = {.dates = dates};
    return make_certificate_of(common_name, issuer, &wishes);
}

void made_free(struct made *made)
{
    EVP_PKEY_free(made->key);
    X509_free(made->certificate);
    free(made->key_pem);
    free(made->certificate_pem);
}

char *make_traditional_key(const struct made *made)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int written = PEM_write_bio_PrivateKey_traditional(bio, made->key, NULL, NULL, 0, NULL, NULL);
    assert(written == 1);
    return text_of(bio);
}

char *make_locked_key(const struct made *made)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int written =
        PEM_write_bio_PKCS8PrivateKey(bio, made->key, EVP_aes_128_cbc(), "sesame", 6, NULL, NULL);
    assert(written == 1);
    return text_of(bio);
}

char *make_locked_traditional_key(const struct made *made)
{
    static const unsigned char phrase[] = "sesame";
    BIO *bio = BIO_new(BIO_s_mem());
    int written = PEM_write_bio_PrivateKey_traditional(bio, made->key, EVP_aes_128_cbc(), phrase, 6,
                                                       NULL, NULL);
    assert(written == 1);
    return text_of(bio);
}

unsigned char *make_pkcs12(const struct made *made, const struct made *issuer, const char *password,
                           size_t *ret_length)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    if (issuer)
        sk_X509_push(others, issuer->certificate);
    PKCS12 *pkcs12 = PKCS12_create(password, "practice", made->key, made->certificate, others, 0, 0,
                                   FILTER_ROUNDS, FILTER_ROUNDS, 0);
    assert(pkcs12);
    unsigned char *encoded = NULL;
    int length = i2d_PKCS12(pkcs12, &encoded);
    assert(length > 0);
    unsigned char *bytes = malloc((size_t)length);
    assert(bytes);
    memcpy(bytes, encoded, (size_t)length);
    *ret_length = (size_t)length;
    OPENSSL_free(encoded);
    PKCS12_free(pkcs12);
    sk_X509_free(others);
    return bytes;
}

char *join_pem(const char *first, ...)
{
    va_list arguments;
    char *all = strdup("");
    va_start(arguments, first);
    for (const char *one = first; one; one = va_arg(arguments, const char *)) {
        all = realloc(all, strlen(all) + strlen(one) + 1);
        assert(all);
        strcat(all, one);
    }
    va_end(arguments);
    return all;
}
