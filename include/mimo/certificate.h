/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.h - a certificate with its private key: reads it as its source stores it, judges it,
 * and converts it to the form that a cluster accepts.
 *
 *     static const struct certificate_purpose purpose = {
 *         .role = CERTIFICATE_SERVER, .host = "api.example.com", .days_left = 7};
 *     struct certificate_bundle bundle;
 *     if (certificate_bundle_parse(&data, &purpose, clock_unix_seconds(), &bundle, error) < 0)
 *         return -1;
 *     ... bundle.key, bundle.chain ...
 *     certificate_bundle_wipe(&bundle);
 *
 * A source stores it as PEM blocks in any order (a private key without a pass phrase, its
 * certificate, the certificates of its issuers) or as PKCS#12 without a password, which is how
 * Azure Key Vault hands certificates out. Pure: the time comes as an argument.
 *
 * Ownership: the caller wipes what certificate_bundle_parse() filled. Errors: ERROR_INVALID is a
 * fault of the certificate, which lasts until it is replaced; ERROR_MEMORY may pass. Sources: RFC
 * 7468 (PEM), RFC 5958 (PKCS#8), RFC 7292 (PKCS#12), RFC 5280 (fitness).
 */
#ifndef MIMO_CERTIFICATE_H
#define MIMO_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"

enum {
    CERTIFICATE_DATA_MAXIMUM = 256 * 1024, /* bytes of a bundle */
    CERTIFICATE_CHAIN_MAXIMUM = 16,        /* certificates of a bundle */
    CERTIFICATE_DESCRIPTION_SIZE = 512,
};

/* A certificate as a source stores it. */
struct certificate_data {
    unsigned char *bytes; /* owned */
    size_t length;
    bool is_pkcs12;
};

/* Overwrites and frees. An empty one is allowed. */
void certificate_data_wipe(struct certificate_data *data);

enum certificate_role { CERTIFICATE_SERVER, CERTIFICATE_CLIENT };

/* The purpose that a certificate must be fit for. */
struct certificate_purpose {
    enum certificate_role role;
    const char *host;  /* of a server: the DNS name it must cover, "*.apps.x.org" for a wildcard */
    int64_t days_left; /* days for which it must still be valid */
};

struct certificate_bundle {
    char *key;        /* PEM, PKCS#8 */
    char *source_key; /* PEM, in the encoding of the source; PKCS#8 from PKCS#12 */
    char *chain;      /* PEM: the certificate of the key, then each one's issuer, if present */
    /* Of the first certificate, for people: "CN=api.example.com, serial 0A1B, expires 2027-..." */
    char description[CERTIFICATE_DESCRIPTION_SIZE];
};

/* ERROR_INVALID when there is not exactly one key, no certificate that belongs to it, something
 * that cannot be read, or a certificate that is not fit for `purpose`. Nothing is left to wipe
 * then. */
int certificate_bundle_parse(const struct certificate_data *data,
                             const struct certificate_purpose *purpose, int64_t now,
                             struct certificate_bundle *ret_bundle, struct error *error);

/* Whether two PEM texts hold the same private key, or the same certificates in the same order,
 * whatever their encoding. False when one of them cannot be read. */
bool certificate_same_key(const char *pem, const char *other);
bool certificate_same_chain(const char *pem, const char *other);

/* Overwrites and frees. */
void certificate_bundle_wipe(struct certificate_bundle *bundle);

#endif
