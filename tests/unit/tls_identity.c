/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_identity.c - a key with its self-signed certificate, for tests.
 */
#include "tls_identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static char *text_of(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)length);
    assert(text);
    BIO_free(bio);
    return text;
}

static char *base64_of(const char *text)
{
    size_t length = strlen(text);
    char *encoded = malloc((length + 2) / 3 * 4 + 1);
    assert(encoded);
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)length);
    return encoded;
}

static X509 *sign_certificate(EVP_PKEY *key, const char *common_name)
{
    X509 *certificate = X509_new();
    assert(certificate);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    int length = X509_sign(certificate, key, EVP_sha256());
    assert(length > 0);
    return certificate;
}

static char *locked_pem_of(EVP_PKEY *key)
{
    static const unsigned char phrase[] = "open sesame";
    BIO *bio = BIO_new(BIO_s_mem());
    int written = PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), phrase, sizeof phrase - 1,
                                           NULL, NULL);
    assert(written == 1);
    return text_of(bio);
}

void tls_identity_make(const char *common_name, struct tls_identity *ret_identity)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert(key);
    X509 *certificate = sign_certificate(key, common_name);
    BIO *certificate_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_bio, certificate);
    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    char *locked_key = locked_pem_of(key);
    ret_identity->certificate = text_of(certificate_bio);
    ret_identity->key = text_of(key_bio);
    ret_identity->certificate_base64 = base64_of(ret_identity->certificate);
    ret_identity->key_base64 = base64_of(ret_identity->key);
    ret_identity->locked_key_base64 = base64_of(locked_key);
    free(locked_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_identity_free(struct tls_identity *identity)
{
    free(identity->certificate);
    free(identity->key);
    free(identity->certificate_base64);
    free(identity->key_base64);
    free(identity->locked_key_base64);
}
