/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_certificate.c - a certificate with its key, in PEM or PKCS#12: what a directory or a
 * vault gives.
 */
#include "fuzz.h"

#include "mimo/certificate.h"

enum { NOW = 1800000000 }; /* within the validity of the seeds */

/* The first byte says which of both forms it is, and what it has to be good for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct certificate_bundle bundle, again;
    struct error error;
    if (size < 1)
        return 0;
    cleanup_free char *copy = fuzz_copy(data + 1, size - 1);
    const struct certificate_data input = {
        .bytes = (unsigned char *)copy, .length = size - 1, .is_pkcs12 = data[0] & 1};
    const struct certificate_purpose purpose = {
        .role = data[0] & 2 ? CERTIFICATE_SERVER : CERTIFICATE_CLIENT, .host = "api.example.com"};
    if (certificate_bundle_parse(&input, &purpose, NOW, &bundle, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    PROMISE(strstr(bundle.key, "-----BEGIN PRIVATE KEY-----"));
    PROMISE(strstr(bundle.chain, "-----BEGIN CERTIFICATE-----"));
    PROMISE(certificate_same_key(bundle.key, bundle.source_key));
    PROMISE(bundle.description[0] && text_is_clean(bundle.description));

    /* What comes out is a bundle itself, and the same one. */
    size_t length = strlen(bundle.key) + strlen(bundle.chain);
    cleanup_free char *text = malloc(length + 1);
    PROMISE(text);
    snprintf(text, length + 1, "%s%s", bundle.key, bundle.chain);
    const struct certificate_data output = {.bytes = (unsigned char *)text, .length = length};
    PROMISE(certificate_bundle_parse(&output, &purpose, NOW, &again, &error) == 0);
    PROMISE(strcmp(again.key, bundle.key) == 0 && strcmp(again.chain, bundle.chain) == 0);
    certificate_bundle_wipe(&again);
    certificate_bundle_wipe(&bundle);
    return 0;
}
