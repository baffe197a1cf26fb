/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - cluster credentials sealed at rest.
 *
 * The Admin API seals a kubeconfig when it receives it, as CMS AuthEnvelopedData with AES-256-GCM
 * (RFC 5083, RFC 5084) under a certificate. Only the launcher holds the key that opens it. The
 * certificate is self-signed, on a P-256 key; seal_make_pair() makes both at install. Sealed text
 * is DER; documents carry it in base64.
 *
 * The key file may hold several keys: the certificate's, and older ones that open text sealed under
 * earlier certificates. A pair can therefore be replaced while all programs run (mimo-store
 * reseal).
 *
 * Ownership: opened credentials are wiped with seal_wipe() after use. Threads: loaded certificates
 * and keys are read-only and may be shared. Errors: ERROR_INVALID for a damaged file or sealed
 * text, and for text that no key opens; ERROR_DENIED for a key file whose owner or mode is unsafe.
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
 * the user of this process). If only one of them exists, the error names the missing one. *ret_made
 * is 1 if they were made, else 0. */
int seal_make_pair(const char *certificate_path, const char *key_path, uid_t key_owner,
                   gid_t key_group, int *ret_made, struct error *error);

/* Files are read along a trusted path (trusted_path.h): a stranger who could exchange the certificate
 * could read what is sealed under it. */
int seal_certificate_load(const char *path, struct seal_certificate **ret, struct error *error);
void seal_certificate_free(struct seal_certificate *certificate);

enum { SEAL_KEYS_MAXIMUM = 8 }; /* in one file */

/* Loads all keys of the file. One of them must belong to the certificate, unless `certificate_path`
 * is NULL. The key may belong to `user` as well as to root and to the user of this process. */
int seal_key_load(const char *certificate_path, const char *key_path, uid_t user,
                  struct seal_key **ret, struct error *error);
void seal_key_free(struct seal_key *key); /* wipes it */

/* Both results are allocated with the given length; the caller frees (sealed) or wipes (opened). */
int seal_close(const struct seal_certificate *certificate, const void *plain, size_t length,
               unsigned char **ret_sealed, size_t *ret_length, struct error *error);
int seal_open(const struct seal_key *key, const void *sealed, size_t length,
              unsigned char **ret_plain, size_t *ret_length, struct error *error);

/* True if `sealed` was sealed under this certificate. False for anything that is not sealed
 * text. */
bool seal_is_under(const struct seal_certificate *certificate, const void *sealed, size_t length);

/* Overwrites and frees. NULL is allowed. */
void seal_wipe(void *plain, size_t length);

#endif
