/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_fitness.h - whether a certificate can do the job that it is brought for.
 *
 * A certificate that parses may still be the wrong one: for another name, about to expire, without
 * its intermediate, or not allowed to serve. Installing it locks everybody out of the cluster, so it
 * is judged before anything is written. Pure: the time comes as an argument.
 * Sources: RFC 5280 (names, key usage, basic constraints), RFC 6125 (matching of names).
 */
#ifndef MIMO_SEAL_CERTIFICATE_FITNESS_H
#define MIMO_SEAL_CERTIFICATE_FITNESS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "mimo/certificate.h"
#include "mimo/error.h"

/* Judges chain[0] and, for a server, the issuers that follow it. ERROR_INVALID says what is wrong
 * and what to do; the text continues a sentence that begins with the name of the certificate. */
int certificate_check_fitness(X509 *const *chain, size_t count,
                              const struct certificate_purpose *purpose, int64_t now,
                              struct error *error);

/* Unix seconds of a date in a certificate. ERROR_INVALID when it is not a valid date. */
int certificate_read_time(const ASN1_TIME *time, int64_t *ret_seconds, struct error *error);

/* The subject as "CN=api.example.com" (RFC 2253), cut to `size`. Returns `buffer`; "" without
 * memory. */
const char *certificate_subject(X509 *certificate, char *buffer, size_t size);

#endif
