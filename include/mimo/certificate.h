/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.h - a certificate with its key, as a source of certificates gives it and as a cluster
 * takes it.
 *
 *     struct certificate_bundle bundle;
 *     if (certificate_bundle_parse(&data, clock_unix_seconds(), &bundle, error) < 0)
 *         return -1;
 *     ... bundle.key, bundle.chain ...
 *     certificate_bundle_wipe(&bundle);
 *
 * A source has it as PEM blocks in any order (a private key without a pass phrase, its certificate,
 * those above it) or as PKCS#12 without a password, which is how Azure Key Vault hands certificates
 * out. Pure: the time comes as an argument.
 * Sources: RFC 7468 (PEM), RFC 5958 (PKCS#8), RFC 7292 (PKCS#12).
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

/* What a source gave. */
struct certificate_data {
    unsigned char *bytes; /* owned */
    size_t length;
    bool is_pkcs12;
};

/* Overwrites and frees. An empty one is allowed. */
void certificate_data_wipe(struct certificate_data *data);

struct certificate_bundle {
    char *key;   /* PEM, PKCS#8 */
    char *chain; /* PEM: the certificate of the key, then each one's issuer, as far as there are */
    /* Of the first certificate, for people: "CN=api.example.com, serial 0A1B, expires 2027-..." */
    char description[CERTIFICATE_DESCRIPTION_SIZE];
};

/* ERROR_INVALID when there is not exactly one key, no certificate that belongs to it, one that is
 * not valid at `now`, or something that cannot be read. Nothing is left to wipe then. */
int certificate_bundle_parse(const struct certificate_data *data, int64_t now,
                             struct certificate_bundle *ret_bundle, struct error *error);

/* Overwrites and frees. */
void certificate_bundle_wipe(struct certificate_bundle *bundle);

#endif
