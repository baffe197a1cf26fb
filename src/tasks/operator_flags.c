/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator_flags.c - Operator Flags Update: the flags of the cluster's operator become those of the
 * cluster's document, all of them, and no others.
 */
#include <stdio.h>
#include <string.h>

#include "mimo/cluster.h"
#include "mimo/document.h"
#include "mimo/kube.h"
#include "tasks/tasks.h"

#define CLUSTER_PATH "/apis/aro.openshift.io/v1alpha1/clusters/cluster"
#define CLUSTER_WHAT "clusters.aro.openshift.io/cluster"

enum { NAMES_SIZE = 1024, NAME_SHOWN_MAXIMUM = 128 };

/* Joins names by ", "; counts those that do not fit. */
struct name_list {
    char text[NAMES_SIZE];
    size_t length;
    int left_out;
};

static void add_name(struct name_list *list, const char *name)
{
    enum { REMARK_SIZE = 32 }; /* room for "and N more" */
    size_t left = sizeof(list->text) - REMARK_SIZE - list->length;
    char entry[NAME_SHOWN_MAXIMUM + 4];
    int length = snprintf(entry, sizeof(entry), "%s%.*s", list->length ? ", " : "",
                          NAME_SHOWN_MAXIMUM, name);
    if (list->left_out || (size_t)length >= left) {
        list->left_out++;
        return;
    }
    memcpy(list->text + list->length, entry, (size_t)length + 1);
    list->length += (size_t)length;
}

static void finish_names(struct name_list *list)
{
    if (list->left_out)
        snprintf(list->text + list->length, sizeof(list->text) - list->length, " and %d more",
                 list->left_out);
}

/* What is to be, and what was found to differ. */
struct flags_change {
    struct json_object *wanted; /* borrowed from the job */
    struct name_list changed;
    struct name_list removed;
};

static void compare_flags(struct flags_change *change, struct json_object *present)
{
    const char *name;
    struct json_object *value;
    change->changed = (struct name_list){0};
    change->removed = (struct name_list){0};
    document_foreach_member(change->wanted, name, value)
        if (!document_has(present, name) || !document_equal(value, document_member(present, name)))
            add_name(&change->changed, name);
    document_foreach_member(present, name, value)
        if (!document_has(change->wanted, name))
            add_name(&change->removed, name);
    finish_names(&change->changed);
    finish_names(&change->removed);
}

static int set_flags(struct json_object *cluster, void *context, struct error *error)
{
    struct flags_change *change = context;
    struct json_object *present = document_get(cluster, "spec.operatorflags");
    if (present && document_equal(present, change->wanted))
        return 0;
    compare_flags(change, present);
    if (document_set(cluster, "spec.operatorflags", json_object_get(change->wanted)) < 0)
        return error_set(error, ERROR_INVALID, "spec is not an object");
    return 1;
}

/* The flags of the document, each a text as the resource's schema has it. */
static struct step_result find_wanted_flags(const struct job *job, struct json_object **ret_flags)
{
    struct error error;
    struct json_object *flags = document_get(job->cluster, "properties.operatorFlags");
    if (!flags)
        return step_terminal("the cluster's document has no properties.operatorFlags: register "
                             "the cluster with the flags that its operator is to have");
    if (cluster_check_operator_flags(flags, &error) < 0)
        return step_terminal("%s (in the cluster's document)", error.message);
    *ret_flags = flags;
    return step_succeeded();
}

/* "set 3 operator flags, changed: a, b; removed: c". */
static void describe_change(struct task_context *context, const struct flags_change *change)
{
    bool both = change->changed.length && change->removed.length;
    snprintf(context->result_message, sizeof(context->result_message),
             "set %zu operator flags%s%s%s%s%s", document_member_count(change->wanted),
             change->changed.length ? ", changed: " : "", change->changed.text, both ? ";" : "",
             change->removed.length ? (both ? " removed: " : ", removed: ") : "",
             change->removed.text);
}

static struct step_result update_flags(struct task_context *context)
{
    struct flags_change change = {0};
    bool is_changed;
    struct step_result result = find_wanted_flags(context->job, &change.wanted);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    result =
        kube_modify(context->kube, CLUSTER_PATH, CLUSTER_WHAT, set_flags, &change, &is_changed);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    if (is_changed)
        describe_change(context, &change);
    else
        snprintf(context->result_message, sizeof(context->result_message),
                 "no change: the %zu operator flags are up to date",
                 document_member_count(change.wanted));
    return result;
}

static const struct task_step steps[] = {
    {.name = "API server is up", .run = cluster_operator_check_api_server},
    {.name = "update operator flags", .run = update_flags},
};

const struct task operator_flags_task = {
    .id = "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6",
    .name = "Operator Flags Update",
    .short_name = "operator-flags-update",
    .summary = "sets the operator's flags to those in the cluster's document",
    .flags = TASK_NEEDS_CLUSTER,
    .steps = steps,
    .step_count = sizeof(steps) / sizeof(steps[0]),
};
