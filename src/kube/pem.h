/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem.h - whether PEM texts of a kubeconfig are what TLS will need of them.
 *
 * Checked when a kubeconfig is read, so that its sender hears at once what a worker would only find
 * out, in the words of OpenSSL, when it connects. Dates are not looked at: they are a matter of the
 * moment of use.
 */
#ifndef MIMO_KUBE_PEM_H
#define MIMO_KUBE_PEM_H

#include "mimo/error.h"

/* At least one certificate, and every one of them readable. `what` names the text in errors. */
int pem_check_certificates(const char *pem, const char *what, struct error *error);

/* A private key without a pass phrase that belongs to the first certificate. */
int pem_check_key(const char *key_pem, const char *certificate_pem, const char *what,
                  struct error *error);

#endif
