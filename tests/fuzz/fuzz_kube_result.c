/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kube_result.c - the answer of a cluster's API server, and what becomes of a step for it. */
#include "fuzz.h"

#include "mimo/kube.h"

/* The first two bytes are the HTTP status, the rest is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    if (size < 2)
        return 0;
    cleanup_free char *copy = fuzz_copy(data + 2, size - 2);
    struct kube_answer answer = {.status = data[0] * 256 + data[1],
                                 .document = document_parse(copy, size - 2, &error)};
    if (answer.status == 0) /* there was no answer: somebody has said why */
        error_set(&answer.error, ERROR_UNAVAILABLE, "cannot reach the server");
    struct step_result result = kube_step_result(&answer, "the cluster's flags");
    bool good = answer.status >= 200 && answer.status < 300;
    PROMISE((result.outcome == OUTCOME_SUCCEEDED) == good);
    PROMISE(memchr(result.message, '\0', sizeof(result.message)));
    PROMISE(good || result.message[0]);
    PROMISE(text_is_clean(result.message));
    kube_answer_free(&answer);
    return 0;
}
