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

enum { DOMAIN_SIZE = 256, NAMESPACE_COUNT = 2 };

/* The certificates, by their position in the job. */
enum { API_SERVER, INGRESS, CERTIFICATE_COUNT };

static const struct served {
    const char *words; /* for messages */
    const char *suffix;
    const char *namespaces[NAMESPACE_COUNT];
} served[CERTIFICATE_COUNT] = {
    [API_SERVER] = {"API server", "apiserver", {"openshift-config", OPERATOR_NAMESPACE}},
    [INGRESS] = {"ingress", "ingress", {"openshift-ingress", OPERATOR_NAMESPACE}},
};

/* What the steps know of each other: the task's state. */
struct rotation {
    char domain[DOMAIN_SIZE];
    int secrets_written;
    bool api_server_changed;
    bool ingress_changed;
    char descriptions[CERTIFICATE_COUNT][CERTIFICATE_DESCRIPTION_SIZE];
};

/* ---- whether the cluster's domain is ours ---- */

/* The full name of a cluster's domain when it lies under `managed`; a name without a dot does, that
 * is how the service stores its own. False when it lies elsewhere, or is no domain at all. */
static bool find_managed_domain(const char *domain, const char *managed, char *ret_domain)
{
    size_t length = strlen(domain), managed_length = strlen(managed);
    for (const char *c = domain; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
            return false;
    if (!managed[0] || !domain[0] || domain[0] == '.' || domain[0] == '-' ||
        length + 1 + managed_length >= DOMAIN_SIZE)
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
                         ": delete it, it is made anew then",
                         type);
    int certificate = secret_set(secret, "tls.crt", bundle->chain, error);
    int key = certificate < 0 ? -1 : secret_set(secret, "tls.key", bundle->key, error);
    return key < 0 ? -1 : certificate || key;
}

static struct step_result ensure_secret(struct task_context *context, const char *namespace,
                                        const char *name, struct certificate_bundle *bundle)
{
    struct rotation *rotation = context->state;
    char collection[128], what[256];
    bool is_changed;
    snprintf(collection, sizeof collection, "/api/v1/namespaces/%s/secrets", namespace);
    snprintf(what, sizeof what, "secret %s/%s", namespace, name);
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

/* Failures of a step whose parts do not stop each other: what failed first stands first. */
static void add_failure(struct step_result *all, const struct step_result *one)
{
    if (one->outcome == OUTCOME_SUCCEEDED)
        return;
    if (all->outcome == OUTCOME_SUCCEEDED)
        *all = step_transient("%s", one->message);
    else
        *all = step_transient("%.2000s; also: %s", all->message, one->message);
}

static void ensure_certificate(struct task_context *context, size_t position,
                               struct step_result *all)
{
    struct rotation *rotation = context->state;
    struct certificate_bundle bundle;
    struct step_result result = certificate_read(context, position, &bundle);
    add_failure(all, &result);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return;
    memcpy(rotation->descriptions[position], bundle.description, sizeof bundle.description);
    for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
        result = ensure_secret(context, served[position].namespaces[i],
                               certificate_name(context, position), &bundle);
        add_failure(all, &result);
    }
    certificate_bundle_wipe(&bundle);
}

static struct step_result ensure_secrets(struct task_context *context)
{
    struct step_result all = step_succeeded();
    for (size_t position = 0; position < CERTIFICATE_COUNT; position++)
        ensure_certificate(context, position, &all);
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

static int name_certificate(struct json_object *api_server, void *context_of_task,
                            struct error *error)
{
    struct task_context *context = context_of_task;
    const struct rotation *rotation = context->state;
    struct json_object *wanted =
        document_pack("[{s:[s+], s:{s:s}}]", "names", "api.", rotation->domain,
                      "servingCertificate", "name", certificate_name(context, API_SERVER));
    return set_member(api_server, "spec.servingCerts.namedCertificates", wanted, error);
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

/* "set: secrets (4 of 4 written), API server updated, ingress controller as it was; API server
 * certificate: CN=..., serial ..., expires ...; ingress certificate: ...". */
static void describe(struct task_context *context)
{
    const struct rotation *rotation = context->state;
    bool is_changed =
        rotation->secrets_written || rotation->api_server_changed || rotation->ingress_changed;
    snprintf(
        context->result_message, sizeof context->result_message,
        "%s: secrets (%d of %d written), API server %s, ingress controller %s; %s certificate: "
        "%s; %s certificate: %s",
        is_changed ? "set" : "no change", rotation->secrets_written,
        CERTIFICATE_COUNT * NAMESPACE_COUNT, rotation->api_server_changed ? "updated" : "as it was",
        rotation->ingress_changed ? "updated" : "as it was", served[API_SERVER].words,
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
    struct rotation *rotation = calloc(1, sizeof *rotation);
    struct task_step *own_steps = malloc(sizeof steps);
    context->state = rotation;
    if (!rotation || !own_steps) {
        free(own_steps);
        return error_set_memory(error);
    }
    *ret_steps = own_steps;
    *ret_count = 0;
    if (!document_is_true(document_get(job->settings, "signedCertificates"))) {
        snprintf(context->result_message, sizeof context->result_message,
                 "not managed: signed certificates are disabled (tasks.signed_certificates)");
        return 0;
    }
    if (!find_managed_domain(domain, managed, rotation->domain)) {
        snprintf(context->result_message, sizeof context->result_message,
                 "not managed: the cluster's domain \"%.256s\" is not under \"%.256s\" "
                 "(tasks.managed_domain)",
                 domain, managed);
        return 0;
    }
    memcpy(own_steps, steps, sizeof steps);
    *ret_count = sizeof steps / sizeof steps[0];
    return 0;
}

const struct task tls_certificates_task = {
    .id = "9b741734-6505-447f-8510-85eb0ae561a2",
    .name = "TLS Certificate Rotation",
    .short_name = "tls-cert-rotation",
    .summary =
        "gives API server and ingress of a cluster under our domain the current certificates",
    .flags = TASK_NEEDS_CLUSTER | TASK_STEPS_OF_ITS_OWN,
    .plan = plan,
    .settings = settings,
    .certificates = certificates,
};
