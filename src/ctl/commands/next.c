/* SPDX-License-Identifier: Apache-2.0 */
/* next.c - suggests the command that usually comes next. */
#include "ctl/commands/next.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/commands/still_running.h"
#include "ctl/exit_status.h"
#include "ctl/output/states.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"
#include "mimo/resource_id.h"

enum { COMMAND_SIZE = 512 };

/* The command up to the ID, its options, and when it is of use. Of several manifests the one with
 * the greatest urgency is picked. */
static const struct {
    const char *command;
    const char *options;
    const char *condition;
    int urgency;
} by_state[MANIFEST_STATE_COUNT] = {
    [MANIFEST_PENDING] = {"explain", "", NULL, 2},
    [MANIFEST_IN_PROGRESS] = {"watch", "", NULL, 3},
    [MANIFEST_COMPLETED] = {NULL, "", NULL, 0},
    [MANIFEST_FAILED] = {"recreate", " --watch", "once the cause is fixed", 4},
    [MANIFEST_RETRIES_EXCEEDED] = {"recreate", " --watch", "once the cause is fixed", 4},
    [MANIFEST_TIMED_OUT] = {"recreate", " --watch", "if it is still needed", 1},
    [MANIFEST_CANCELLED] = {"recreate", " --watch", "if it is still needed", 1},
};

void next_say(const struct output *output, const char *condition, const char *format, ...)
{
    char command[COMMAND_SIZE];
    va_list arguments;
    if (output->form != OUTPUT_TABLE && output->form != OUTPUT_WIDE)
        return;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    output_say("next%s%s: %s", condition ? ", " : "", condition ? condition : "", command);
}

static void say_cluster(const struct output *output, const struct json_object *manifest)
{
    next_say(output, NULL, "mimoctl cluster show %s",
             resource_id_name(document_string(manifest, "clusterResourceID", "")));
}

bool next_of_worker(const struct output *output, const struct json_object *manifest)
{
    const struct json_object *running = document_get(manifest, "running");
    const char *id = document_string(manifest, "id", "");
    if (!running)
        return false;
    if (document_is_true(document_get(running, "stopping")))
        next_say(output, NULL, "mimoctl manifest wait %.8s --for %s", id,
                 document_string(manifest, "state", ""));
    else
        next_say(output, NULL, "mimoctl manifest stop %.8s", id);
    return true;
}

void next_of_manifest(const struct output *output, const struct json_object *manifest)
{
    enum manifest_state state;
    if (next_of_worker(output, manifest))
        return;
    if (!manifest_state_parse(document_string(manifest, "state", ""), &state))
        return;
    if (by_state[state].command)
        next_say(output, by_state[state].condition, "mimoctl manifest %s %.8s%s",
                 by_state[state].command, document_string(manifest, "id", ""),
                 by_state[state].options);
    else
        say_cluster(output, manifest);
}

void next_of_busy(struct ctl *ctl, const char *condition, const char *id)
{
    cleanup_json struct json_object *manifest = NULL;
    if (still_running_find(ctl, id, &manifest) && next_of_worker(&ctl->output, manifest))
        return;
    next_say(&ctl->output, condition, "mimoctl manifest watch %.8s", id);
}

/* Says what to do about one cause; false for those that pass by themselves. */
static bool say_blocker(struct ctl *ctl, const struct json_object *manifest,
                        const struct json_object *blocker)
{
    const struct output *output = &ctl->output;
    const char *kind = document_string(blocker, "kind", "");
    const char *other = document_string(blocker, "manifest", NULL);
    if (other)
        next_of_busy(ctl, "for the one that keeps the cluster busy", other);
    else if (strncmp(kind, "cluster", strlen("cluster")) == 0)
        say_cluster(output, manifest);
    else if (strcmp(kind, "noActuator") == 0 || strncmp(kind, "actuator", strlen("actuator")) == 0)
        next_say(output, NULL, "mimoctl actuator list");
    else
        return false;
    return true;
}

void next_of_blocked(struct ctl *ctl, const struct json_object *manifest,
                     const struct json_object *blockers)
{
    size_t position;
    struct json_object *blocker;
    enum manifest_state state;
    if (manifest_state_parse(document_string(manifest, "state", ""), &state) &&
        state != MANIFEST_PENDING) {
        next_of_manifest(&ctl->output, manifest);
        return;
    }
    document_foreach_item(blockers, position, blocker)
        if (say_blocker(ctl, manifest, blocker))
            return;
    next_say(&ctl->output, NULL, "mimoctl manifest watch %.8s",
             document_string(manifest, "id", ""));
}

void next_of_manifests(const struct output *output, const struct json_object *manifests)
{
    size_t position;
    struct json_object *manifest;
    const struct json_object *picked = NULL;
    enum manifest_state state;
    int urgency = -1;
    document_foreach_item(manifests, position, manifest) {
        if (!manifest_state_parse(document_string(manifest, "state", ""), &state) ||
            by_state[state].urgency < urgency) /* of equals the last, which is the newest */
            continue;
        picked = manifest;
        urgency = by_state[state].urgency;
    }
    if (!picked) {
        next_say(output, NULL, "mimoctl queue");
        return;
    }
    manifest_state_parse(document_string(picked, "state", ""), &state);
    if (state == MANIFEST_FAILED || state == MANIFEST_RETRIES_EXCEEDED)
        next_say(output, NULL, "mimoctl manifest logs %.8s", document_string(picked, "id", ""));
    else
        next_of_manifest(output, picked);
}

void next_of_followed(const struct output *output, const struct json_object *manifest, int status)
{
    const char *id = document_string(manifest, "id", "");
    bool ended = states_bit(document_string(manifest, "state", "")) & ~MANIFEST_STATES_OPEN;
    if (status >= CTL_OK && next_of_worker(output, manifest))
        return;
    if (status == CTL_OK)
        say_cluster(output, manifest);
    else if (status == CTL_ENDED_OTHERWISE)
        next_say(output, NULL, "mimoctl manifest logs %.8s", id);
    else if (status == CTL_TIMED_OUT && ended) /* its worker still runs */
        next_say(output, NULL, "mimoctl manifest stop %.8s", id);
    else if (status == CTL_TIMED_OUT)
        next_say(output, NULL, "mimoctl manifest explain %.8s", id);
}
