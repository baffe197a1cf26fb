/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_identity.h - a key with its self-signed certificate, for tests.
 */
#ifndef MIMO_UNIT_TLS_IDENTITY_H
#define MIMO_UNIT_TLS_IDENTITY_H

struct tls_identity {
    char *certificate; /* PEM */
    char *key;
    char *certificate_base64; /* of the PEM, as kubeconfigs embed it */
    char *key_base64;
    char *locked_key_base64; /* the key under a pass phrase */
};

/* Fails the test when it cannot. */
void tls_identity_make(const char *common_name, struct tls_identity *ret_identity);
void tls_identity_free(struct tls_identity *identity);

#endif
