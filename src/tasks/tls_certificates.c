/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_certificates.c - TLS Certificate Rotation: API server and ingress of a cluster whose domain
 * is ours get the current certificates for it.
 *
 * The certificates of the cluster with document UUID U are named U-apiserver and U-ingress, and so
 * are the Secrets that they become: first those, whole, then what refers to them.
 * https://docs.openshift.com/container-platform/latest/security/certificates/api-server.html
 * https://docs.openshift.com/container-platform/latest/security/certificates/replacing-default-ingress-certificate.html
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mimo/document.h"
#include "mimo/kube.h"
#include "tasks/tasks.h"

#define API_SERVER_PATH "/apis/config.openshift.io/v1/apiservers/cluster"
#define API_SERVER_WHAT "apiservers.config.openshift.io/cluster"
#define INGRESS_PATH                                                                               \
    "/apis/operator.openshift.io/v1/namespaces/openshift-ingress-operator/"                        \
    "ingresscontrollers/default"
#define INGRESS_WHAT       "ingresscontrollers.operator.openshift.io/default"
#define OPERATOR_NAMESPACE "openshift-azure-operator"
#define TLS_TYPE           "kubernetes.io/tls"

enum {
    DOMAIN_SIZE = 254, /* RFC 1035: 253 characters */
    LABEL_MAXIMUM = 63,
    HOST_SIZE = DOMAIN_SIZE + 8,
    KEPT_SIZE = 256,
    NAMESPACE_COUNT = 2,
};

/* The certificates, by their position in the job. */
enum { API_SERVER, INGRESS, CERTIFICATE_COUNT };

static const struct served {
    const char *words; /* for messages */
    const char *suffix;
    const char *host; /* what comes before the domain */
    const char *namespaces[NAMESPACE_COUNT];
} served[CERTIFICATE_COUNT] = {
    [API_SERVER] = {"API server", "apiserver", "api.", {"openshift-config", OPERATOR_NAMESPACE}},
    [INGRESS] = {"ingress", "ingress", "*.apps.", {"openshift-ingress", OPERATOR_NAMESPACE}},
};

/* The task's state, which its steps share. */
struct rotation {
    char domain[DOMAIN_SIZE];
    int secrets_written;
    bool api_server_changed;
    bool ingress_changed;
    size_t kept; /* named certificates of others, which stay */
    char kept_names[KEPT_SIZE];
    char descriptions[CERTIFICATE_COUNT][CERTIFICATE_DESCRIPTION_SIZE];
};

/* ---- whether the cluster's domain is ours ---- */

/* Whether it is one or more labels joined by dots (RFC 1035 and RFC 1123). */
static bool is_domain(const char *domain)
{
    size_t label = 0;
    if (strlen(domain) >= DOMAIN_SIZE)
        return false;
    for (const char *c = domain;; c++) {
        bool is_end = *c == '.' || *c == '\0';
        if (is_end && (label == 0 || label > LABEL_MAXIMUM || c[-1] == '-'))
            return false;
        if (*c == '\0')
            return true;
        if (!is_end && !isalnum((unsigned char)*c) && (*c != '-' || label == 0))
            return false;
        label = is_end ? 0 : label + 1;
    }
}

/* The full name of a cluster's domain when it is under `managed`. A name without a dot is: that is
 * how the service stores its own. */
static bool find_managed_domain(const char *domain, const char *managed, char *ret_domain)
{
    size_t length = strlen(domain), managed_length = strlen(managed);
    if (!managed[0] || !is_domain(domain) || length + 1 + managed_length >= DOMAIN_SIZE)
        return false;
    if (!strchr(domain, '.'))
        return snprintf(ret_domain, DOMAIN_SIZE, "%s.%s", domain, managed) < DOMAIN_SIZE;
    snprintf(ret_domain, DOMAIN_SIZE, "%s", domain);
    return length > managed_length + 1 && domain[length - managed_length - 1] == '.' &&
           strcasecmp(domain + length - managed_length, managed) == 0;
}

static struct json_object *certificates(const struct config *config,
                                        const struct json_object *cluster)
{
    char domain[DOMAIN_SIZE];
    const char *uuid = document_string(cluster, "id", "");
    const char *own =
        document_string(cluster, "openShiftCluster.properties.clusterProfile.domain", "");
    if (!config->tasks_signed_certificates ||
        !find_managed_domain(own, config->tasks_managed_domain, domain))
        return json_object_new_array();
    return document_pack("[s++, s++]", uuid, "-", served[API_SERVER].suffix, uuid, "-",
                         served[INGRESS].suffix);
}

static struct json_object *settings(const struct config *config)
{
    return document_pack("{s:s, s:b}", "managedDomain", config->tasks_managed_domain,
                         "signedCertificates", config->tasks_signed_certificates);
}

/* ---- Secrets ---- */

static int set_tls_secret(struct json_object *secret, void *context, struct error *error)
{
    const struct certificate_bundle *bundle = context;
    const char *type = document_string(secret, "type", "");
    if (strcmp(type, TLS_TYPE) != 0)
        return error_set(error, ERROR_INVALID,
                         "its type is \"%.64s\", which cannot be changed to " TLS_TYPE
                         ": delete it, and the next attempt recreates it",
                         type);
    int certificate = secret_set(secret, "tls.crt", bundle->chain, certificate_same_chain, error);
    int key = certificate < 0
                  ? -1
                  : secret_set(secret, "tls.key", bundle->key, certificate_same_key, error);
    return key < 0 ? -1 : certificate || key;
}

static struct step_result ensure_secret(struct task_context *context, const char *namespace,
                                        const char *name, struct certificate_bundle *bundle)
{
    struct rotation *rotation = context->state;
    char collection[128], what[256];
    bool is_changed;
    snprintf(collection, sizeof(collection), "/api/v1/namespaces/%s/secrets", namespace);
    snprintf(what, sizeof(what), "secret %s/%s", namespace, name);
    cleanup_json struct json_object *fresh =
        document_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "Secret", "type",
                      TLS_TYPE, "metadata", "name", name, "namespace", namespace);
    if (!fresh)
        return step_transient("out of memory (%s)", what);
    struct step_result result = kube_ensure(context->kube, collection, name, what, fresh,
                                            set_tls_secret, bundle, &is_changed);
    rotation->secrets_written += is_changed;
    return result;
}

/* Failures of a step whose parts do not stop each other: the first failure comes first. */
static void add_failure(struct step_result *all, const struct step_result *one)
{
    if (one->outcome == OUTCOME_SUCCEEDED)
        return;
    if (all->outcome == OUTCOME_SUCCEEDED)
        *all = step_transient("%s", one->message);
    else
        *all = step_transient("%.2000s; also: %s", all->message, one->message);
}

/* Reads and judges a certificate; `ret_unfit` is set if no later attempt can use it. */
static struct step_result read_one(struct task_context *context, size_t position,
                                   struct certificate_bundle *ret_bundle, bool *ret_unfit)
{
    struct rotation *rotation = context->state;
    struct certificate_data data = {0};
    char host[HOST_SIZE];
    *ret_unfit = false;
    struct step_result result = context->read_certificate(context, position, &data);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    snprintf(host, sizeof(host), "%s%s", served[position].host, rotation->domain);
    const struct certificate_purpose purpose = {
        .role = CERTIFICATE_SERVER, .host = host, .days_left = CERTIFICATE_DAYS_LEFT};
    result = certificate_judge(context, position, &data, &purpose, ret_bundle);
    *ret_unfit = result.outcome == OUTCOME_TERMINAL;
    if (result.outcome == OUTCOME_SUCCEEDED)
        memcpy(rotation->descriptions[position], ret_bundle->description,
               sizeof(ret_bundle->description));
    return result;
}

static void ensure_both_secrets(struct task_context *context, size_t position,
                                struct certificate_bundle *bundle, struct step_result *all)
{
    for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
        struct step_result result = ensure_secret(context, served[position].namespaces[i],
                                                  certificate_name(context, position), bundle);
        add_failure(all, &result);
    }
}

/* Both certificates are judged before anything is written: one that is unfit ends the task. One
 * that cannot be had now does not keep the other from its Secrets. */
static struct step_result ensure_secrets(struct task_context *context)
{
    struct certificate_bundle bundles[CERTIFICATE_COUNT] = {{0}};
    struct step_result read[CERTIFICATE_COUNT];
    struct step_result all = step_succeeded();
    bool is_unfit = false;
    for (size_t position = 0; position < CERTIFICATE_COUNT; position++) {
        bool is_one_unfit;
        read[position] = read_one(context, position, &bundles[position], &is_one_unfit);
        is_unfit |= is_one_unfit;
    }
    for (size_t position = 0; position < CERTIFICATE_COUNT; position++) {
        add_failure(&all, &read[position]);
        if (!is_unfit && read[position].outcome == OUTCOME_SUCCEEDED)
            ensure_both_secrets(context, position, &bundles[position], &all);
        certificate_bundle_wipe(&bundles[position]);
    }
    if (is_unfit)
        all.outcome = OUTCOME_TERMINAL;
    return all;
}

/* ---- what refers to them ---- */

/* Sets a member unless it is so already. Takes `wanted` over. */
static int set_member(struct json_object *object, const char *path, struct json_object *wanted,
                      struct error *error)
{
    if (wanted && document_equal(document_get(object, path), wanted)) {
        json_object_put(wanted);
        return 0;
    }
    if (!wanted || document_set(object, path, wanted) < 0)
        return error_set(error, ERROR_INVALID, "%s cannot be set", path);
    return 1;
}

/* Adds the first name of an entry that stays to those that the message tells. */
static void note_kept(struct rotation *rotation, const struct json_object *names)
{
    const char *name = document_text(document_item(names, 0));
    size_t used = strlen(rotation->kept_names);
    rotation->kept++;
    snprintf(rotation->kept_names + used, sizeof(rotation->kept_names) - used, "%s%s",
             used ? ", " : "", name ? name : "one without a name");
}

/* Whether an entry has a name, whatever the case of its letters. */
static bool has_name(const struct json_object *entry, const char *host)
{
    const struct json_object *names = document_member(entry, "names");
    size_t index;
    struct json_object *name;
    document_foreach_item(names, index, name)
        if (document_is_string(name) && strcasecmp(document_text(name), host) == 0)
            return true;
    return false;
}

/* Appends what remains of an entry that has our name: its other names, if there are any. */
static int append_without_name(struct json_object *list, const struct json_object *entry,
                               const char *host, struct rotation *rotation)
{
    cleanup_json struct json_object *rest = document_copy(entry);
    struct json_object *names = document_member(rest, "names");
    if (!names)
        return -1;
    for (size_t i = document_length(names); i-- > 0;) {
        const char *name = document_text(document_item(names, i));
        if (name && strcasecmp(name, host) == 0)
            document_remove_item(names, i);
    }
    if (document_length(names) == 0)
        return 0;
    note_kept(rotation, names);
    return document_append(list, json_object_get(rest));
}

static int append_own(struct json_object *list, const char *host, const char *secret)
{
    return document_append(list, document_pack("{s:[s], s:{s:s}}", "names", host,
                                               "servingCertificate", "name", secret));
}

/* The list with our entry in the place of the one that has our name, else at its end. Entries of
 * others stay: an API server has "one or more" named certificates. NULL without memory. */
static struct json_object *merge_named(const struct json_object *present, const char *host,
                                       const char *secret, struct rotation *rotation)
{
    struct json_object *merged = json_object_new_array();
    size_t index;
    struct json_object *entry;
    bool is_placed = false;
    int status = 0;
    rotation->kept = 0;
    rotation->kept_names[0] = '\0';
    document_foreach_item(present, index, entry) {
        if (!entry) /* null is not an entry */
            continue;
        if (!has_name(entry, host)) {
            note_kept(rotation, document_member(entry, "names"));
            status |= document_append(merged, json_object_get(entry));
            continue;
        }
        status |= append_without_name(merged, entry, host, rotation);
        if (!is_placed)
            status |= append_own(merged, host, secret);
        is_placed = true;
    }
    if (!is_placed)
        status |= append_own(merged, host, secret);
    if (status == 0)
        return merged;
    json_object_put(merged);
    return NULL;
}

static int name_certificate(struct json_object *api_server, void *context_of_task,
                            struct error *error)
{
    struct task_context *context = context_of_task;
    struct rotation *rotation = context->state;
    const char *path = "spec.servingCerts.namedCertificates";
    char host[HOST_SIZE];
    const struct json_object *present = document_get(api_server, path);
    if (present && !document_is_array(present))
        return error_set(error, ERROR_INVALID, "%s is not a list", path);
    snprintf(host, sizeof(host), "%s%s", served[API_SERVER].host, rotation->domain);
    struct json_object *merged =
        merge_named(present, host, certificate_name(context, API_SERVER), rotation);
    if (!merged)
        return error_set_memory(error);
    return set_member(api_server, path, merged, error);
}

static struct step_result update_api_server(struct task_context *context)
{
    struct rotation *rotation = context->state;
    return kube_modify(context->kube, API_SERVER_PATH, API_SERVER_WHAT, name_certificate, context,
                       &rotation->api_server_changed);
}

static int set_default_certificate(struct json_object *controller, void *context_of_task,
                                   struct error *error)
{
    const struct task_context *context = context_of_task;
    return set_member(controller, "spec.defaultCertificate.name",
                      document_new_string(certificate_name(context, INGRESS)), error);
}

/* "set: secrets (4 of 4 written), API server updated (1 other named certificate kept:
 * api.example.org), ingress controller as it was; API server certificate: CN=..., serial ...,
 * expires ...; ingress certificate: ...". */
static void describe(struct task_context *context)
{
    const struct rotation *rotation = context->state;
    char kept[KEPT_SIZE + 64] = "";
    bool is_changed =
        rotation->secrets_written || rotation->api_server_changed || rotation->ingress_changed;
    if (rotation->kept > 0)
        snprintf(kept, sizeof(kept), " (%zu other named certificate%s kept: %s)", rotation->kept,
                 rotation->kept == 1 ? "" : "s", rotation->kept_names);
    snprintf(
        context->result_message, sizeof(context->result_message),
        "%s: secrets (%d of %d written), API server %s%s, ingress controller %s; "
        "%s certificate: %s; %s certificate: %s",
        is_changed ? "set" : "no change", rotation->secrets_written,
        CERTIFICATE_COUNT * NAMESPACE_COUNT, rotation->api_server_changed ? "updated" : "unchanged",
        kept, rotation->ingress_changed ? "updated" : "unchanged", served[API_SERVER].words,
        rotation->descriptions[API_SERVER], served[INGRESS].words, rotation->descriptions[INGRESS]);
}

static struct step_result update_ingress(struct task_context *context)
{
    struct rotation *rotation = context->state;
    struct step_result result =
        kube_modify(context->kube, INGRESS_PATH, INGRESS_WHAT, set_default_certificate, context,
                    &rotation->ingress_changed);
    if (result.outcome == OUTCOME_SUCCEEDED)
        describe(context);
    return result;
}

static const struct task_step steps[] = {
    {.name = "API server is up", .run = cluster_operator_check_api_server},
    {.name = "update the secrets of the certificates", .run = ensure_secrets},
    {.name = "update the API server", .run = update_api_server},
    {.name = "update the ingress controller", .run = update_ingress},
};

/* No steps for a cluster whose certificates are not ours. */
static int plan(struct task_context *context, struct task_step **ret_steps, size_t *ret_count,
                struct error *error)
{
    const struct job *job = context->job;
    const char *domain = document_string(job->cluster, "properties.clusterProfile.domain", "");
    const char *managed = document_string(job->settings, "managedDomain", "");
    struct rotation *rotation = calloc(1, sizeof(*rotation));
    struct task_step *own_steps = malloc(sizeof(steps));
    context->state = rotation;
    if (!rotation || !own_steps) {
        free(own_steps);
        return error_set_memory(error);
    }
    *ret_steps = own_steps;
    *ret_count = 0;
    if (!document_is_true(document_get(job->settings, "signedCertificates"))) {
        snprintf(context->result_message, sizeof(context->result_message),
                 "not managed: signed certificates are disabled (tasks.signed_certificates)");
        return 0;
    }
    if (!is_domain(domain)) {
        free(own_steps);
        *ret_steps = NULL;
        return error_set(error, ERROR_INVALID,
                         "the cluster's domain \"%.256s\" is not a valid name: correct "
                         "properties.clusterProfile.domain of its document",
                         domain);
    }
    if (!find_managed_domain(domain, managed, rotation->domain)) {
        snprintf(context->result_message, sizeof(context->result_message),
                 "not managed: the cluster's domain \"%.256s\" is not under \"%.256s\" "
                 "(tasks.managed_domain)",
                 domain, managed);
        return 0;
    }
    memcpy(own_steps, steps, sizeof(steps));
    *ret_count = sizeof(steps) / sizeof(steps[0]);
    return 0;
}

const struct task tls_certificates_task = {
    .id = "9b741734-6505-447f-8510-85eb0ae561a2",
    .name = "TLS Certificate Rotation",
    .short_name = "tls-cert-rotation",
    .summary = "installs the current certificates for API server and ingress",
    .flags = TASK_NEEDS_CLUSTER | TASK_STEPS_OF_ITS_OWN,
    .plan = plan,
    .settings = settings,
    .certificates = certificates,
};
