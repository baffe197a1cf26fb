/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_fixture.h - runs functions inside what a daemon confined itself to, and says what became
 * of them.
 *
 * Each attempt is made by a process of its own, as an ordinary user: what the kernel refuses to
 * everybody who is not root is not what these tests are about. The configuration names files below
 * a directory that is made for the test.
 */
#ifndef MIMO_TESTS_CONFINE_FIXTURE_H
#define MIMO_TESTS_CONFINE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "mimo/config.h"
#include "mimo/error.h"

/* Takes the program's restrictions on, in the child. */
typedef int confine_f(const struct config *config, struct error *error);

/* Returns 0 when it got what it asked for, else -1 with errno set. */
typedef int attempt_f(void);

enum expectation {
    GRANTED,
    REFUSED, /* with `error_number` */
    NAMED,   /* ended by SIGSYS, after a line that says which `call` it was */
    KILLED,  /* ended by SIGSYS at once */
};

struct attempt {
    const char *name;
    attempt_f *attempt;
    enum expectation expected;
    int error_number;          /* REFUSED */
    const char *call;          /* NAMED */
    bool needs_landlock;       /* nothing else refuses it */
    const char *configuration; /* what the file says for this attempt, or NULL */
};

/* Group setup and teardown: the directory, with store/mimo.db, etc/mimo.conf, run/, other/file. */
int confine_fixture_set_up(void **state);
int confine_fixture_tear_down(void **state);

/* A path of that directory; static memory. */
const char *confine_path(const char *name);

/* Fails the test that runs, naming each attempt that ended otherwise. */
void confine_check(confine_f *confine, const struct attempt *attempts, size_t count);

/* What no daemon may, whatever it is for. */
void confine_check_hostile(confine_f *confine);

/* What a process that starts programs, and changes no file, may and may not. */
void confine_check_starter(confine_f *confine);

/* The files that a daemon with a store has no business with. */
void confine_check_files(confine_f *confine);

/* Runs one attempt; what it wrote to standard error goes to `said`. Returns the wait status. */
int confine_run(confine_f *confine, const struct attempt *attempt, char *said, size_t size);

/* What some may. */
int attempt_thread(void);
int attempt_tcp_socket(void);
int attempt_multipath_socket(void);
int attempt_local_socket(void);
int attempt_listen(void);
int attempt_look_up_name(void);
int attempt_read_other_file(void);
int attempt_read_configuration(void);
int attempt_change_store(void);
int attempt_make_file_beside_store(void);

#endif
