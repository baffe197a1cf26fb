/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - what every handler of the Admin API works with.
 *
 * main() makes one struct api and hands it to the server; it does not change from then on, but
 * for the budget, and is shared by all threads. A handler is straight-line code that may block: it reads the
 * request, runs operations on the store, and fills the answer. Adding an endpoint is a handler and
 * a row in routes.c.
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
