/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem.h - checks the PEM texts of a kubeconfig.
 *
 * A kubeconfig is checked when it is read, so that its sender learns at once of an error that a
 * worker would meet only when it connects. Reading does not look at dates; registering does, with
 * pem_check_dates().
 */
#ifndef MIMO_KUBE_PEM_H
#define MIMO_KUBE_PEM_H

#include <stdint.h>

#include "mimo/error.h"

/* At least one certificate, and every one of them readable. `what` names the text in errors. */
int pem_check_certificates(const char *pem, const char *what, struct error *error);

/* A private key without a pass phrase that belongs to the first certificate. */
int pem_check_key(const char *key_pem, const char *certificate_pem, const char *what,
                  struct error *error);

/* Which certificates of a text must be valid. */
enum pem_which {
    PEM_FIRST, /* the first one: a client certificate, followed by its issuers */
    PEM_ANY,   /* one of them: a bundle of CAs */
};

/* ERROR_INVALID if those certificates are not valid at `now` (Unix seconds), with the date. */
int pem_check_dates(const char *pem, enum pem_which which, int64_t now, const char *what,
                    struct error *error);

#endif
