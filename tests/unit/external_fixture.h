/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external_fixture.h - a private folder for tasks of the operator's own, with a program.
 */
#ifndef MIMO_TEST_EXTERNAL_FIXTURE_H
#define MIMO_TEST_EXTERNAL_FIXTURE_H

#include <sys/stat.h>

#include "expect.h"

#define EXTERNAL_ID "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11"

/* Sections that are good, for files that are wrong elsewhere. */
#define EXTERNAL_TASK                                                                              \
    "[task]\nid = " EXTERNAL_ID "\nname = Node Report\nshort_name = node-report\n"                 \
    "summary = reports nodes\n"
#define EXTERNAL_STEP "[step look]\nprogram = /bin/true\n"

static struct {
    char folder[PRIVATE_PATH_SIZE];
    char path[PRIVATE_PATH_SIZE + 16];    /* a.conf in it */
    char program[PRIVATE_PATH_SIZE + 16]; /* run.sh in it, which can be executed */
} fixture;

static inline int set_up(void **state)
{
    (void)state;
    umask(022); /* files that a group may write are not trusted */
    make_private_folder(fixture.folder);
    snprintf(fixture.path, sizeof(fixture.path), "%s/a.conf", fixture.folder);
    snprintf(fixture.program, sizeof(fixture.program), "%s/run.sh", fixture.folder);
    write_file(fixture.program, "#!/bin/sh\n");
    return chmod(fixture.program, 0755);
}

static inline int tear_down(void **state)
{
    (void)state;
    remove_private_folder(fixture.folder);
    return 0;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
