/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_seal.c - checks and seals kubeconfigs; this program cannot open them again. */
#include <stdlib.h>
#include <string.h>

#include "api/endpoints/clusters.h"
#include "mimo/cleanup.h"
#include "mimo/kube.h"
#include "mimo/log.h"
#include "mimo/seal.h"

static int read_url(const char *text, size_t length, char **ret_url, struct answer *answer)
{
    struct kubeconfig kubeconfig;
    struct error error;
    if (length > CLUSTER_KUBECONFIG_SIZE_MAXIMUM)
        return answer_refuse(answer, API_INVALID_PARAMETER, "kubeconfig",
                             "the kubeconfig has %zu bytes; at most %d are allowed", length,
                             CLUSTER_KUBECONFIG_SIZE_MAXIMUM);
    if (kubeconfig_parse(text, length, &kubeconfig, &error) < 0)
        return answer_error(answer, API_INVALID_PARAMETER, "kubeconfig", &error);
    *ret_url = strdup(kubeconfig.server);
    kubeconfig_free(&kubeconfig);
    return *ret_url ? 0 : answer_no_memory(answer);
}

/* The certificate is read each time, so that a new one is used without a restart; registering a
 * cluster is rare. */
static int seal(const char *certificate_path, const char *text, size_t length, char **ret_sealed,
                struct error *error)
{
    struct seal_certificate *certificate;
    unsigned char *sealed;
    size_t sealed_length;
    if (seal_certificate_load(certificate_path, &certificate, error) < 0)
        return -1;
    int result = seal_close(certificate, text, length, &sealed, &sealed_length, error);
    seal_certificate_free(certificate);
    if (result < 0)
        return -1;
    result = base64_encode(sealed, sealed_length, ret_sealed, error);
    free(sealed);
    return result;
}

int cluster_seal_kubeconfig(const char *certificate_path, const char *text, size_t length,
                            char **ret_url, char **ret_sealed, struct answer *answer)
{
    cleanup_free char *url = NULL;
    struct error error;
    if (read_url(text, length, &url, answer) < 0)
        return -1;
    if (seal(certificate_path, text, length, ret_sealed, &error) < 0)
        return answer_internal(answer, "cannot seal the kubeconfig (clusters.seal_certificate)",
                               &error);
    *ret_url = take_pointer(&url);
    return 0;
}
