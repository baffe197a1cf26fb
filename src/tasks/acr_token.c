/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acr_token.c - ACR Token Checker: whether the token that the cluster pulls images with has to be
 * rotated.
 *
 * Looks at the cluster's document alone. A token that is due is a failure of the task: the manifest
 * ends as Failed, and its text is what operators act on.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mimo/clock.h"
#include "mimo/document.h"
#include "tasks/tasks.h"

#define DAY_SECONDS INT64_C(86400)

enum {
    VALID_DAYS = 180,
    RENEWABLE_AFTER_DAYS = 140,
    FUTURE_DAYS_MAXIMUM = 1, /* how far clocks may disagree on when it was issued */
};

static const struct json_object *find_profile(const struct json_object *properties,
                                              const char *acr_domain)
{
    const struct json_object *profiles = document_get(properties, "registryProfiles");
    size_t index;
    struct json_object *profile;
    document_foreach_item(profiles, index, profile)
        if (strcasecmp(document_string(profile, "name", ""), acr_domain) == 0)
            return profile;
    return NULL;
}

/* "12 days", "1 day", "less than a day". */
static const char *format_days(char *buffer, size_t size, int64_t seconds)
{
    int64_t days = seconds / DAY_SECONDS;
    if (days == 0)
        snprintf(buffer, size, "less than a day");
    else
        snprintf(buffer, size, "%lld day%s", (long long)days, days == 1 ? "" : "s");
    return buffer;
}

static struct step_result judge_age(int64_t issued, int64_t age)
{
    char days[64];
    char time[CLOCK_TEXT_SIZE];
    int64_t left = VALID_DAYS * DAY_SECONDS - age;
    clock_format(time, issued);
    if (age < -FUTURE_DAYS_MAXIMUM * DAY_SECONDS)
        return step_terminal("the issue date %s lies in the future, please rotate token", time);
    if (left < 0)
        return step_terminal("token is expired, please rotate: token expired %s ago, issued %s",
                             format_days(days, sizeof(days), -left), time);
    if (age > RENEWABLE_AFTER_DAYS * DAY_SECONDS) {
        /* How long it has been so, as the service that this replaces says it. */
        format_days(days, sizeof(days), age - RENEWABLE_AFTER_DAYS * DAY_SECONDS);
        return step_terminal("token able to be renewed for %s, please rotate", days);
    }
    format_days(days, sizeof(days), left);
    struct step_result result = step_succeeded();
    snprintf(result.message, sizeof(result.message), "token is valid for %s, issued %s", days,
             time);
    return result;
}

struct step_result acr_token_judge(const struct json_object *properties, const char *acr_domain,
                                   int64_t now)
{
    struct error error;
    int64_t issued;
    if (!acr_domain[0])
        return step_terminal("no container registry to look for: set tasks.acr_domain in the "
                             "configuration of the actuator");
    const struct json_object *date =
        document_get(find_profile(properties, acr_domain), "issueDate");
    if (!date)
        return step_terminal("no issue date detected, please rotate token");
    if (!document_is_string(date))
        return step_terminal("issueDate is not a string, please rotate token");
    if (clock_parse(document_text(date), &issued, &error) < 0)
        return step_terminal("issueDate is not a time, please rotate token: %s", error.message);
    return judge_age(issued, now - issued);
}

static struct step_result check_token(struct task_context *context)
{
    const struct job *job = context->job;
    struct step_result result =
        acr_token_judge(document_get(job->cluster, "properties"),
                        document_string(job->settings, "acrDomain", ""), clock_unix_seconds());
    if (result.outcome == OUTCOME_SUCCEEDED)
        memcpy(context->result_message, result.message, sizeof(context->result_message));
    return result;
}

static struct json_object *settings(const struct config *config)
{
    return document_pack("{s:s}", "acrDomain", config->tasks_acr_domain);
}

static const struct task_step steps[] = {
    {.name = "check the issue date of the token", .run = check_token},
};

const struct task acr_token_task = {
    .id = "082978ce-3700-4972-835f-53d48658d291",
    .name = "ACR Token Checker",
    .short_name = "acr-token-checker",
    .summary = "checks whether the cluster's container registry token must be rotated",
    .steps = steps,
    .step_count = sizeof(steps) / sizeof(steps[0]),
    .settings = settings,
};
