/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_job.c - the job: what a worker reads inside its sandbox. */
#include "fuzz.h"

#include "mimo/document.h"
#include "mimo/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job job, again;
    struct error error;
    cleanup_free char *copy = fuzz_copy(data, size);
    if (job_parse(copy, size, &job, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    char normalized[RESOURCE_ID_SIZE];
    PROMISE(strlen(job.manifest_id) == UUID_SIZE - 1 && strlen(job.task_id) == UUID_SIZE - 1);
    PROMISE(resource_id_normalize(job.cluster_resource_id, normalized, &error) == 0);
    PROMISE(job.attempt >= 1 && (!job.cluster || document_is_object(job.cluster)));
    PROMISE(!job.parameters || document_is_object(job.parameters));

    cleanup_free char *text = document_format(job.document);
    PROMISE(text && job_parse(text, strlen(text), &again, &error) == 0);
    PROMISE(strcmp(again.manifest_id, job.manifest_id) == 0 && again.attempt == job.attempt);
    PROMISE(document_equal(again.document, job.document));
    job_free(&again);
    job_free(&job);
    return 0;
}
