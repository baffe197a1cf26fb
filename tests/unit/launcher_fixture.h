/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_fixture.h - plays the supervisor of a real mimo-launcher.
 *
 *     launcher_start(&launcher, &(struct launcher_options){0});
 *     attempt_launch(&launcher, &(struct attempt_request){.parameters = "{...}"}, &attempt);
 *     attempt_finish(&launcher, &attempt);      // attempt.wait_status, attempt.reported,
 * attempt.result launcher_stop(&launcher);
 *
 * Everything has a deadline and fails the test when it has passed.
 */
#ifndef MIMO_TESTS_LAUNCHER_FIXTURE_H
#define MIMO_TESTS_LAUNCHER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup_fixture.h"
#include "mimo/launcher_channel.h"
#include "mimo/report.h"

enum { FIXTURE_DEADLINE = 60000 }; /* milliseconds; generous, for sanitizers on a busy machine */
enum { FIXTURE_LAUNCHER_USER = 61184, FIXTURE_WORKER_USER = 61185, FIXTURE_ORDINARY_USER = 61186 };

struct launcher_options {
    bool ordinary_user;  /* as if not started as root */
    bool with_key;       /* makes a pair to seal with: `seal.crt` and `seal.key` in the folder */
    bool expect_failure; /* does not wait for READY */
    bool without_namespaces; /* as on a machine that makes no user namespaces */
    bool with_cgroup;        /* attempts get cgroups, where this machine lets the test make any */
    int lock;                /* descriptor that the launcher gets as its lock; 0: none */
    const char *const *arguments; /* further ones, NULL-terminated, or NULL */
};

struct launcher_process {
    pid_t pid;
    int channel;
    int log; /* read end of its standard error */
    enum launcher_channel_state state;
    struct launcher_ready ready;
    struct cgroup_fixture cgroup; /* of the launcher and its attempts */
    uint64_t last_token;
    char folder[64];
};

struct attempt_request {
    const char *task;        /* UUID; NULL: the practice task */
    const char *parameters;  /* JSON, or NULL */
    const char *cluster_url; /* apiserverProfile.url, or NULL */
    const char *host;        /* of an endpoint at 127.0.0.1, or NULL */
    uint16_t host_port;
    uint16_t port; /* that may be connected to, or 0 */
    const void *sealed;
    size_t sealed_length;
    uint32_t alarm_seconds; /* 0: a minute */
    uint32_t slot;
    uint64_t memory;         /* 0: 256 MiB */
    uint64_t attempt_memory; /* 0: 1 GiB */
    /* Last change of what is sent; `document` is the memfd of the job. */
    void (*change)(struct launcher_launch *order, int *document);
};

enum { ATTEMPT_REPORTED_SIZE = 8192 };

struct attempt {
    uint64_t token;
    pid_t pid;
    int pipe;
    int wait_status;
    struct launcher_ended ended;
    char reported[ATTEMPT_REPORTED_SIZE]; /* what came over the pipe, the beginning */
    size_t reported_length;               /* all of it */
    struct report_reader reader;
    bool has_result;
    enum outcome_kind result;
    char message[STATUS_TEXT_SIZE]; /* of the result */
};

bool launcher_can_be_root(void);

/* Path of the launcher beside the build of this test. */
void launcher_path(char *buffer, size_t size);

void launcher_start(struct launcher_process *launcher, const struct launcher_options *options);

/* Closes the channel and waits; returns the wait status. */
int launcher_stop(struct launcher_process *launcher);

/* Waits for the launcher to end by itself, then as launcher_stop(). What it logged goes to `log`,
 * if not NULL. */
int launcher_wait(struct launcher_process *launcher, char *log, size_t size);

void launcher_send(struct launcher_process *launcher, const struct launcher_message *message);
void launcher_signal(struct launcher_process *launcher, const struct attempt *attempt, int signal);

/* The next message, whatever it is. */
void launcher_receive(struct launcher_process *launcher, struct launcher_message *ret_message);

/* The next message, which must be of this type. */
void launcher_expect(struct launcher_process *launcher, enum launcher_message_type type,
                     struct launcher_message *ret_message);

/* Sends LAUNCH; the attempt's pipe is open then. attempt_launch() waits for STARTED too. */
void attempt_send(struct launcher_process *launcher, const struct attempt_request *request,
                  struct attempt *ret_attempt);
void attempt_launch(struct launcher_process *launcher, const struct attempt_request *request,
                    struct attempt *ret_attempt);

/* Reads until this text has come over the pipe. */
void attempt_await_report(struct attempt *attempt, const char *text);

/* Drains the pipe and waits for ENDED. */
void attempt_finish(struct launcher_process *launcher, struct attempt *attempt);

/* Of an attempt that is not to be finished: closes its pipe. */
void attempt_abandon(struct attempt *attempt);

/* All in one: launch and finish. */
void attempt_run(struct launcher_process *launcher, const struct attempt_request *request,
                 struct attempt *ret_attempt);

/* Waits for a child of this process (the test adopts workers whose launcher died); its wait status.
 */
int fixture_reap(pid_t pid);

#endif
