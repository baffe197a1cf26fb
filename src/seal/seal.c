/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - sealing and opening: CMS AuthEnvelopedData with AES-256-GCM, its key agreed with the
 * recipient's
 * P-256 key.
 *
 * OpenSSL's CMS_encrypt() and CMS_decrypt() pass what they work on through buffers that nobody
 * wipes. So the two chains of BIOs are driven by hand here: plain text is only ever in the caller's
 * memory, in ours, and in the cipher's own buffer, which OpenSSL wipes.
 */
#include "mimo/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/trusted_path.h"

enum {
    PEM_SIZE_MAXIMUM = 64 * 1024,
    PLAIN_SIZE_MAXIMUM = 16 * 1024 * 1024,
};

/* Nobody but the owner may change a key, and others may not read it. */
#define KEY_MODE_FORBIDDEN (S_IRWXO | S_IWGRP | S_IXGRP)

struct seal_certificate {
    X509 *x509;
};

/* The first is the certificate's; others open what was sealed before it was. */
struct seal_key {
    EVP_PKEY *pkeys[SEAL_KEYS_MAXIMUM];
    size_t count;
};

static void free_bio(BIO *const *bio)
{
    BIO_free_all(*bio);
}
#define cleanup_bio __attribute__((cleanup(free_bio)))

static void free_cms(CMS_ContentInfo *const *cms)
{
    CMS_ContentInfo_free(*cms);
}
#define cleanup_cms __attribute__((cleanup(free_cms)))

/* ERROR_INVALID with the reason that OpenSSL gives for its latest failure. */
static int crypto_error(struct error *error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return error_set(error, ERROR_INVALID, "%s: %s", what, reason ? reason : "no reason given");
}

/* Reads a whole file into memory that the caller wipes. */
static int read_file(const char *path, uid_t user, mode_t forbidden, char *buffer, size_t size,
                     size_t *ret_length, struct error *error)
{
    struct stat status;
    cleanup_fd int fd = -1;
    if (trusted_path_open_file(path, user, &fd, error) < 0)
        return -1;
    if (fstat(fd, &status) < 0)
        return error_set_system(error, errno, "cannot read %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_INVALID, "%s is not a regular file", path);
    if (status.st_mode & forbidden)
        return error_set(
            error, ERROR_DENIED,
            "%s has mode %04o, so that others may use it: make another pair, or, if nobody "
            "can have read it, chmod 0400",
            path, status.st_mode & 07777u);
    size_t length = 0;
    ssize_t got = 1;
    while (length < size && got > 0) {
        got = read(fd, buffer + length, size - length);
        if (got > 0)
            length += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (got < 0)
        return error_set_system(error, errno, "cannot read %s", path);
    if (length == size)
        return error_set(error, ERROR_TOO_LARGE, "%s is larger than %zu bytes", path, size - 1);
    *ret_length = length;
    return 0;
}

static bool is_p256(const EVP_PKEY *pkey)
{
    char group[32] = "";
    return pkey && EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static int load_certificate(const char *path, X509 **ret_x509, struct error *error)
{
    char text[PEM_SIZE_MAXIMUM];
    size_t length;
    if (read_file(path, TRUSTED_PATH_NO_USER, 0, text, sizeof(text), &length, error) < 0)
        return error_prefix(error, "cannot load the seal certificate");
    cleanup_bio BIO *bio = BIO_new_mem_buf(text, (int)length);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (!x509) {
        crypto_error(error, "no certificate in PEM form is in it");
        return error_prefix(error, "cannot load the seal certificate %s", path);
    }
    if (!is_p256(X509_get0_pubkey(x509))) {
        X509_free(x509);
        return error_set(error, ERROR_INVALID,
                         "the seal certificate %s is not for a P-256 key: make a pair with "
                         "mimo-store init",
                         path);
    }
    *ret_x509 = x509;
    return 0;
}

int seal_certificate_load(const char *path, struct seal_certificate **ret, struct error *error)
{
    struct seal_certificate *certificate = calloc(1, sizeof(*certificate));
    if (!certificate)
        return error_set_memory(error);
    if (load_certificate(path, &certificate->x509, error) < 0) {
        free(certificate);
        return -1;
    }
    *ret = certificate;
    return 0;
}

void seal_certificate_free(struct seal_certificate *certificate)
{
    if (!certificate)
        return;
    X509_free(certificate->x509);
    free(certificate);
}

/* The next key of a file that has one. */
static int parse_key(BIO *bio, struct seal_key *key, struct error *error)
{
    /* Without a terminal to ask on: a key with a password is refused. */
    static char no_password[] = "";
    if (key->count == SEAL_KEYS_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "more than %d keys are in it", SEAL_KEYS_MAXIMUM);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password);
    if (!pkey)
        return crypto_error(error, "no private key in PEM form is in it");
    key->pkeys[key->count++] = pkey;
    if (!is_p256(pkey))
        return error_set(error, ERROR_INVALID, "key %zu in it is not a P-256 key", key->count);
    return 0;
}

static int parse_keys(const char *text, size_t length, struct seal_key *key, struct error *error)
{
    static const char beginning[] = "-----BEGIN";
    cleanup_bio BIO *bio = BIO_new_mem_buf(text, (int)length);
    if (!bio)
        return error_set_memory(error);
    size_t left = length;
    do {
        if (parse_key(bio, key, error) < 0)
            return -1;
        left = BIO_ctrl_pending(bio);
    } while (memmem(text + length - left, left, beginning, sizeof(beginning) - 1));
    return 0;
}

static int load_keys(const char *path, uid_t user, struct seal_key *key, struct error *error)
{
    char text[PEM_SIZE_MAXIMUM];
    size_t length = 0;
    int status = read_file(path, user, KEY_MODE_FORBIDDEN, text, sizeof(text), &length, error);
    if (status < 0)
        error_prefix(error, "cannot load the seal key");
    else if ((status = parse_keys(text, length, key, error)) < 0)
        error_prefix(error, "cannot load the seal key %s", path);
    OPENSSL_cleanse(text, sizeof(text));
    return status;
}

/* Puts the certificate's key first: it is the one that is needed most. */
static bool find_key_of(struct seal_key *key, X509 *x509)
{
    for (size_t i = 0; i < key->count; i++) {
        if (X509_check_private_key(x509, key->pkeys[i]) != 1)
            continue;
        EVP_PKEY *found = key->pkeys[i];
        key->pkeys[i] = key->pkeys[0];
        key->pkeys[0] = found;
        return true;
    }
    ERR_clear_error();
    return false;
}

static int load_pair(const char *certificate_path, const char *key_path, uid_t user,
                     struct seal_key *key, struct error *error)
{
    X509 *x509;
    if (load_certificate(certificate_path, &x509, error) < 0)
        return -1;
    int status = load_keys(key_path, user, key, error);
    if (status == 0 && !find_key_of(key, x509))
        status = error_set(error, ERROR_INVALID,
                           "the seal key %s does not belong to the certificate %s: put the one "
                           "that does in its place",
                           key_path, certificate_path);
    X509_free(x509);
    return status;
}

int seal_key_load(const char *certificate_path, const char *key_path, uid_t user,
                  struct seal_key **ret, struct error *error)
{
    struct seal_key *key = calloc(1, sizeof(*key));
    if (!key)
        return error_set_memory(error);
    ERR_clear_error();
    int status = certificate_path ? load_pair(certificate_path, key_path, user, key, error)
                                  : load_keys(key_path, user, key, error);
    if (status < 0) {
        seal_key_free(key);
        return -1;
    }
    *ret = key;
    return 0;
}

void seal_key_free(struct seal_key *key)
{
    if (!key)
        return;
    for (size_t i = 0; i < key->count; i++)
        EVP_PKEY_free(key->pkeys[i]); /* which wipes the secret number */
    free(key);
}

/* Makes a sealed message without content for one recipient. The key agreement uses SHA-256 instead
 * of OpenSSL's default, SHA-1. */
static CMS_ContentInfo *start_sealing(X509 *recipient)
{
    unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_STREAM;
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), flags);
    CMS_RecipientInfo *info =
        cms ? CMS_add1_recipient_cert(cms, recipient, flags | CMS_KEY_PARAM) : NULL;
    EVP_PKEY_CTX *context = info ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
    if (context && EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) > 0)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

static bool write_content(CMS_ContentInfo *cms, const void *plain, int length)
{
    cleanup_bio BIO *chain = CMS_dataInit(cms, NULL);
    return chain && (length == 0 || BIO_write(chain, plain, length) == length) &&
           BIO_flush(chain) == 1 && CMS_dataFinal(cms, chain) == 1;
}

static bool is_auth_enveloped(const CMS_ContentInfo *cms)
{
    return OBJ_obj2nid(CMS_get0_type(cms)) == NID_id_smime_ct_authEnvelopedData;
}

int seal_close(const struct seal_certificate *certificate, const void *plain, size_t length,
               unsigned char **ret_sealed, size_t *ret_length, struct error *error)
{
    if (length > PLAIN_SIZE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE, "%zu bytes are too many to seal", length);
    ERR_clear_error();
    cleanup_cms CMS_ContentInfo *cms = start_sealing(certificate->x509);
    if (!cms || !write_content(cms, plain, (int)length) || !is_auth_enveloped(cms))
        return crypto_error(error, "cannot seal");
    unsigned char *der = NULL;
    int size = i2d_CMS_ContentInfo(cms, &der);
    if (size <= 0)
        return crypto_error(error, "cannot seal");
    unsigned char *sealed = malloc((size_t)size); /* so that callers free() it like all else */
    if (sealed)
        memcpy(sealed, der, (size_t)size);
    OPENSSL_free(der);
    if (!sealed)
        return error_set_memory(error);
    *ret_sealed = sealed;
    *ret_length = (size_t)size;
    return 0;
}

static const char not_openable[] =
    "cannot open the seal: it is damaged, or was made for another key";

/* Parses exactly one sealed message. */
static CMS_ContentInfo *parse_sealed(const void *sealed, size_t length, struct error *error)
{
    const unsigned char *end = sealed;
    CMS_ContentInfo *cms = NULL;
    if (length <= PLAIN_SIZE_MAXIMUM)
        cms = d2i_CMS_ContentInfo(NULL, &end, (long)length);
    if (!cms || end != (const unsigned char *)sealed + length || !is_auth_enveloped(cms)) {
        CMS_ContentInfo_free(cms);
        ERR_clear_error();
        error_set(
            error, ERROR_INVALID,
            "what is to be opened is not CMS AuthEnvelopedData, or is cut off: seal it again");
        return NULL;
    }
    return cms;
}

static bool uses_our_cipher(BIO *chain)
{
    EVP_CIPHER_CTX *context = NULL;
    BIO *cipher = BIO_find_type(chain, BIO_TYPE_CIPHER);
    return cipher && BIO_get_cipher_ctx(cipher, &context) == 1 && context &&
           EVP_CIPHER_CTX_get_nid(context) == NID_aes_256_gcm;
}

/* Reads to the end; the last read is the one that checks whether anything was changed. */
static bool read_content(BIO *chain, unsigned char *plain, size_t size, size_t *ret_length)
{
    size_t length = 0;
    int got = 1;
    while (length < size && got > 0) {
        got = BIO_read(chain, plain + length, (int)(size - length));
        if (got > 0)
            length += (size_t)got;
    }
    *ret_length = length;
    return got <= 0 && BIO_get_cipher_status(chain) == 1;
}

static int open_with(EVP_PKEY *pkey, const void *sealed, size_t length, unsigned char **ret_plain,
                     size_t *ret_length, struct error *error)
{
    ERR_clear_error();
    cleanup_cms CMS_ContentInfo *cms = parse_sealed(sealed, length, error);
    if (!cms)
        return -1;
    if (CMS_decrypt_set1_pkey(cms, pkey, NULL) != 1)
        return crypto_error(error, not_openable);
    cleanup_bio BIO *chain = CMS_dataInit(cms, NULL);
    if (!chain || !uses_our_cipher(chain))
        return crypto_error(error, not_openable);
    unsigned char *plain = malloc(length); /* more than what is inside needs */
    if (!plain)
        return error_set_memory(error);
    size_t got;
    if (!read_content(chain, plain, length, &got)) {
        seal_wipe(plain, length);
        return crypto_error(error, not_openable);
    }
    *ret_plain = plain;
    *ret_length = got;
    return 0;
}

int seal_open(const struct seal_key *key, const void *sealed, size_t length,
              unsigned char **ret_plain, size_t *ret_length, struct error *error)
{
    for (size_t i = 0; i < key->count; i++)
        if (open_with(key->pkeys[i], sealed, length, ret_plain, ret_length, error) == 0)
            return 0;
    return -1; /* with what the last key said */
}

bool seal_is_under(const struct seal_certificate *certificate, const void *sealed, size_t length)
{
    struct error error;
    cleanup_cms CMS_ContentInfo *cms = parse_sealed(sealed, length, &error);
    STACK_OF(CMS_RecipientInfo) *infos = cms ? CMS_get0_RecipientInfos(cms) : NULL;
    for (int i = 0; i < sk_CMS_RecipientInfo_num(infos); i++) {
        CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(infos, i);
        if (CMS_RecipientInfo_type(info) != CMS_RECIPINFO_AGREE)
            continue;
        STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(info);
        for (int j = 0; j < sk_CMS_RecipientEncryptedKey_num(keys); j++)
            if (CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(keys, j),
                                                   certificate->x509) == 0)
                return true;
    }
    return false;
}

void seal_wipe(void *plain, size_t length)
{
    if (!plain)
        return;
    OPENSSL_cleanse(plain, length);
    free(plain);
}
