/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_maker.h - keys, certificates and bundles of them, for tests.
 *
 *     struct made made = make_certificate("CN of it", NULL, (struct made_dates){0});
 *     char *bundle = join_pem(made.key_pem, made.certificate_pem, NULL);
 */
#ifndef MIMO_UNIT_CERTIFICATE_MAKER_H
#define MIMO_UNIT_CERTIFICATE_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

struct made {
    EVP_PKEY *key;
    X509 *certificate;
    char *key_pem; /* PKCS#8 */
    char *certificate_pem;
};

/* Seconds from now; both 0: from an hour ago for 30 days. */
struct made_dates {
    long from;
    long until;
};

/* On a P-256 key, with serial number 0x0A2B; signed by `issuer`, or by itself. Fails the test when
 * it cannot. */
struct made make_certificate(const char *common_name, const struct made *issuer,
                             struct made_dates dates);

/* A certificate of version 3 with what is wanted; what is not given is left out. */
struct made_wishes {
    const char *names; /* subjectAltName as OpenSSL reads it: "DNS:a.example.com,DNS:*.b.example" */
    const char *usage; /* extendedKeyUsage: "serverAuth" */
    bool is_authority;
    int rsa_bits; /* 0: P-256 */
    struct made_dates dates;
};
struct made make_certificate_of(const char *common_name, const struct made *issuer,
                                const struct made_wishes *wishes);

void made_free(struct made *made);

/* The private key in another form: "EC PRIVATE KEY", or under a pass phrase in the two forms there
 * are. */
char *make_traditional_key(const struct made *made);
char *make_locked_key(const struct made *made);
char *make_locked_traditional_key(const struct made *made);

/* PKCS#12 of key, certificate and `issuer`'s certificate (or NULL); the password may be "". */
unsigned char *make_pkcs12(const struct made *made, const struct made *issuer, const char *password,
                           size_t *ret_length);

/* All texts one behind the other, up to a NULL; the caller frees. */
char *join_pem(const char *first, ...) __attribute__((sentinel));

#endif
