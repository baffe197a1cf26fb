/* SPDX-License-Identifier: Apache-2.0 */
/* tls_make.c - makes the certificate of the first start: self-signed, P-256, for this machine. */
#include <ctype.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/http/file_give.h"
#include "api/http/tls.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { SERIAL_BITS = 127, VALID_DAYS = 3650, HOST_SIZE = 256 };

static void cleanup_pkey_function(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static void cleanup_x509_function(X509 **certificate)
{
    X509_free(*certificate);
}
static void cleanup_bio_function(BIO **bio)
{
    BIO_free(*bio);
}
#define cleanup_pkey __attribute__((cleanup(cleanup_pkey_function)))
#define cleanup_x509 __attribute__((cleanup(cleanup_x509_function)))
#define cleanup_bio  __attribute__((cleanup(cleanup_bio_function)))

/* What OpenSSL's error queue says, on top of `what`. */
static int set_openssl_error(struct error *error, const char *what)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    ERR_clear_error();
    return error_set(error, ERROR_SYSTEM, "%s: %s", what, reason);
}

static int add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    int added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

/* This host's name if a certificate may contain it, else "". */
static void host_name(char *buffer, size_t size)
{
    if (gethostname(buffer, size) < 0)
        buffer[0] = '\0';
    buffer[size - 1] = '\0';
    for (const char *at = buffer; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.')
            buffer[0] = '\0';
}

static int set_random_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    int set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return set;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    char host[HOST_SIZE], names[HOST_SIZE + 64];
    host_name(host, sizeof(host));
    bool other = host[0] && strcmp(host, "localhost") != 0;
    snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1%s%s", other ? ",DNS:" : "",
             other ? host : "");

    cleanup_x509 X509 *certificate = X509_new();
    X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
    if (!name || !X509_set_version(certificate, X509_VERSION_3) ||
        !set_random_serial(certificate) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -60) ||
        !X509_time_adj_ex(X509_getm_notAfter(certificate), VALID_DAYS, 0, NULL) ||
        !X509_set_pubkey(certificate, key) ||
        !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)"MIMO Admin API", -1, -1, 0) ||
        !X509_set_issuer_name(certificate, name))
        return NULL;
    if (!add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(certificate, NID_ext_key_usage, "serverAuth") ||
        !add_extension(certificate, NID_subject_alt_name, names) ||
        !add_extension(certificate, NID_subject_key_identifier, "hash") ||
        !add_extension(certificate, NID_authority_key_identifier, "keyid") ||
        !X509_sign(certificate, key, EVP_sha256()))
        return NULL;
    return take_pointer(&certificate);
}

static int write_pem(BIO *bio, const char *path, mode_t mode, struct error *error)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    return io_replace_file(path, data, (size_t)length, mode, error);
}

static int make_pair(const char *certificate_path, const char *key_path, struct error *error)
{
    cleanup_pkey EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        return set_openssl_error(error, "cannot create a key");
    cleanup_x509 X509 *certificate = make_certificate(key);
    if (!certificate)
        return set_openssl_error(error, "cannot create a certificate");
    /* BIO_s_secmem() wipes the key when it is freed */
    cleanup_bio BIO *key_text = BIO_new(BIO_s_secmem());
    cleanup_bio BIO *certificate_text = BIO_new(BIO_s_mem());
    if (!key_text || !certificate_text ||
        !PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) ||
        !PEM_write_bio_X509(certificate_text, certificate))
        return set_openssl_error(error, "cannot write key and certificate as PEM");
    if (write_pem(key_text, key_path, 0600, error) < 0)
        return -1;
    if (write_pem(certificate_text, certificate_path, 0644, error) < 0) {
        unlink(key_path); /* the next start creates both again */
        return -1;
    }
    return 0;
}

int tls_prepare(const char *certificate_path, const char *key_path, const struct identity *owner,
                bool *ret_made, struct error *error)
{
    *ret_made = false;
    bool no_certificate = access(certificate_path, F_OK) < 0 && errno == ENOENT;
    bool no_key = access(key_path, F_OK) < 0 && errno == ENOENT;
    if (no_certificate != no_key)
        return error_set(error, ERROR_NOT_FOUND,
                         "TLS %s %s is missing but %s exists: put it back, or remove the other "
                         "one, so that both are created again",
                         no_key ? "key" : "certificate", no_key ? key_path : certificate_path,
                         no_key ? certificate_path : key_path);
    if (!no_key)
        return 0;
    if (make_pair(certificate_path, key_path, error) < 0)
        return error_prefix(error, "cannot create the TLS certificate (api.tls_certificate, "
                                   "api.tls_key)");
    if (owner && file_give(key_path, owner, error) < 0)
        return -1;
    *ret_made = true;
    return 0;
}
