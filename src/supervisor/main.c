/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mimod - the supervisor of an actuator.
 *
 * The steps of main() in order: options, configuration, tasks; directories, lock, sockets, launcher
 * and keeper, while mimod still has the privileges that it was started with; privileges are dropped
 * permanently; store, identity; then the loop.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/clock.h"
#include "mimo/log.h"
#include "mimo/privileges.h"
#include "mimo/process.h"
#include "mimo/program.h"
#include "mimo/store.h"
#include "mimo/task.h"
#include "supervisor/identity.h"
#include "supervisor/supervisor.h"

/* What a start would refuse, as far as it shows without starting. */
static int check_configuration(const struct config *checked, FILE *stream, struct error *error)
{
    if (store_check_uri(checked->store_uri, error) < 0)
        return error_prefix(error, "store.uri");
    if (privileges_check_user("actuator.user", checked->actuator_user, error) < 0 ||
        privileges_check_user("actuator.launcher_user", checked->actuator_launcher_user, error) <
            0 ||
        privileges_check_user("actuator.metrics_user", checked->actuator_metrics_user, error) < 0)
        return -1;
    return task_list_check(checked, stream, error);
}

static const struct program program = {
    .name = "mimod",
    .summary = "MIMO actuator: leases maintenance manifests and runs each in a sandboxed worker",
    .details = "SIGTERM: drain and exit; a second one skips the wait. SIGHUP: reload the\n"
               "configuration. SIGUSR1: write the worker table to the log. See mimod(8) and\n"
               "mimo.conf(5).",
    .check = check_configuration,
};

static struct config config;
static struct task_list *tasks;
static struct family family = {.cgroup = {.place = -1, .launcher = -1, .kill = -1}};
static struct listeners listeners = {.wake = -1, .control = -1};
static struct membership membership;

static int prepare_directories(const struct identity *identity, struct error *error)
{
    /* Nobody else gets at identity and lock; the sockets are for others. */
    if (identity_prepare_directory(config.actuator_state_directory, 0700, identity, error) < 0 ||
        identity_prepare_directory(config.actuator_runtime_directory, 0755, identity, error) < 0)
        return -1;
    return 0;
}

/* A user who can change the state directory can give this actuator another identity, or give two
 * actuators the same one. */
static void check_state_directory(void)
{
    struct stat status;
    if (stat(config.actuator_state_directory, &status) == 0 && status.st_mode & (S_IWGRP | S_IWOTH))
        log_warning("other users can write to actuator.state_directory %s: give it to "
                    "actuator.user alone, with mode 0700",
                    config.actuator_state_directory);
}

static int open_listeners(const struct identity *owner, struct error *error)
{
    struct error problem;
    if (listeners_open(&listeners, config.actuator_runtime_directory, (int)config.actuator_index,
                       config.actuator_operators_group, owner, &problem, error) < 0)
        return -1;
    if (problem.kind != ERROR_NONE)
        log_info("actuator.operators_group: %s: the control socket serves root and the actuator's "
                 "user alone",
                 problem.message);
    return 0;
}

/* Processes of an earlier run hold the lock, and may be stopped without end. */
static int take_lock(int *ret_lock, struct error *error)
{
    const char *directory = config.actuator_state_directory;
    if (identity_lock(directory, ret_lock, error) == 0)
        return 0;
    if (error->kind != ERROR_CONFLICT || !family_cgroup_end_leftovers(directory))
        return -1;
    log_warning("launcher and workers of an earlier actuator held the lock of %s: they were killed "
                "by their cgroup",
                directory);
    return identity_lock(directory, ret_lock, error);
}

static int open_cgroup(int lock, bool privileged, struct error *error)
{
    struct identity launcher = {.gid = (gid_t)-1};
    struct error reason;
    if (privileged && privileges_find_user(config.actuator_launcher_user, &launcher, error) < 0)
        return error_prefix(error, "actuator.launcher_user");
    if (family_cgroup_open(lock, launcher.gid, &family.cgroup, &reason, error) < 0)
        return -1;
    if (reason.kind != ERROR_NONE)
        log_info("attempts have no cgroup: %s", reason.message);
    return 0;
}

/* Everything that needs root; drops root before returning. */
static int drop_root(int *ret_lock, struct error *error)
{
    struct identity identity = {0};
    bool privileged = privileges_can_change();
    if (privileged && privileges_find_user(config.actuator_user, &identity, error) < 0)
        return error_prefix(error, "actuator.user");
    if (privileged && prepare_directories(&identity, error) < 0)
        return -1;
    check_state_directory();
    if (take_lock(ret_lock, error) < 0 || open_cgroup(*ret_lock, privileged, error) < 0 ||
        open_listeners(privileged ? &identity : NULL, error) < 0 ||
        family_start(&family, program_config_arguments(), *ret_lock, config.actuator_metrics_user,
                     error) < 0)
        return -1;
    if (privileged && privileges_drop(&identity, NULL, 0, error) < 0)
        return -1;
    umask(0007); /* the store's files are shared with the Admin API through their group */
    return privileges_harden(error);
}

static int find_identity(struct store *store, int lock, struct error *error)
{
    struct identity_place place;
    identity_find_place(lock, &place);
    if (store_identify(store, place.store, error) < 0)
        return -1;
    return identity_open(config.actuator_state_directory, &place, &membership.start, error);
}

static void describe_membership(void)
{
    if (gethostname(membership.hostname, sizeof(membership.hostname) - 1) < 0)
        strcpy(membership.hostname, "unknown");
    membership.index = (int)config.actuator_index;
    membership.static_count = (int)config.actuator_count;
    membership.assignment = (enum config_assignment)config.actuator_assignment;
    membership.started_at = clock_unix_seconds();
    membership.ttl_seconds = (config.actuator_membership_ttl + 999) / 1000;
    membership.max_workers = (int)config.actuator_max_workers;
    membership.mode = "working";
    membership.buckets = (struct bucket_range){0, -1};
}

static int run(struct error *error)
{
    int lock;
    struct store *store;
    if (drop_root(&lock, error) < 0 || store_open(config.store_uri, &store, error) < 0 ||
        find_identity(store, lock, error) < 0 || membership_initialize(&membership, error) < 0)
        return -1;
    describe_membership();
    process_set_title("mimod: actuator %d, supervisor", membership.index);
    log_info("actuator %s starts on %s, store %s", membership.start.id, membership.hostname,
             config.store_uri);

    int status = supervisor_run(&config, tasks, store, &family, &listeners, &membership);
    family_stop(&family);
    if (status != EXIT_SUCCESS)
        _exit(status); /* the thread pool may be at work with the store: no tidy end */
    membership_free(&membership);
    store_close(store);
    close(lock);
    return 0;
}

int main(int argc, char **argv)
{
    process_title_initialize(argc, argv);
    program_start(&program, argc, argv, &config);
    signal(SIGPIPE, SIG_IGN);

    struct error error;
    if (task_list_load(&config, &tasks, &error) < 0)
        program_usage_error(&program, "%s", error.message);
    if (run(&error) < 0) {
        log_error("%s", error.message);
        family_stop(&family);
        listeners_close(&listeners);
        return EXIT_FAILURE;
    }
    task_list_free(tasks);
    config_free(&config);
    return EXIT_SUCCESS;
}
