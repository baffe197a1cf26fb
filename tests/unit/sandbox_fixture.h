/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_fixture.h - runs a function inside a worker's sandbox and says what became of it.
 *
 * Three processes, as in life: the test; a launcher (workplace_prepare(), which cannot be taken
 * back); and its worker, which goes through the checklist and then calls the body. What the body
 * says comes back through shared memory, what the worker reports through its pipe.
 */
#ifndef MIMO_TESTS_SANDBOX_FIXTURE_H
#define MIMO_TESTS_SANDBOX_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "launcher/worker.h"
#include "launcher/workplace.h"

/* Users of the privileged runs: numbers of systemd's dynamic range, no accounts needed. */
#define FIXTURE_LAUNCHER_USER 61184
#define FIXTURE_WORKER_USER   61185
#define FIXTURE_ORDINARY_USER 61186

/* What a body may need to know. */
struct sandbox_inside {
    pid_t launcher;
    uint16_t allowed_port; /* somebody listens on both, on 127.0.0.1 */
    uint16_t other_port;
    pid_t neighbour; /* another worker (sandbox_run_each) */
};

typedef long sandbox_body_f(const struct sandbox_inside *inside);

struct sandbox_run {
    sandbox_body_f *body; /* NULL: returns at once */
    int landlock_abi;     /* newest to use, plus 1; 0: whatever there is */
    bool ordinary_user;   /* as if not started as root */
    bool without_filter;  /* all steps but the last */
    /* Run in the launcher before it forks, in the worker before its first step: to spoil something.
     */
    void (*spoil)(struct worker *worker);
    void (*spoil_worker)(struct worker *worker);
    /* Run in the test, while the body runs. A body of sandbox_wait is killed afterwards. */
    void (*inspect)(pid_t worker);
};

struct sandbox_outcome {
    char failed_step[32]; /* "" when all were taken */
    char message[ERROR_MESSAGE_SIZE];
    bool returned; /* the body came back, with: */
    long value;
    int error_number;
    int wait_status;
    char reported[512]; /* what came over the report pipe */
};

/* True when tests may play root's part; else they are skipped. */
bool sandbox_can_be_root(void);

void sandbox_run(const struct sandbox_run *run, struct sandbox_outcome *ret_outcome);

/* Runs each body in a worker of its own, all of one launcher and at once (`body` and `inspect` of
 * `run` are not used), beside a neighbour that only waits. Fails when the launcher or the neighbour
 * did not live through it. */
void sandbox_run_each(const struct sandbox_run *run, sandbox_body_f *const *bodies, size_t count,
                      struct sandbox_outcome *ret_outcomes);

/* A body for `inspect`: waits for ever. */
long sandbox_wait(const struct sandbox_inside *inside);

#endif
