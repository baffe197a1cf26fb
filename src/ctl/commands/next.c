/* SPDX-License-Identifier: Apache-2.0 */
/* next.c - suggests the command that usually comes next. */
#include "ctl/commands/next.h"

#include <string.h>

#include "ctl/output/output.h"
#include "mimo/document.h"
#include "mimo/manifest_state.h"
#include "mimo/resource_id.h"

/* The command before the ID, and the words after it. */
static const struct {
    const char *command;
    const char *remark;
} by_state[MANIFEST_STATE_COUNT] = {
    [MANIFEST_PENDING] = {"explain", ""},
    [MANIFEST_IN_PROGRESS] = {"watch", ""},
    [MANIFEST_COMPLETED] = {NULL, ""},
    [MANIFEST_FAILED] = {"recreate", " --watch, once the cause is fixed"},
    [MANIFEST_RETRIES_EXCEEDED] = {"recreate", " --watch, once the cause is fixed"},
    [MANIFEST_TIMED_OUT] = {"recreate", " --watch, if it is still needed"},
    [MANIFEST_CANCELLED] = {"recreate", " --watch, if it is still needed"},
};

void next_say(const struct json_object *manifest)
{
    enum manifest_state state;
    if (!manifest_state_parse(document_string(manifest, "state", ""), &state))
        return;
    if (by_state[state].command)
        output_say("next: mimoctl manifest %s %.8s%s", by_state[state].command,
                   document_string(manifest, "id", ""), by_state[state].remark);
    else
        output_say("next: mimoctl cluster show %s",
                   resource_id_name(document_string(manifest, "clusterResourceID", "")));
}

/* A blocker with "until" ends by itself; for the others, suggests the object to look at. */
void next_say_blocked(const struct json_object *manifest, const struct json_object *blockers)
{
    size_t position;
    struct json_object *blocker;
    enum manifest_state state;
    if (manifest_state_parse(document_string(manifest, "state", ""), &state) &&
        state != MANIFEST_PENDING) {
        next_say(manifest);
        return;
    }
    document_foreach_item(blockers, position, blocker) {
        const char *kind = document_string(blocker, "kind", "");
        const char *other = document_string(blocker, "manifest", NULL);
        if (other)
            output_say("next: mimoctl manifest watch %.8s, which keeps the cluster busy", other);
        else if (strncmp(kind, "cluster", strlen("cluster")) == 0)
            output_say("next: mimoctl cluster show %s",
                       resource_id_name(document_string(manifest, "clusterResourceID", "")));
        else if (strcmp(kind, "noActuator") == 0 || strncmp(kind, "actuator", 8) == 0)
            output_say("next: mimoctl actuator list");
        else
            continue;
        return;
    }
    output_say("next: mimoctl manifest watch %.8s", document_string(manifest, "id", ""));
}
