/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - cluster credentials sealed at rest.
 *
 * A kubeconfig is sealed on arrival (Admin API) as CMS AuthEnvelopedData with AES-256-GCM
 * (RFC 5083, RFC 5084) under a certificate; only the launcher holds the key that opens it. The
 * certificate is self-signed, on a P-256 key, made by seal_make_pair() at install. Sealed text is
 * DER; documents carry it in base64.
 *
 * The file of the key may hold several keys: the certificate's, and those that open what was sealed
 * under another certificate before. So a pair can be exchanged while everything runs (mimo-store
 * reseal).
 *
 * Opened credentials are wiped with seal_wipe() after use.
 */
#ifndef MIMO_SEAL_H
#define MIMO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "mimo/base64.h" /* how documents carry what is sealed */
#include "mimo/error.h"

struct seal_certificate; /* can seal */
struct seal_key;         /* can open */

/* Makes key and certificate files if both are missing; the key with mode 0400 for `key_owner` (-1:
 * ours). One of them alone missing is an error that says which. *ret_made tells whether they were
 * made. */
int seal_make_pair(const char *certificate_path, const char *key_path, uid_t key_owner,
                   gid_t key_group, int *ret_made, struct error *error);

int seal_certificate_load(const char *path, struct seal_certificate **ret, struct error *error);
void seal_certificate_free(struct seal_certificate *certificate);

enum { SEAL_KEYS_MAXIMUM = 8 }; /* in one file */

/* All keys of the file; one of them must be the certificate's, unless that is NULL. */
int seal_key_load(const char *certificate_path, const char *key_path, struct seal_key **ret,
                  struct error *error);
void seal_key_free(struct seal_key *key); /* wipes it */

/* Both results are allocated with the given length; the caller frees (sealed) or wipes (opened). */
int seal_close(const struct seal_certificate *certificate, const void *plain, size_t length,
               unsigned char **ret_sealed, size_t *ret_length, struct error *error);
int seal_open(const struct seal_key *key, const void *sealed, size_t length,
              unsigned char **ret_plain, size_t *ret_length, struct error *error);

/* Whether this certificate is whom it was sealed for. False for what is no sealed text. */
bool seal_is_under(const struct seal_certificate *certificate, const void *sealed, size_t length);

/* Overwrites and frees. NULL is allowed. */
void seal_wipe(void *plain, size_t length);

#endif
