/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_certificate.h - authentication by a TLS client certificate.
 *
 * A certificate is accepted if its chain ends at an authority of api.client_ca, every certificate of
 * the chain is valid today and strong enough (GnuTLS's profile "medium": RSA of 2048 bits, SHA-256),
 * its extended key usage includes TLS clients, it is not an authority itself, and api.client_file
 * lists its subject:
 *
 *     # role:subject, as `openssl x509 -noout -subject -nameopt RFC2253` writes it
 *     operator:CN=deploy,OU=Fleet,O=Example
 *
 * Subjects are compared byte for byte, and each may be listed once; "cert:SUBJECT" is the actor in
 * the audit trail. The TLS handshake has proved that the client has the key. The file must not be
 * writable by others.
 */
#ifndef API_CLIENT_CERTIFICATE_H
#define API_CLIENT_CERTIFICATE_H

#include <gnutls/gnutls.h>
#include <stddef.h>
#include <sys/types.h>

#include "api/auth/actor.h"
#include "mimo/error.h"

enum { CLIENT_SUBJECT_MAXIMUM = 240, CLIENT_CHAIN_MAXIMUM = 8 };

struct client_table; /* authorities and subjects */

/* Makes a server's session ask for a certificate; the client may send none. The names of the
 * authorities are not sent, because they can change while the server runs. */
void client_certificate_request(gnutls_session_t session);

/* Both files may belong to `user` too, and to nobody else but root and this user (trusted_path.h). */
int client_table_load(const char *ca_path, const char *file_path, uid_t user,
                      struct client_table **ret_table, struct error *error);
void client_table_free(struct client_table *table);
size_t client_table_count(const struct client_table *table);

/* Checks the certificates (DER, the client's own first) that a client sent. -1: refused; `reason`
 * is for the log. */
int client_table_find(const struct client_table *table, const gnutls_datum_t *certificates,
                      unsigned int count, struct actor *ret_actor, struct error *reason);

#endif
