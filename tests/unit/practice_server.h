/* SPDX-License-Identifier: Apache-2.0 */
/*
 * practice_server.h - a practice cluster (contrib/practice-cluster) as a child of a test, and
 * clients of it.
 *
 *     struct practice_server server;
 *     practice_server_start(&server, "valid");
 *     struct kube_client *client = practice_server_client(&server, "-token");
 *     practice_server_trouble(&server, "{'status': 503, 'times': 1}");
 *     ...
 *     practice_server_stop(&server);
 *
 * All of it fails the test when it cannot do what it should.
 */
#ifndef MIMO_UNIT_PRACTICE_SERVER_H
#define MIMO_UNIT_PRACTICE_SERVER_H

#include <sys/types.h>

#include "mimo/kube.h"

#define PRACTICE_CLUSTER_NAME "cluster-0"

struct practice_server {
    pid_t pid;
    char directory[64];
    struct kube_client *admin;
    struct kubeconfig config; /* of that client */
};

/* `certificate` is valid, expired, wrong-name or other-ca. Warms the client's library up, too. */
void practice_server_start(struct practice_server *server, const char *certificate);
void practice_server_stop(struct practice_server *server);

/* The kubeconfig of the practice cluster with this suffix: "" (client certificate), "-token",
 * "-viewer". */
void practice_server_kubeconfig(const struct practice_server *server, const char *suffix,
                                struct kubeconfig *ret_config);

struct kube_client *practice_server_client(const struct practice_server *server,
                                           const char *suffix);

/* Replaces all rules of trouble by this one, JSON with single quotes; NULL for none. */
void practice_server_trouble(struct practice_server *server, const char *rule);

/* Sets a condition of the cluster operator kube-apiserver. */
void practice_server_condition(struct practice_server *server, const char *type, const char *status,
                               const char *message);

/* How many requests it has logged that hold `text` in their line of JSON. */
int practice_server_count(const struct practice_server *server, const char *text);

/* What it was asked for since it had logged `from` requests, the control path's left out: "GET
 * /version 200" a line. The caller frees. */
char *practice_server_requests(const struct practice_server *server, int from);

/* JSON with single quotes in place of double ones; the caller drops it. */
struct json_object *json_of(const char *text);

#endif
