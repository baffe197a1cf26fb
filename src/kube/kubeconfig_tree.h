/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_tree.h - finds the parts of a kubeconfig that a context names.
 *
 * The format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. All results are borrowed
 * from the tree.
 */
#ifndef MIMO_KUBE_KUBECONFIG_TREE_H
#define MIMO_KUBE_KUBECONFIG_TREE_H

#include <json-c/json_object.h>
#include <stdbool.h>

#include "mimo/error.h"

enum { KUBECONFIG_WORDS_SIZE = 160 };

/* A mapping, and its name in errors. */
struct place {
    const struct json_object *mapping;
    const char *words; /* "user \"admin\"" */
};

/* The value of `member`; NULL when it is absent or null. */
struct json_object *kubeconfig_find_member(const struct place *place, const char *member);

/* A text, or NULL when it is absent or empty. */
int kubeconfig_read_text(const struct place *place, const char *member, const char **ret_text,
                         struct error *error);

/* A boolean; false when it is absent. */
int kubeconfig_read_boolean(const struct place *place, const char *member, bool *ret_value,
                            struct error *error);

/* A text that must be there: "user \"admin\" names no `lack`". */
int kubeconfig_read_required(const struct place *place, const char *member, const char *lack,
                             const char **ret_text, struct error *error);

/* The cluster and the user of a context. */
struct kubeconfig_parts {
    const char *context_name;
    const char *cluster_name;
    const char *user_name;
    const struct json_object *cluster;
    const struct json_object *user;
    char cluster_words[KUBECONFIG_WORDS_SIZE]; /* for errors */
    char user_words[KUBECONFIG_WORDS_SIZE];
};

/* The parts of `context`, of the current one when that is NULL. */
int kubeconfig_find_parts(const struct json_object *tree, const char *context,
                          struct kubeconfig_parts *ret_parts, struct error *error);

#endif
