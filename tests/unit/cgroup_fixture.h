/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_fixture.h - a control group of the test's own, as the service manager would delegate it.
 *
 * It is made at the root of the hierarchy of version 2, wherever that is mounted, and has the
 * controllers that are there. Only root can do that; a machine may also have the hierarchy mounted
 * read-only, or not at all. Then the fixture gives no group, and a test asserts what holds without.
 */
#ifndef MIMO_TESTS_CGROUP_FIXTURE_H
#define MIMO_TESTS_CGROUP_FIXTURE_H

#include <stddef.h>
#include <sys/types.h>

enum { CGROUP_FIXTURE_PATH = 256 };

struct cgroup_fixture {
    int parent; /* the root of the hierarchy; -1: there is no cgroup */
    int place;  /* the test's cgroup */
    char name[64];
    char path[CGROUP_FIXTURE_PATH]; /* of the test's cgroup; "" without */
};

/* Processes of the group `manager` may make cgroups in it. */
void cgroup_fixture_open(struct cgroup_fixture *cgroup, gid_t manager);

/* Kills what is in it and removes it. */
void cgroup_fixture_close(struct cgroup_fixture *cgroup);

/* The path of a process's cgroup of version 2, as in /proc/PID/cgroup; "" if it has none. */
void cgroup_fixture_of(pid_t pid, char *buffer, size_t size);

#endif
