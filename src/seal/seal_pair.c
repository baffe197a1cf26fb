/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal_pair.c - making the pair that cluster credentials are sealed with: a P-256 key and its
 * self-signed certificate.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/directory.h"
#include "mimo/io.h"
#include "mimo/seal.h"

enum {
    PAIR_DAYS = 36525, /* a hundred years: what is sealed must be opened as long as it is kept */
    SERIAL_BITS = 159, /* positive, and at most 20 bytes (RFC 5280, 4.1.2.2) */
    KEY_MODE = 0400,
    CERTIFICATE_MODE = 0644,
};

static const char common_name[] = "MIMO cluster credentials";

struct pair {
    EVP_PKEY *pkey;
    X509 *x509;
};

static void pair_free(const struct pair *pair)
{
    EVP_PKEY_free(pair->pkey);
    X509_free(pair->x509);
}
#define cleanup_pair __attribute__((cleanup(pair_free)))

static bool set_serial(X509 *x509)
{
    BIGNUM *number = BN_new();
    bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return set;
}

static bool add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool added = extension && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool fill_certificate(X509 *x509, EVP_PKEY *pkey)
{
    X509_NAME *name = X509_get_subject_name(x509);
    return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
           X509_gmtime_adj(X509_getm_notBefore(x509), 0) &&
           X509_time_adj_ex(X509_getm_notAfter(x509), PAIR_DAYS, 0, NULL) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, pkey) == 1 &&
           add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x509, NID_key_usage, "critical,keyAgreement");
}

static int make_pair(struct pair *pair, struct error *error)
{
    ERR_clear_error();
    pair->pkey = EVP_EC_gen("P-256");
    pair->x509 = X509_new();
    if (pair->pkey && pair->x509 && fill_certificate(pair->x509, pair->pkey) &&
        X509_sign(pair->x509, pair->pkey, EVP_sha256()) > 0)
        return 0;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return error_set(error, ERROR_SYSTEM, "cannot create a seal key: %s",
                     reason ? reason : "no reason given");
}

struct owner {
    uid_t user;
    gid_t group;
};

/* Writes a file that must not exist yet; takes a half-written one away again. */
static int write_new_file(const char *path, mode_t mode, const struct owner *owner, BIO *content,
                          struct error *error)
{
    char *data;
    long length = BIO_get_mem_data(content, &data);
    cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create %s", path);
    int status = io_write_all(fd, data, (size_t)length, error);
    if (status == 0 && (fchmod(fd, mode) < 0 || fchown(fd, owner->user, owner->group) < 0))
        status = error_set_system(error, errno, "cannot set mode and owner of %s", path);
    if (status == 0 && fsync(fd) < 0)
        status = error_set_system(error, errno, "cannot write %s to disk", path);
    if (status == 0)
        return 0;
    unlink(path);
    return error_prefix(error, "%s", path);
}

static int write_key(const struct pair *pair, const char *path, const struct owner *owner,
                     struct error *error)
{
    int status = -1;
    BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    if (bio && PEM_write_bio_PrivateKey(bio, pair->pkey, NULL, NULL, 0, NULL, NULL) == 1)
        status = write_new_file(path, KEY_MODE, owner, bio, error);
    else
        error_set(error, ERROR_MEMORY, "cannot write the seal key as text: out of memory");
    BIO_free_all(bio);
    return status;
}

static int write_certificate(const struct pair *pair, const char *path, struct error *error)
{
    static const struct owner ours = {(uid_t)-1, (gid_t)-1};
    int status = -1;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_X509(bio, pair->x509) == 1)
        status = write_new_file(path, CERTIFICATE_MODE, &ours, bio, error);
    else
        error_set(error, ERROR_MEMORY, "cannot write the seal certificate as text: out of memory");
    BIO_free_all(bio);
    return status;
}

/* Whether there is a file; one that cannot be looked for counts as an error, not as missing. */
static int look_for(const char *path, bool *ret_there, struct error *error)
{
    struct stat status;
    *ret_there = lstat(path, &status) == 0;
    if (!*ret_there && errno != ENOENT)
        return error_set_system(error, errno, "cannot look for %s", path);
    return 0;
}

static int one_alone(const char *there, const char *missing, struct error *error)
{
    return error_set(error, ERROR_CONFLICT,
                     "%s is there, but %s is missing: put it back from a backup; if nothing was "
                     "sealed yet, remove the first and run mimo-store init again",
                     there, missing);
}

int seal_make_pair(const char *certificate_path, const char *key_path, uid_t key_owner,
                   gid_t key_group, int *ret_made, struct error *error)
{
    bool has_certificate, has_key;
    if (look_for(certificate_path, &has_certificate, error) < 0 ||
        look_for(key_path, &has_key, error) < 0)
        return -1;
    if (has_certificate != has_key)
        return has_key ? one_alone(key_path, certificate_path, error)
                       : one_alone(certificate_path, key_path, error);
    *ret_made = 0;
    if (has_key)
        return 0;

    cleanup_pair struct pair pair = {0};
    const struct owner owner = {key_owner, key_group};
    if (make_pair(&pair, error) < 0 || write_key(&pair, key_path, &owner, error) < 0)
        return -1;
    if (write_certificate(&pair, certificate_path, error) < 0) {
        unlink(key_path); /* it has sealed nothing yet */
        return -1;
    }
    if (directory_sync_of(key_path, error) < 0 || directory_sync_of(certificate_path, error) < 0)
        return -1;
    *ret_made = 1;
    return 0;
}
