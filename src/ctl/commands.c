/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - the table of commands.
 */
#include "ctl/commands.h"

#include <stdbool.h>
#include <string.h>

#include "mimo/suggest.h"

#define BIT OPTION_BIT

/* Options of every command, and of the commands that use the Admin API. */
#define OF_ALL (BIT(OPTION_OUTPUT) | BIT(OPTION_HELP))
#define OF_API                                                                                     \
    (BIT(OPTION_URL) | BIT(OPTION_LOCATION) | BIT(OPTION_TOKEN_FILE) | BIT(OPTION_CERT) |          \
     BIT(OPTION_KEY) | BIT(OPTION_CACERT) | BIT(OPTION_VERBOSE))

/* clang-format off */
static const struct command commands[] = {
    {"manifest", "create", "", 0, 0,
     OF_API | BIT(OPTION_TASK) | BIT(OPTION_CLUSTER) | BIT(OPTION_RUN_AFTER) | BIT(OPTION_RUN_BEFORE) |
         BIT(OPTION_PRIORITY) | BIT(OPTION_PARAMETERS) | BIT(OPTION_IF_OPEN) | BIT(OPTION_IDEMPOTENCY_KEY) |
         BIT(OPTION_WATCH) | BIT(OPTION_ICM),
     ctl_manifest_create, "creates a manifest: one task for one cluster", "--task and --cluster are required.",
     "mimoctl manifest create -t tls-cert-rotation -c my-cluster --run-after +2h"},
    {"manifest", "list", "", 0, 0,
     OF_API | BIT(OPTION_CLUSTER) | BIT(OPTION_STATE) | BIT(OPTION_TASK) | BIT(OPTION_LIMIT),
     ctl_manifest_list, "lists manifests, oldest first", NULL,
     "mimoctl manifest list --state Failed,RetriesExceeded"},
    {"manifest", "show", "ID", 1, 1, OF_API,
     ctl_manifest_show, "shows one manifest with its attempts", NULL, NULL},
    {"manifest", "explain", "ID", 1, 1, OF_API,
     ctl_manifest_explain, "shows what keeps a manifest from running, and what to do", NULL, NULL},
    {"manifest", "logs", "ID", 1, 1, OF_API,
     ctl_manifest_logs, "shows the message of each attempt of a manifest, when it ran, and what it used", NULL, NULL},
    {"manifest", "watch", "ID", 1, 1, OF_API,
     ctl_manifest_watch, "follows a manifest until it ends",
     "Exit status 0 when it ends Completed, 4 when it ends otherwise.", NULL},
    {"manifest", "wait", "ID", 1, 1, OF_API | BIT(OPTION_FOR) | BIT(OPTION_TIMEOUT),
     ctl_manifest_wait, "waits until a manifest is in a state and its worker has ended",
     "Exit status 0 when it is in one of the states, 4 when it ended in another, 5 when the wait timed out.",
     "mimoctl manifest wait 2b65ac7b --for Completed --timeout 30m"},
    {"manifest", "cancel", "ID...", 1, OPERANDS_UNLIMITED, OF_API | BIT(OPTION_FORCE) | BIT(OPTION_ICM),
     ctl_manifest_cancel, "cancels manifests that are Pending or stuck InProgress",
     "A manifest that is InProgress for an hour or more counts as stuck. Cancelling does not end its worker; the worker's "
     "result is dropped. To end the worker, use mimoctl manifest stop, before or after this. With --force: also manifests that are InProgress for less "
     "than an hour.",
     NULL},
    {"manifest", "stop", "ID...", 1, OPERANDS_UNLIMITED, OF_API | BIT(OPTION_ICM),
     ctl_manifest_stop, "ends the workers of manifests",
     "A worker gets SIGTERM, and SIGKILL 10 s later. A manifest that is InProgress becomes Cancelled.", NULL},
    {"manifest", "recreate", "ID...", 1, OPERANDS_UNLIMITED,
     OF_API | BIT(OPTION_RUN_AFTER) | BIT(OPTION_RUN_BEFORE) | BIT(OPTION_DELETE_OLD) | BIT(OPTION_WATCH) | BIT(OPTION_ICM),
     ctl_manifest_recreate, "creates a failed manifest again: same task, cluster, parameters and priority",
     "For manifests that are Failed, RetriesExceeded, TimedOut or Cancelled, after the cause has been fixed. Refused while "
     "another manifest for the same task and cluster is Pending or InProgress.",
     "mimoctl manifest recreate 2b65ac7b --watch --delete-old"},
    {"manifest", "delete", "ID...", 1, OPERANDS_UNLIMITED, OF_API | BIT(OPTION_ICM),
     ctl_manifest_delete, "deletes manifests permanently", NULL, NULL},

    {"manifest", "cleanup", "", 0, 0,
     OF_API | BIT(OPTION_CLUSTER) | BIT(OPTION_FAILED) | BIT(OPTION_OLDER_THAN) | BIT(OPTION_DRY_RUN) | BIT(OPTION_YES) |
         BIT(OPTION_ICM),
     ctl_manifest_cleanup, "deletes manifests that have ended and are no longer needed",
     "Deletes manifests that are TimedOut or Cancelled, or were Completed more than 7 days ago. Shows them and asks first; "
     "without a terminal it needs --yes or --dry-run.",
     "mimoctl manifest cleanup --failed --older-than 30d --dry-run"},

    {"queue", NULL, "", 0, 0, OF_API,
     ctl_queue, "shows the number of manifests in each state, the busiest clusters, and overdue manifests",
     "With --output id: the IDs of manifests that are due for more than two hours and have not ended.", NULL},
    {"health", NULL, "", 0, 0, OF_API,
     ctl_health, "checks the fleet, and names the next command for each problem",
     "Exit status 0 healthy, 1 warning, 2 critical, 3 when the Admin API cannot be reached.", NULL},
    {"audit", NULL, "", 0, 0, OF_API | BIT(OPTION_SINCE) | BIT(OPTION_LIMIT),
     ctl_audit, "shows changes: when, by whom, what, and for which ticket", NULL,
     "mimoctl audit --since 7d"},

    {"cluster", "register", "RESOURCE-ID", 1, 1,
     OF_API | BIT(OPTION_KUBECONFIG) | BIT(OPTION_CONTEXT) | BIT(OPTION_PROPERTIES) | BIT(OPTION_OPERATOR_FLAGS) |
         BIT(OPTION_FORCE) | BIT(OPTION_ICM),
     ctl_cluster_register, "adds a cluster to the inventory, or changes it",
     "Only one context of the kubeconfig is sent, with the contents of the files that it names. --properties replaces all "
     "stored properties; without --properties they are kept. With --force: also credentials that have expired.",
     "mimoctl cluster register RESOURCE-ID --kubeconfig FILE --context fleet-7"},
    {"cluster", "list", "", 0, 0, OF_API,
     ctl_cluster_list, "lists the clusters", NULL, NULL},
    {"cluster", "show", "CLUSTER", 1, 1, OF_API,
     ctl_cluster_show, "shows one cluster, its manifests, and a pattern in their failures", NULL, NULL},
    {"cluster", "remove", "CLUSTER...", 1, OPERANDS_UNLIMITED, OF_API | BIT(OPTION_ICM),
     ctl_cluster_remove, "removes clusters from the inventory", NULL, NULL},

    {"task", "list", "", 0, 0, OF_API,
     ctl_task_list, "lists the tasks that manifests can request", NULL, NULL},
    {"task", "show", "TASK", 1, 1, OF_API,
     ctl_task_show, "shows one task", NULL, NULL},
    {"actuator", "list", "", 0, 0, OF_API,
     ctl_actuator_list, "lists the actuators, whether they take work, and their buckets", NULL, NULL},

    {"ps", NULL, "", 0, 0, BIT(OPTION_RUNTIME_DIRECTORY) | BIT(OPTION_SECURITY),
     ctl_ps, "shows the workers on this machine, or the privileges of each process",
     "Asks the actuators on this machine over their control sockets; the Admin API is not used.",
     "mimoctl ps --security"},
    {"top", NULL, "", 0, 0, BIT(OPTION_RUNTIME_DIRECTORY),
     ctl_top, "shows the workers on this machine, updated every second",
     "q or Ctrl-C ends it.", NULL},
    {"pause", NULL, "[INDEX...]", 0, OPERANDS_UNLIMITED, BIT(OPTION_RUNTIME_DIRECTORY),
     ctl_pause, "stops the actuators on this machine from taking work",
     "They keep their buckets, so manifests of clusters in these buckets wait. Applies to all actuators on this machine, or to "
     "those with the given indexes.", NULL},
    {"drain", NULL, "[INDEX...]", 0, OPERANDS_UNLIMITED,
     BIT(OPTION_RUNTIME_DIRECTORY) | BIT(OPTION_WAIT) | BIT(OPTION_TIMEOUT),
     ctl_drain, "hands the buckets (groups of clusters) of the actuators on this machine to others",
     "Running workers finish. Applies to all actuators on this machine, or to those with the given indexes. With --wait: exit "
     "status 4 when another command changed an actuator's mode meanwhile, 5 when the wait timed out.",
     "mimoctl drain --wait --timeout 70m"},
    {"resume", NULL, "[INDEX...]", 0, OPERANDS_UNLIMITED, BIT(OPTION_RUNTIME_DIRECTORY),
     ctl_resume, "lets the actuators on this machine take work again",
     "Applies to all actuators on this machine, or to those with the given indexes.", NULL},
};
/* clang-format on */
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

const struct command *command_at(size_t position)
{
    return position < COMMAND_COUNT ? &commands[position] : NULL;
}

uint64_t command_options(const struct command *command)
{
    return command->options | OF_ALL;
}

const char *command_name(const struct command *command, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s%s%s", command->group, command->verb ? " " : "",
             command->verb ? command->verb : "");
    return buffer;
}

static int refuse_group(const char *word, struct error *error)
{
    const char *words[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++)
        words[i] = commands[i].group;
    const char *meant = suggest(word, words, COMMAND_COUNT);
    if (meant)
        return error_set(error, ERROR_INVALID, "there is no command \"%s\"; did you mean \"%s\"?",
                         word, meant);
    return error_set(error, ERROR_INVALID, "there is no command \"%s\"; see mimoctl --help", word);
}

static int refuse_verb(const char *group, const char *word, struct error *error)
{
    const char *words[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++)
        words[i] = strcmp(commands[i].group, group) == 0 ? commands[i].verb : NULL;
    const char *meant = word ? suggest(word, words, COMMAND_COUNT) : NULL;
    if (!word)
        return error_set(error, ERROR_INVALID,
                         "missing command after \"%s\"; see mimoctl %s --help", group, group);
    if (meant)
        return error_set(error, ERROR_INVALID,
                         "there is no command \"%s %s\"; did you mean \"%s %s\"?", group, word,
                         group, meant);
    return error_set(error, ERROR_INVALID, "there is no command \"%s %s\"; see mimoctl %s --help",
                     group, word, group);
}

int command_find(char *const *operands, int count, const struct command **ret_command,
                 int *ret_words, struct error *error)
{
    const char *group = NULL;
    const char *word = count > 1 ? operands[1] : NULL;
    if (count == 0)
        return error_set(error, ERROR_INVALID, "missing command; see mimoctl --help");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].group, operands[0]) != 0)
            continue;
        group = commands[i].group;
        bool fits = !commands[i].verb || (word && strcmp(commands[i].verb, word) == 0);
        if (fits) {
            *ret_command = &commands[i];
            *ret_words = commands[i].verb ? 2 : 1;
            return 0;
        }
    }
    return group ? refuse_verb(group, word, error) : refuse_group(operands[0], error);
}
