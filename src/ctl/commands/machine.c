/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - sends one command to all actuators of this machine, or to some.
 */
#include "ctl/commands/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/control_client.h"
#include "mimo/control.h"
#include "mimo/document.h"
#include "mimo/process.h"

#define RUNTIME_DIRECTORY_DEFAULT RUNSTATEDIR "/mimo"

const char *machine_directory(const struct ctl *ctl)
{
    const char *of_environment = getenv("MIMO_RUNTIME_DIRECTORY");
    if (ctl->options.values[OPTION_RUNTIME_DIRECTORY])
        return ctl->options.values[OPTION_RUNTIME_DIRECTORY];
    return of_environment && of_environment[0] ? of_environment : RUNTIME_DIRECTORY_DEFAULT;
}

static bool is_in(const struct json_object *names, const char *name)
{
    size_t position;
    struct json_object *one;
    document_foreach_item(names, position, one)
        if (strcmp(document_text(one), name) == 0)
            return true;
    return false;
}

/* The names of the sockets of these indexes; a new reference. */
static int names_of(const struct machine_question *question, struct json_object **ret_names,
                    struct error *error)
{
    cleanup_json struct json_object *names = json_object_new_array();
    for (int i = 0; i < question->index_count; i++) {
        const char *index = question->indexes[i];
        char name[64];
        size_t length = strlen(index);
        if (length == 0 || length > 5 || strspn(index, "0123456789") != length)
            return error_set(
                error, ERROR_INVALID,
                "\"%s\" is not the index of an actuator; mimoctl ps -o wide shows them", index);
        snprintf(name, sizeof(name), "actuator-%s" CONTROL_SUFFIX, index);
        if (is_in(names, name))
            continue;
        document_append(names, document_new_string(name));
    }
    *ret_names = json_object_get(names);
    return 0;
}

/* Fills in the memory of workers. A hardened actuator cannot see it (ProtectProc=,
 * systemd.exec(5)); this process may. */
static void fill_in_memory(struct json_object *answer)
{
    size_t position;
    struct json_object *worker;
    document_foreach_item(document_get(answer, "workers"), position, worker) {
        int64_t pid = document_integer(worker, "pid", 0);
        if (pid > 0 && document_integer(worker, "rssKiB", 0) == 0)
            document_add(worker, "rssKiB", json_object_new_int64(process_resident_kib(pid)));
    }
}

int machine_ask(struct ctl *ctl, const struct machine_question *question,
                struct json_object **ret_answers, struct error *error)
{
    const char *directory = machine_directory(ctl);
    cleanup_json struct json_object *names = NULL;
    struct json_object *answers;
    size_t position;
    struct json_object *name;
    int status = CTL_OK;
    int stale = 0;
    if ((question->index_count > 0 ? names_of(question, &names, error)
                                   : control_find(directory, &names, error)) < 0)
        return -1;
    answers = json_object_new_array();
    document_foreach_item(names, position, name) {
        struct json_object *answer;
        struct error reason;
        if (control_ask(directory, document_text(name), question->command, &answer, &reason) < 0) {
            if (!question->quiet)
                output_say("%s", reason.message);
            if (reason.kind == ERROR_NOT_FOUND && question->index_count == 0)
                stale++;
            else
                status = CTL_UNREACHABLE;
            continue;
        }
        document_delete(answer, "ok");
        fill_in_memory(answer);
        document_append(answers, answer);
    }
    if (stale > 0 && document_length(answers) == 0)
        status = CTL_UNREACHABLE;
    *ret_answers = answers;
    return status;
}
