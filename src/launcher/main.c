/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mimo-launcher: makes the workers that run maintenance tasks.
 *
 * Start, in this order: configuration; channel; everything that workers will need and cannot fetch,
 * and the end of the launcher's own privileges (workplace.c); the loop (launcher.c).
 */
#include <stdlib.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "launcher/workplace.h"
#include "mimo/log.h"
#include "mimo/process.h"
#include "mimo/process_security.h"
#include "mimo/program.h"
#include "mimo/task.h"

static const char *arg_channel;
static const char *arg_lock;
static const char *arg_cgroup;
static const char *arg_landlock_abi;

static const struct program_option options[] = {
    {"channel", "FD", "descriptor of the channel to the supervisor (required)", &arg_channel},
    {"lock", "FD", "descriptor that stays open until all workers have ended", &arg_lock},
    {"cgroup", "FD", "directory in which each attempt gets a cgroup of its own", &arg_cgroup},
    {"landlock-abi", "N",
     "use no newer Landlock ABI than this, as if the kernel were older (tests)", &arg_landlock_abi},
    {NULL},
};

static const struct program program = {
    .name = "mimo-launcher",
    .summary = "makes the sandboxed workers of a MIMO actuator",
    .details = "Started by mimod; do not start it by hand. Exits when mimod does; signals\n"
               "are ignored.",
    .options = options,
    .check = task_list_check,
};

static void log_ready(const struct workplace *workplace)
{
    const struct worker_users *users = &workplace->users;
    if (!users->privileged)
        log_info("ready: Landlock ABI %d", workplace->landlock_abi);
    else if (users->count == 0)
        log_info("ready: workers are user %u, Landlock ABI %d", (unsigned)users->first.uid,
                 workplace->landlock_abi);
    else
        log_info("ready: workers are users %u to %u, Landlock ABI %d", (unsigned)users->first.uid,
                 (unsigned)(users->first.uid + users->count - 1), workplace->landlock_abi);
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct workplace workplace;
    struct error error = {0};

    process_title_initialize(argc, argv);
    program_start(&program, argc, argv, &config);
    if (!arg_channel)
        program_usage_error(&program, "--channel is missing: this program is started by mimod");
    int landlock_abi = arg_landlock_abi ? program_number(&program, "landlock-abi", arg_landlock_abi,
                                                         0, CONFINEMENT_ABI_MAXIMUM)
                                        : CONFINEMENT_ABI_MAXIMUM;

    int channel = program_inherited_fd(&program, "channel", arg_channel);
    int lock = arg_lock ? program_inherited_fd(&program, "lock", arg_lock) : -1;
    int cgroup = arg_cgroup ? program_inherited_fd(&program, "cgroup", arg_cgroup) : -1;
    process_close_descriptors(
        (int[]){channel, lock < 0 ? channel : lock, cgroup < 0 ? channel : cgroup}, 3);
    int self = process_security_open(&error);
    if (self < 0 ||
        workplace_prepare(&workplace, &config, landlock_abi, lock, cgroup, &error) < 0) {
        log_error("cannot start: %s", error.message);
        return error.kind == ERROR_INVALID ? EXIT_USAGE : EXIT_FAILURE;
    }
    config_free(&config);
    log_ready(&workplace);
    char text[PROCESS_CAPABILITIES_SIZE];
    log_info("confined: %s, Landlock ABI %d", process_security_describe(self, text),
             workplace.landlock_abi);
    close(self);
    int status = EXIT_SUCCESS;
    if (launcher_serve(&workplace, channel, &error) < 0) {
        if (error.kind == ERROR_INVALID)
            log_warning("sandbox: the supervisor broke the rules of its channel: %s",
                        error.message);
        log_error("all workers killed, ending: %s", error.message);
        status = EXIT_FAILURE;
    }
    /* Without exit handlers: nothing is buffered, and the leak sanitizer's would have to trace a
     * process that has forbidden tracing. */
    _exit(status);
}
