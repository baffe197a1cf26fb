/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_identity.c - a key with its self-signed certificate, as kubeconfigs hold them.
 */
#include "tls_identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "certificate_maker.h"
#include "mimo/base64.h"
#include "mimo/cleanup.h"

static char *base64_of(const char *text)
{
    char *encoded = NULL;
    base64_encode(text, strlen(text), &encoded, NULL);
    assert(encoded);
    return encoded;
}

void tls_identity_make(const char *common_name, struct tls_identity *ret_identity)
{
    struct made made = make_certificate(common_name, NULL, (struct made_dates){0});
    cleanup_free char *locked_key = make_locked_key(&made);
    ret_identity->certificate = take_pointer(&made.certificate_pem);
    ret_identity->key = take_pointer(&made.key_pem);
    ret_identity->certificate_base64 = base64_of(ret_identity->certificate);
    ret_identity->key_base64 = base64_of(ret_identity->key);
    ret_identity->locked_key_base64 = base64_of(locked_key);
    made_free(&made);
}

void tls_identity_free(struct tls_identity *identity)
{
    free(identity->certificate);
    free(identity->key);
    free(identity->certificate_base64);
    free(identity->key_base64);
    free(identity->locked_key_base64);
}
