/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube.h - kubeconfigs, and a client for the Kubernetes API of one cluster.
 *
 * A client keeps one connection alive between its requests (libcurl). It always verifies TLS unless
 * the kubeconfig says insecure-skip-tls-verify. It follows no redirect, ignores the proxies of the
 * environment, resolves no names (addresses come with the job), and reads no file.
 *
 * Ownership: kubeconfig_free(), kube_client_free() and kube_answer_free() release what the
 * functions
 * beside them fill; arguments are borrowed.
 * Threads: a client is used by one thread at a time.
 * Units: connecting takes at most 10 s, a request 30 s, a response KUBE_RESPONSE_MAXIMUM bytes.
 * Errors: requests return a step_result, whose outcome decides about a retry (kube_step_result());
 * the
 * rest returns a struct error.
 * Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/, the kubeconfig format of
 * client-go.
 */
#ifndef MIMO_KUBE_H
#define MIMO_KUBE_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/error.h"
#include "mimo/step.h"

enum {
    KUBE_RESPONSE_MAXIMUM = 8 * 1024 * 1024,
    KUBE_CONFLICT_RETRIES = 5,
    KUBE_CONFIRM_PAUSE = 5 * 1000, /* milliseconds before a refused request is repeated */
    KUBE_RETRY_AFTER_SHORT = 15,   /* seconds: a Retry-After up to this is waited for at once */
    KUBE_RETRY_AFTER_TOTAL = 60,   /* seconds that one client waits in this way */
};

/* What a kubeconfig says about its current context. Texts owned; secrets are wiped by
 * kubeconfig_free(). */
struct kubeconfig {
    char *server; /* https://host:port[/path] */
    char *host;   /* of the server's URL */
    int port;
    char *ca;                 /* PEM; NULL: the system's */
    char *client_certificate; /* PEM, or NULL */
    char *client_key;         /* PEM, or NULL */
    char *token;              /* or NULL */
    char *tls_server_name;    /* or NULL */
    bool insecure;
};

/* Reads YAML or JSON. ERROR_INVALID names the missing or wrong member ("context \"x\" names no
 * user"). File references (certificate-authority and so on) are refused with a message that says
 * how to embed them (kubeconfig_embed() does). exec and auth-provider plug-ins and plain http are
 * refused too. */
int kubeconfig_parse(const char *text, size_t length, struct kubeconfig *ret_config,
                     struct error *error);
void kubeconfig_free(struct kubeconfig *config);

/* Makes a kubeconfig of one context of an operator's kubeconfig, in the form that
 * kubeconfig_parse() accepts: only that context, its cluster and its user, with the files that they
 * name (relative to `directory`) embedded. `context` NULL: the current one. The caller overwrites
 * and frees *ret_text. Only for programs that run as the operator, because it opens the files that
 * the text names. */
int kubeconfig_embed(const char *text, size_t length, const char *context, const char *directory,
                     char **ret_text, struct error *error);

/* ERROR_INVALID if the client certificate, every CA or the token (a JSON Web Token) is not valid at
 * `now` (Unix seconds). kubeconfig_parse() does not check this: credentials may be renewed before
 * they are used. */
int kubeconfig_check_dates(const struct kubeconfig *config, int64_t now, struct error *error);

/* ERROR_INVALID when the kubeconfig's server is not the one of `url` (scheme, host, port, path):
 * its credentials would go to a server that is not registered for this cluster and has not been
 * resolved. */
int kubeconfig_expect_server(const struct kubeconfig *config, const char *url, struct error *error);

/* Writes the kubeconfig as JSON for a program that resolves no names and reads no CA bundle. The
 * server is an address out of `endpoints` (as for kube_client_create()), with its name in
 * tls-server-name; if there are several addresses, `position` chooses one. The system's CA bundle
 * is embedded if the kubeconfig has no CA. The caller overwrites and frees *ret_text. */
int kubeconfig_format(const struct kubeconfig *config, const struct json_object *endpoints,
                      unsigned position, char **ret_text, struct error *error);

/* Prepares libcurl, OpenSSL, json-c and the time zone for use inside a sandbox, where they can open
 * no files. The process that forks workers calls it once, before its first fork, with the TZ that
 * the workers will have. Keeps the system's CA bundle in memory; without one, each kubeconfig needs
 * its own CA. */
int kube_warm_up(struct error *error);

struct kube_client;

/* `endpoints`: JSON array of endpoints with their addresses (endpoint.h), or NULL. Keeps no
 * reference to its arguments. ERROR_INVALID: `endpoints` has no address of the kubeconfig's server
 * (not needed if the server is an IP address), or there is no CA to verify its certificate. */
int kube_client_create(const struct kubeconfig *config, const struct json_object *endpoints,
                       struct kube_client **ret_client, struct error *error);
void kube_client_free(struct kube_client *client);

/* The answer to a request. `document` is NULL unless the answer was a JSON object. */
enum { KUBE_PAGE_SIZE = 256 };

struct kube_answer {
    long status;                  /* HTTP status; 0 when there was no answer */
    long retry_after;             /* seconds of Retry-After; 0 without it */
    struct json_object *document; /* owned; kube_answer_free() */
    char page[KUBE_PAGE_SIZE]; /* how the text begins of an error that is no JSON object; or "" */
    struct error error;        /* when there was no (whole) answer */
};

/* Sends one request. After 429 or 503 with a short Retry-After it waits and repeats the request. */
void kube_request(struct kube_client *client, const char *method, const char *path,
                  struct json_object *body, struct kube_answer *ret_answer);
void kube_answer_free(struct kube_answer *answer);

/* True if the answer is a well-formed Status object of an API server, of the HTTP status that it
 * came with: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
bool kube_answer_is_status(const struct kube_answer *answer);

/* The result of a step that got this answer; `what` names the object that was asked for:
 *
 *   2xx with a JSON object                    succeeded
 *   a Status with 400, 403, 404, 422, ...     terminal, with its reason and message
 *   anything else                             transient
 *
 * So these are transient: 401, 408, 409, 429 and 5xx; redirects; errors that are no Status, which
 * come from a load balancer or an API server that is starting; 2xx without a JSON object; lost
 * connections and certificates that do not verify. Without any answer, a connection that the
 * sandbox forbids and a client certificate that cannot be used are terminal. */
struct step_result kube_step_result(const struct kube_answer *answer, const char *what);

/* Sends a request and judges the answer by kube_step_result(). A Status with 403 or 404 is terminal
 * only if the server repeats it after KUBE_CONFIRM_PAUSE: an API server that is starting sends both
 * until it has loaded its rules and types. The caller frees *ret_answer. */
struct step_result kube_ask(struct kube_client *client, const char *method, const char *path,
                            struct json_object *body, const char *what,
                            struct kube_answer *ret_answer);

/* Reads the object at `path`, lets `change` alter it, and writes it back with its resourceVersion
 * when it was altered; reads again after a conflict, KUBE_CONFLICT_RETRIES times. *ret_changed is
 * true if it was written. `change` returns 1 if it altered the object, 0 if there is nothing to do,
 * -1 for data that it cannot use. */
typedef int kube_change_f(struct json_object *object, void *context, struct error *error);
struct step_result kube_modify(struct kube_client *client, const char *path, const char *what,
                               kube_change_f *change, void *change_context, bool *ret_changed);

/* The same for the object `name` of the list at `collection`, which is created if it does not
 * exist: as a copy of `fresh` (borrowed) that `change` has altered. If another client creates it
 * first, that is a conflict like any other. */
struct step_result kube_ensure(struct kube_client *client, const char *collection, const char *name,
                               const char *what, struct json_object *fresh, kube_change_f *change,
                               void *change_context, bool *ret_changed);

#endif
