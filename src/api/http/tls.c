/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - key and chain for GnuTLS, which can be exchanged while connections are open. */
#include "api/http/tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/seal.h"
#include "mimo/trusted_path.h"

enum { CHAIN_MAXIMUM = 16, PEM_SIZE_MAXIMUM = 1024 * 1024, KEY_ID_SIZE = 32 };

struct tls_identity {
    gnutls_pcert_st chain[CHAIN_MAXIMUM];
    unsigned int chain_length;
    gnutls_privkey_t key;
    char *certificate_text; /* to see whether a reload changes it */
    struct tls_identity *before;
};

/* A handshake may still use an identity that was replaced, so old ones stay until the end: one for
 * each renewal. */
static struct tls_identity *in_force;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void identity_free(struct tls_identity *identity)
{
    if (!identity)
        return;
    for (unsigned int i = 0; i < identity->chain_length; i++)
        gnutls_pcert_deinit(&identity->chain[i]);
    if (identity->key)
        gnutls_privkey_deinit(identity->key);
    free(identity->certificate_text);
    free(identity);
}

static void cleanup_identity_function(struct tls_identity **identity)
{
    identity_free(*identity);
}
#define cleanup_identity __attribute__((cleanup(cleanup_identity_function)))

static gnutls_datum_t datum(char *text, size_t length)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned int)length};
}

static int load_chain(struct tls_identity *identity, const char *path, uid_t user,
                      struct error *error)
{
    size_t length;
    if (trusted_path_read(path, user, PEM_SIZE_MAXIMUM, &identity->certificate_text, &length,
                          error) < 0)
        return error_prefix(error, "cannot read the TLS certificate");
    gnutls_datum_t text = datum(identity->certificate_text, length);
    unsigned int count = CHAIN_MAXIMUM;
    int status =
        gnutls_pcert_list_import_x509_raw(identity->chain, &count, &text, GNUTLS_X509_FMT_PEM, 0);
    if (status < 0)
        return error_set(error, ERROR_INVALID, "TLS certificate %s: %s", path,
                         gnutls_strerror(status));
    identity->chain_length = count;
    return 0;
}

static int load_key(struct tls_identity *identity, const char *path, uid_t user,
                    struct error *error)
{
    char *text = NULL;
    size_t length = 0;
    if (trusted_path_read(path, user, PEM_SIZE_MAXIMUM, &text, &length, error) < 0)
        return error_prefix(error, "cannot read the TLS key");
    gnutls_datum_t data = datum(text, length);
    int status = gnutls_privkey_init(&identity->key);
    if (status == 0)
        status = gnutls_privkey_import_x509_raw(identity->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    seal_wipe(text, length);
    if (status < 0)
        return error_set(error, ERROR_INVALID, "TLS key %s: %s", path, gnutls_strerror(status));
    return 0;
}

/* Compares the public halves of key and first certificate. */
static int check_pair(const struct tls_identity *identity, const char *certificate_path,
                      const char *key_path, struct error *error)
{
    unsigned char of_certificate[KEY_ID_SIZE], of_key[KEY_ID_SIZE];
    size_t certificate_size = sizeof(of_certificate), key_size = sizeof(of_key);
    gnutls_pubkey_t public = NULL;
    int status = gnutls_pubkey_init(&public);
    if (status == 0)
        status = gnutls_pubkey_import_privkey(public, identity->key, 0, 0);
    if (status == 0)
        status = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_size);
    if (status == 0)
        status = gnutls_pubkey_get_key_id(identity->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
                                          of_certificate, &certificate_size);
    if (public)
        gnutls_pubkey_deinit(public);
    if (status < 0)
        return error_set(error, ERROR_INVALID, "TLS key %s: %s", key_path, gnutls_strerror(status));
    if (key_size != certificate_size || memcmp(of_key, of_certificate, key_size) != 0)
        return error_set(error, ERROR_INVALID,
                         "TLS key %s does not belong to the first certificate of %s", key_path,
                         certificate_path);
    return 0;
}

static int identity_load(const char *certificate_path, const char *key_path, uid_t user,
                         struct tls_identity **ret_identity, struct error *error)
{
    cleanup_identity struct tls_identity *identity = calloc(1, sizeof(*identity));
    if (!identity)
        return error_set_memory(error);
    if (load_chain(identity, certificate_path, user, error) < 0 ||
        load_key(identity, key_path, user, error) < 0 ||
        check_pair(identity, certificate_path, key_path, error) < 0)
        return -1;
    *ret_identity = take_pointer(&identity);
    return 0;
}

int tls_reload(const char *certificate_path, const char *key_path, uid_t user, bool *ret_changed,
               struct error *error)
{
    cleanup_identity struct tls_identity *identity = NULL;
    *ret_changed = false;
    if (identity_load(certificate_path, key_path, user, &identity, error) < 0)
        return -1;
    pthread_mutex_lock(&lock);
    if (!in_force || strcmp(identity->certificate_text, in_force->certificate_text) != 0) {
        identity->before = in_force;
        in_force = take_pointer(&identity);
        *ret_changed = true;
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

int tls_open(const char *certificate_path, const char *key_path, uid_t user, struct error *error)
{
    bool changed;
    return tls_reload(certificate_path, key_path, user, &changed, error);
}

void tls_close(void)
{
    while (in_force) {
        struct tls_identity *identity = in_force;
        in_force = identity->before;
        identity_free(identity);
    }
}

int tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                 gnutls_pcert_st **ret_chain, unsigned int *ret_chain_length,
                 gnutls_ocsp_data_st **ret_ocsp, unsigned int *ret_ocsp_length,
                 gnutls_privkey_t *ret_key, unsigned int *ret_flags)
{
    (void)session;
    (void)info;
    pthread_mutex_lock(&lock);
    struct tls_identity *identity = in_force;
    pthread_mutex_unlock(&lock);
    if (!identity)
        return -1;
    *ret_chain = identity->chain;
    *ret_chain_length = identity->chain_length;
    *ret_ocsp = NULL;
    *ret_ocsp_length = 0;
    *ret_key = identity->key;
    *ret_flags = 0; /* GnuTLS must free nothing */
    return 0;
}
