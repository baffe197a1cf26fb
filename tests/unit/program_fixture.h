/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_fixture.h - a task of the operator's own, run by a real mimo-launcher.
 *
 *     programs_script("look", "echo hello >&2\n");
 *     programs_step("look", NULL);
 *     programs_run(&(struct programs_options){0}, &attempt);     attempt.result, attempt.message
 *
 * Files stand in a private folder of root's, or of the ordinary user who runs the test.
 */
#ifndef MIMO_TESTS_PROGRAM_FIXTURE_H
#define MIMO_TESTS_PROGRAM_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher_fixture.h"

struct programs_options {
    bool ordinary_user;
    bool without_namespaces; /* as on a machine that makes no user namespaces */
    bool with_cgroup;        /* attempts get cgroups, where this machine lets the test make any */
    int lock;                /* of the launcher; 0: none */
    int landlock_abi;        /* newest to use, plus 1; 0: whatever there is */
    uint16_t port;           /* that may be connected to, or 0 */
    uint32_t alarm_seconds;
    const char *parameters;      /* JSON; NULL: {"hello":"program"} */
    uint32_t processes;          /* 0: 32 */
    uint64_t memory;             /* 0: 256 MiB */
    uint64_t attempt_memory;     /* 0: 1 GiB */
    const char *const *settings; /* further options of the launcher, NULL-terminated, or NULL */
};

int programs_set_up(void **state);
int programs_tear_down(void **state);

/* Path of a file in the folder; from a ring of a few buffers. */
const char *programs_path(const char *name);

/* Writes an executable file: a first line, and what follows. */
void programs_file(const char *name, const char *first_line, const char *text);

/* Writes an executable script for /bin/sh. */
void programs_script(const char *name, const char *text);

/* Copies a program that was built beside the test. */
void programs_copy(const char *name);

/* More lines for [task] and for [sandbox], before the first step. */
void programs_task(const char *lines);
void programs_sandbox(const char *lines);

/* Nothing in [sandbox] but these lines. */
void programs_sandbox_only(const char *lines);

/* Adds the step "NAME" that runs a command: a path, or the name of a script of the folder, with
 * arguments; `lines` are more of the step, or NULL. */
void programs_step(const char *name, const char *command, const char *lines);

void programs_start(const struct programs_options *options, struct launcher_process *launcher);
void programs_launch(struct launcher_process *launcher, const struct programs_options *options,
                     struct attempt *ret_attempt);

/* All in one, and the launcher is stopped. */
void programs_run(const struct programs_options *options, struct attempt *ret_attempt);

/* Runs one script as the only step; `lines` as for programs_step(). */
void programs_run_script(const char *script, const char *lines, struct attempt *ret_attempt);

/* The attempt ended by itself, with this result. */
void programs_expect_result(const struct attempt *attempt, enum outcome_kind outcome,
                            const char *message);

/* A report of the attempt has this text. */
void programs_expect_report(const struct attempt *attempt, const char *text);

#define PROGRAM_TEST(test)                                                                         \
    {                                                                                              \
#test, test, programs_set_up, programs_tear_down, NULL                                     \
    }

#endif
