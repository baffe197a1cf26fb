/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempts_fixture.h - attempts with the test as their launcher, and a store that can be spoiled.
 *
 *     set_up_attempts (cmocka set-up)      begin_attempt(1)
 *     struct launcher_message order = next_order();      what the launcher would read
 *     tell_started(&order); report(&order, "..."); end_worker_with(&order, 0);
 *     turn_until(is_idle);                               the loop, until it holds
 *
 * Programs that use it are linked with --wrap=store_run and --wrap=task_list_find.
 */
#ifndef MIMO_TESTS_ATTEMPTS_FIXTURE_H
#define MIMO_TESTS_ATTEMPTS_FIXTURE_H

#include "supervisor/attempts.h"
#include "supervisor_store.h"

enum { FIXTURE_SLOTS = 3, FIXTURE_LEASE = 600 * 1000 };

struct attempts_fixture {
    struct test_store *store;
    uv_loop_t loop;
    struct config config;
    struct task task; /* of all manifests; task_list_find() finds it while `registered` */
    bool registered;
    struct settle_rules rules;
    struct steady_clock clock;
    struct feed feed; /* never opened: values are counted, nothing is sent */
    struct attempts attempts;
    int launcher; /* the launcher's end of the channel; -1 when it is gone */
    enum launcher_channel_state state;
    int failing_runs;   /* so many calls of store_run() fail from now on; -1: all */
    int store_runs;     /* calls so far */
    size_t largest_run; /* operations of the largest of them */
    /* What the handlers were told. */
    int ready, released, answered_by_cluster, written, not_written, lost, hanging;
    struct error lost_error;
};

extern struct attempts_fixture fixture;

int set_up_attempts(void **state);
int tear_down_attempts(void **state);

/* Adds cluster and manifest, claims the manifest, and begins its attempt. Its ID into `id` (may be
 * NULL). */
void begin_attempt(int cluster, char *id);
void begin_attempt_at(int cluster, const char *url, char *id); /* whose API server is there */
void begin_attempt_with_lease(int cluster, int64_t lease_milliseconds, char *id);

/* Runs the loop until the condition holds; fails after a minute. */
void turn_until(bool holds(void));
bool is_idle(void);

/* Runs what is due now. */
void turn(void);

/* The next message of the supervisor to its launcher; waits for it. Its descriptors are the
 * test's. */
struct launcher_message next_order(void);
void expect_no_order(void);
void expect_signal(uint64_t token, int signal);

/* As the launcher. */
void tell(struct launcher_message message);
void tell_started(const struct launcher_message *order);
void tell_ended(uint64_t token, int wait_status);

/* As the worker: a line of its report; the end of its pipe; a whole life that ends in this outcome. */
void report_line(const struct launcher_message *order, const char *line);
void close_report(struct launcher_message *order);
void live_and_end(struct launcher_message *order, const char *outcome, const char *text);

/* Fails unless the log has this text. What is logged appears at the end of each test. */
void expect_logged(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The slot of the attempt; NULL when it has no process. */
struct worker *worker_of(const struct launcher_message *order);

/* What the timer of the worker would do when it is over. */
void expire_deadline(struct worker *worker);

/* Fails unless the manifest is in this state with this statusText. */
void expect_manifest(int cluster, const char *id, enum manifest_state state, const char *text);

#endif
