/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_private.h - what the files of this folder share among themselves and with their tests.
 */
#ifndef MIMO_KUBE_KUBE_PRIVATE_H
#define MIMO_KUBE_KUBE_PRIVATE_H

#include "mimo/kube.h"

/* Certificates that kubeconfigs without a CA of their own are checked with: PEM kept in memory
 * since kube_warm_up(), NULL when there are none. */
const char *kube_system_ca(void);

/* Replaces them by a copy of `pem`; NULL for none. */
int kube_set_system_ca(const char *pem, struct error *error);

/* Other bounds than those of kube.h, so that a test of a silent server does not take half a
 * minute. */
void kube_client_set_timeouts(struct kube_client *client, long connect_milliseconds,
                              long request_milliseconds);

/* Waits; the client's pauses go through it. A test replaces it, to see pauses in place of waiting. */
typedef void kube_pause_f(void *context, long milliseconds);
void kube_client_set_pause(struct kube_client *client, kube_pause_f *pause, void *context);
void kube_client_pause(struct kube_client *client, long milliseconds);

#endif
