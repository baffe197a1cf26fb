/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - asking all actuators of this machine, or some of them, the same.
 */
#include "ctl/commands/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/control_client.h"
#include "mimo/control.h"
#include "mimo/document.h"
#include "mimo/process.h"

#define RUNTIME_DIRECTORY_DEFAULT "/run/mimo"

const char *machine_directory(const struct ctl *ctl)
{
    const char *of_environment = getenv("MIMO_RUNTIME_DIRECTORY");
    if (ctl->options.values[OPTION_RUNTIME_DIRECTORY])
        return ctl->options.values[OPTION_RUNTIME_DIRECTORY];
    return of_environment && of_environment[0] ? of_environment : RUNTIME_DIRECTORY_DEFAULT;
}

/* The names of the sockets of these indexes; a new reference. */
static int names_of(const struct machine_question *question, json_t **ret_names,
                    struct error *error)
{
    cleanup_json json_t *names = json_array();
    for (int i = 0; i < question->index_count; i++) {
        const char *index = question->indexes[i];
        char name[64];
        size_t length = strlen(index);
        if (length == 0 || length > 5 || strspn(index, "0123456789") != length)
            return error_set(error, ERROR_INVALID,
                             "\"%s\" is no index of an actuator; mimoctl ps -o wide shows them",
                             index);
        snprintf(name, sizeof(name), "actuator-%s" CONTROL_SUFFIX, index);
        json_array_append_new(names, json_string(name));
    }
    *ret_names = json_incref(names);
    return 0;
}

/* A hardened actuator cannot see the memory of its workers (ProtectProc=, systemd.exec(5)): who
 * asks can. */
static void fill_in_memory(json_t *answer)
{
    size_t position;
    json_t *worker;
    json_array_foreach(document_get(answer, "workers"), position, worker) {
        int64_t pid = document_integer(worker, "pid", 0);
        if (pid > 0 && document_integer(worker, "rssKiB", 0) == 0)
            json_object_set_new(worker, "rssKiB", json_integer(process_resident_kib(pid)));
    }
}

int machine_ask(struct ctl *ctl, const struct machine_question *question, json_t **ret_answers,
                struct error *error)
{
    const char *directory = machine_directory(ctl);
    cleanup_json json_t *names = NULL;
    json_t *answers;
    size_t position;
    json_t *name;
    int status = CTL_OK;
    if ((question->index_count > 0 ? names_of(question, &names, error)
                                   : control_find(directory, &names, error)) < 0)
        return -1;
    answers = json_array();
    json_array_foreach(names, position, name) {
        json_t *answer;
        struct error reason;
        if (control_ask(directory, json_string_value(name), question->command, &answer, &reason) <
            0) {
            if (!question->quiet)
                ctl_say("%s", reason.message);
            status = CTL_UNREACHABLE;
            continue;
        }
        json_object_del(answer, "ok");
        fill_in_memory(answer);
        json_array_append_new(answers, answer);
    }
    *ret_answers = answers;
    return status;
}
