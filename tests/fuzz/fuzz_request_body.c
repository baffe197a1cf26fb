/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_request_body.c - the body of a request that creates a manifest. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "api/endpoints/manifest_create.h"
#include "api/http/request.h"
#include "mimo/config.h"
#include "mimo/document.h"
#include "mimo/manifest.h"
#include "mimo/task.h"

static struct task_list *tasks;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct config config;
    struct error error;
    char path[32];
    int empty = memfd_create("config", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", empty);
    PROMISE(config_load(&config, path, NULL, &error) == 0);
    close(empty);
    PROMISE(task_list_load(&config, &tasks, &error) == 0);
    config_free(&config);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char cluster[] =
        "/subscriptions/00000000-0000-4000-8000-000000000000/resourcegroups/r"
        "/providers/microsoft.redhatopenshift/openshiftclusters/c";
    struct error error;
    if (size > REQUEST_BODY_MAXIMUM)
        return 0;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_json struct json_object *body = document_parse(copy, size, &error);
    if (!body) {
        promise_error(&error);
        return 0;
    }
    struct answer answer = {0};
    struct manifest_request request = {0};
    struct manifest manifest, again;
    if (manifest_request_read(body, tasks, &request, &answer) < 0) {
        PROMISE(answer.status >= 400 && answer.status < 500);
        PROMISE(*document_string(answer.body, "error.message", ""));
        answer_free(&answer);
        return 0;
    }
    request.cluster = cluster;
    if (manifest_create(&manifest, &request, 1800000000, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    PROMISE(manifest.state == MANIFEST_PENDING && manifest.run_before >= manifest.run_after);
    PROMISE(manifest_read(&again, manifest_document(&manifest), &error) == 0);
    manifest_free(&again);
    manifest_free(&manifest);
    return 0;
}
