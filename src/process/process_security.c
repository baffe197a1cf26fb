/* SPDX-License-Identifier: Apache-2.0 */
/* process_security.c - what a process may do, as /proc/PID/status shows it. */
#include "mimo/process_security.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/io.h"

enum { STATUS_SIZE_MAXIMUM = 64 * 1024 }; /* the list of groups is the long part */

static bool read_ids(const char *value, void *place)
{
    unsigned *ids = place;
    return sscanf(value, "%u %u %u", &ids[0], &ids[1], &ids[2]) == 3;
}

static bool read_groups(const char *value, void *place)
{
    size_t *count = place;
    *count = 0;
    for (value += strspn(value, " \t"); *value && *value != '\n'; value += strspn(value, " \t")) {
        value += strcspn(value, " \t\n");
        ++*count;
    }
    return true;
}

static bool read_set(const char *value, void *place)
{
    return sscanf(value, "%" SCNx64, (uint64_t *)place) == 1;
}

static bool read_number(const char *value, void *place)
{
    return sscanf(value, "%u", (unsigned *)place) == 1;
}

#define PLACE(member) offsetof(struct process_security, member)

static const struct line {
    const char *name;
    size_t place;
    bool (*read)(const char *value, void *place);
    bool optional; /* older kernels lack it */
} lines[] = {
    {"Uid", PLACE(users), read_ids, false},
    {"Gid", PLACE(groups), read_ids, false},
    {"Groups", PLACE(supplementary_groups), read_groups, false},
    {"CapPrm", PLACE(permitted), read_set, false},
    {"CapEff", PLACE(effective), read_set, false},
    {"CapBnd", PLACE(bounding), read_set, false},
    {"CapAmb", PLACE(ambient), read_set, false},
    {"NoNewPrivs", PLACE(no_new_privileges), read_number, false},
    {"Seccomp", PLACE(seccomp_mode), read_number, false},
    {"Seccomp_filters", PLACE(seccomp_filters), read_number, true},
    {"PPid", PLACE(parent), read_number, false},
};

/* The text after "name:" at the beginning of a line, or NULL. */
static const char *find_line(const char *text, const char *name)
{
    size_t length = strlen(name);
    while (text) {
        if (strncmp(text, name, length) == 0 && text[length] == ':')
            return text + length + 1;
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return NULL;
}

int process_security_parse(const char *text, struct process_security *ret_security,
                           struct error *error)
{
    *ret_security = (struct process_security){0};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const struct line *line = &lines[i];
        const char *value = find_line(text, line->name);
        if (!value && line->optional)
            continue;
        if (!value || !line->read(value, (char *)ret_security + line->place))
            return error_set(error, ERROR_INVALID, "line \"%s\" is missing or odd", line->name);
    }
    return 0;
}

/* Files of a process that may not be dumped belong to root (proc(5)). */
static enum process_dumpable dumpable_by_owner(unsigned user, uid_t owner)
{
    if (user == 0)
        return PROCESS_DUMPABLE_UNKNOWN;
    return owner == user ? PROCESS_DUMPABLE : PROCESS_NOT_DUMPABLE;
}

int process_security_read(int64_t pid, struct process_security *ret_security, struct error *error)
{
    char path[32];
    cleanup_free char *text = NULL;
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
    cleanup_fd int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fstatat(directory, "status", &status, 0) < 0)
        return error_set(error, ERROR_NOT_FOUND,
                         "process %" PRId64 " has ended, or is hidden from this user", pid);
    if (io_read_file_at(directory, "status", STATUS_SIZE_MAXIMUM, &text, NULL, error) < 0 ||
        process_security_parse(text, ret_security, error) < 0)
        return error_prefix(error, "%s/status", path);
    ret_security->dumpable = dumpable_by_owner(ret_security->users[1], status.st_uid);
    return 0;
}

int process_security_open(struct error *error)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? error_set_system(error, errno, "cannot open /proc/self/status") : fd;
}

static ssize_t read_status(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length + 1 < size) {
        got = read(fd, text + length, size - 1 - length);
        if (got > 0)
            length += (size_t)got;
    }
    text[length] = '\0';
    return got < 0 ? -1 : (ssize_t)length;
}

const char *process_security_describe(int status, char *buffer)
{
    struct process_security security;
    struct error error;
    char text[STATUS_SIZE_MAXIMUM];
    char names[PROCESS_CAPABILITIES_SIZE];
    if (read_status(status, text, sizeof(text)) < 0)
        error_set_system(&error, errno, "cannot read /proc/self/status");
    else if (process_security_parse(text, &security, &error) == 0)
        error.message[0] = '\0';
    if (error.message[0] != '\0')
        snprintf(buffer, PROCESS_CAPABILITIES_SIZE, "unknown: %s", error.message);
    else
        snprintf(buffer, PROCESS_CAPABILITIES_SIZE,
                 "user %u, group %u, capabilities %.800s, %s new privileges, %s seccomp filter",
                 security.users[1], security.groups[1],
                 process_capabilities_text(security.effective, names),
                 security.no_new_privileges ? "no" : "with",
                 security.seccomp_mode == 2 ? "a" : "no");
    return buffer;
}

static uint64_t all_capabilities(void)
{
    int count = cap_max_bits();
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

const char *process_capabilities_text(uint64_t capabilities, char *buffer)
{
    static const char prefix[] = "cap_";
    size_t length = 0;
    if (capabilities == 0)
        return strcpy(buffer, "none");
    if (capabilities == all_capabilities())
        return strcpy(buffer, "all");
    buffer[0] = '\0';
    for (int i = 0; i < 64; i++) {
        if (!(capabilities & UINT64_C(1) << i))
            continue;
        char *name = cap_to_name(i); /* "cap_kill", or a number for one that it does not know */
        const char *shown = name ? name : "?";
        if (strncmp(shown, prefix, sizeof(prefix) - 1) == 0)
            shown += sizeof(prefix) - 1;
        length += (size_t)snprintf(buffer + length, PROCESS_CAPABILITIES_SIZE - length, "%s%s",
                                   length > 0 ? "," : "", shown);
        cap_free(name);
        if (length >= PROCESS_CAPABILITIES_SIZE)
            break;
    }
    return buffer;
}
