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

struct step_result certificate_judge(struct task_context *context, size_t position,
                                     struct certificate_data *data,
                                     const struct certificate_purpose *purpose,
                                     struct certificate_bundle *ret_bundle)
{
    struct error error;
    const char *name = certificate_name(context, position);
    struct step_result result = step_succeeded();
    if (certificate_bundle_parse(data, purpose, clock_unix_seconds(), ret_bundle, &error) < 0)
        result = error_may_pass(error.kind)
                     ? step_transient("certificate %s: %s", name, error.message)
                     : step_terminal("certificate %s cannot be used: %s", name, error.message);
    certificate_data_wipe(data);
    return result;
}

struct step_result certificate_read(struct task_context *context, size_t position,
                                    const struct certificate_purpose *purpose,
                                    struct certificate_bundle *ret_bundle)
{
    struct certificate_data data = {0};
    struct step_result result = context->read_certificate(context, position, &data);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    return certificate_judge(context, position, &data, purpose, ret_bundle);
}
