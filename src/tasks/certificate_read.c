/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate_read.c - a certificate from its source, checked.
 */
#include "mimo/clock.h"
#include "mimo/document.h"
#include "tasks/tasks.h"

const char *certificate_name(const struct task_context *context, size_t position)
{
    const struct json_object *names = document_get(context->job->settings, "certificates");
    const char *name = document_text(document_item(names, position));
    return name ? name : "";
}

struct step_result certificate_read(struct task_context *context, size_t position,
                                    struct certificate_bundle *ret_bundle)
{
    struct certificate_data data = {0};
    struct error error;
    struct step_result result = context->read_certificate(context, position, &data);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    if (certificate_bundle_parse(&data, clock_unix_seconds(), ret_bundle, &error) < 0) {
        const char *name = certificate_name(context, position);
        result = error.kind == ERROR_INVALID
                     ? step_terminal("certificate %s cannot be used: %s", name, error.message)
                     : step_transient("certificate %s: %s", name, error.message);
    }
    certificate_data_wipe(&data);
    return result;
}
