/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - the TLS certificate of the Admin API.
 *
 * tls_prepare() makes key and certificate at the first start; tls_open() reads them; tls_reload()
 * reads them again (SIGHUP) without affecting open connections: each handshake gets the current
 * identity from tls_retrieve(), the callback for GnuTLS.
 */
#ifndef API_TLS_H
#define API_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "mimo/error.h"
#include "mimo/privileges.h"

/* TLS 1.2 and 1.3 with forward secrecy, only AEAD ciphers, the server's order of preference. */
#define TLS_PRIORITIES                                                                             \
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"    \
    "+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

/* Makes a self-signed certificate on a P-256 key for localhost, its addresses and this host's name,
 * valid for ten years, if both files are missing; the key with mode 0600, owned by `owner` (NULL:
 * by this user). If only one of them is missing, the error names it. */
int tls_prepare(const char *certificate_path, const char *key_path, const struct identity *owner,
                bool *ret_made, struct error *error);

/* There is one server in a process, and GnuTLS gives its callback no context: these functions keep
 * the identity. The files may belong to `user`, to root and to this user, and nobody else may be able
 * to change them (trusted_path.h). */
int tls_open(const char *certificate_path, const char *key_path, uid_t user, struct error *error);
void tls_close(void);

/* After an error the current identity stays in force. *ret_changed: the files had another one. */
int tls_reload(const char *certificate_path, const char *key_path, uid_t user, bool *ret_changed,
               struct error *error);

/* gnutls_certificate_retrieve_function3 */
int tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                 gnutls_pcert_st **ret_chain, unsigned int *ret_chain_length,
                 gnutls_ocsp_data_st **ret_ocsp, unsigned int *ret_ocsp_length,
                 gnutls_privkey_t *ret_key, unsigned int *ret_flags);

#endif
