/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_fixture.c - a control group of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_fixture.h"
#include "mimo/cgroup.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "patience.h"

enum { END_OF_ALL = 20000 }; /* milliseconds */

static bool find_root(char *buffer, size_t size)
{
    cleanup_free char *mounts = NULL;
    return io_read_file("/proc/self/mountinfo", 1 << 20, &mounts, NULL, NULL) == 0 &&
           cgroup_find_in(mounts, "0::/\n", buffer, size, NULL) == 0;
}

void cgroup_fixture_open(struct cgroup_fixture *cgroup, gid_t manager)
{
    static unsigned made;
    struct error error;
    char root[CGROUP_FIXTURE_PATH - 80];
    *cgroup = (struct cgroup_fixture){.parent = -1, .place = -1};
    if (geteuid() != 0 || !find_root(root, sizeof(root)))
        return;
    snprintf(cgroup->name, sizeof(cgroup->name), "mimo-test-%d-%u", (int)getpid(), made++);
    cleanup_fd int parent = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(parent >= 0);
    if (cgroup_make(parent, cgroup->name, manager, &cgroup->place, &error) < 0)
        return; /* read-only, or a container's */
    snprintf(cgroup->path, sizeof(cgroup->path), "%s/%s", root, cgroup->name);
    cgroup_enable(cgroup->place, cgroup_enabled(parent));
    cgroup->parent = take_fd(&parent);
}

void cgroup_fixture_close(struct cgroup_fixture *cgroup)
{
    struct error error;
    if (cgroup->parent < 0)
        return;
    if (cgroup_remove(cgroup->parent, cgroup->name, patient_milliseconds(END_OF_ALL), &error) < 0)
        fail_msg("%s", error.message);
    close(take_fd(&cgroup->place));
    close(take_fd(&cgroup->parent));
}

void cgroup_fixture_of(pid_t pid, char *buffer, size_t size)
{
    char path[64], line[512];
    *buffer = '\0';
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "0::", 3) == 0)
            snprintf(buffer, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    if (file)
        (void)fclose(file);
}
