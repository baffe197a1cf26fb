/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kubeconfig.c - a kubeconfig, in YAML or JSON: callers of the Admin API send it, workers
 * read it.
 */
#include "fuzz.h"

#include "mimo/kube.h"

static void promise_text(const char *text)
{
    PROMISE(!text || *text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig config;
    struct error error;
    cleanup_free char *copy = fuzz_copy(data, size);
    if (kubeconfig_parse(copy, size, &config, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    PROMISE(config.server && strncmp(config.server, "https://", 8) == 0);
    PROMISE(config.host && *config.host && strstr(config.server, config.host));
    PROMISE(config.port >= 1 && config.port <= 65535);
    PROMISE(text_is_clean(config.server) && text_is_clean(config.host));
    PROMISE(!config.client_certificate == !config.client_key);
    promise_text(config.ca);
    promise_text(config.token);
    promise_text(config.tls_server_name);
    PROMISE(kubeconfig_expect_server(&config, config.server, &error) == 0);
    kubeconfig_free(&config);
    return 0;
}
