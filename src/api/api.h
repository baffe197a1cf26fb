/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - the state that all handlers of the Admin API share.
 *
 * main() makes one struct api for the server. All threads share it, and nothing in it changes later
 * except the budget. A handler is straight-line code that may block: it reads the request, runs
 * operations on the store, and fills the answer. A new endpoint needs a handler and a row in
 * routes.c.
 */
#ifndef API_API_H
#define API_API_H

#include "api/auth/auth.h"
#include "api/http/budget.h"
#include "mimo/config.h"
#include "mimo/network.h"
#include "mimo/store.h"
#include "mimo/task.h"

struct members;   /* members.h */
struct readiness; /* readiness.h */

struct api {
    const struct config *config;
    const struct task_list *tasks;
    struct store *store;
    struct auth *auth;
    struct members *members;
    struct readiness *readiness;
    struct network_list proxies; /* api.trusted_proxies */
    struct budget budget;        /* of the bytes that connections hold */
};

#endif
