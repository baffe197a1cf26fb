/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c - the actuator's UUID, its lock and its starts, in the state directory. */
#include "supervisor/identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/io.h"

enum {
    ID_FILE_SIZE = 256,
    START_FILE_SIZE = 4096,
    LOCK_PATIENCE = 5000, /* milliseconds that a crashed supervisor's family gets to end */
    LOCK_PAUSE = 5,       /* milliseconds between two tries */
};

int identity_prepare_directory(const char *path, mode_t mode, const struct identity *owner,
                               struct error *error)
{
    struct stat existing;
    if (stat(path, &existing) == 0)
        return 0;
    if (io_make_directory(path, mode, error) < 0)
        return -1;
    if (chown(path, owner->uid, owner->gid) < 0)
        return error_set_system(error, errno, "cannot give %s to its user", path);
    return 0;
}

static bool has_patience(struct monotonic since)
{
    struct timespec pause = {.tv_nsec = LOCK_PAUSE * 1000 * 1000};
    nanosleep(&pause, NULL);
    return clock_elapsed(since) < LOCK_PATIENCE;
}

int identity_lock(const char *state_directory, int *ret_lock, struct error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/actuator.lock", state_directory);
    /* A lock needs no more than reading, so it does not matter whose file it is. */
    int flags = O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    cleanup_fd int lock = open(path, flags, 0644);
    if (lock < 0)
        return error_set_system(error, errno, "cannot open %s", path);
    struct monotonic began = clock_monotonic();
    while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return error_set_system(error, errno, "cannot lock %s", path);
        if (!has_patience(began))
            return error_set(
                error, ERROR_CONFLICT,
                "another actuator uses the state directory %s: give each its own "
                "(actuator.state_directory). If no other actuator runs, the launcher of an "
                "earlier one hangs: fuser(1) of %s names it, kill it",
                state_directory, path);
    }
    *ret_lock = take_fd(&lock);
    return 0;
}

static int read_id(const char *path, char *ret_id, struct error *error)
{
    cleanup_free char *text = NULL;
    size_t length;
    if (io_read_file(path, ID_FILE_SIZE, &text, &length, error) < 0)
        return -1;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    if (!uuid_is_valid(text))
        return error_set(error, ERROR_INVALID,
                         "%s does not contain a UUID: restore the file, or remove it to get a new "
                         "UUID (leases of the old one then expire by themselves)",
                         path);
    for (size_t i = 0; i <= length; i++)
        ret_id[i] = (char)tolower((unsigned char)text[i]);
    return 0;
}

static int open_id(const char *state_directory, char *ret_id, struct error *error)
{
    char path[PATH_MAX];
    struct error reason;
    snprintf(path, sizeof(path), "%s/actuator.id", state_directory);
    if (read_id(path, ret_id, &reason) == 0)
        return 0;
    if (reason.kind != ERROR_NOT_FOUND) {
        if (error)
            *error = reason;
        return -1;
    }
    char line[UUID_SIZE + 1];
    uuid_make(ret_id);
    int length = snprintf(line, sizeof(line), "%s\n", ret_id);
    return io_replace_file(path, line, (size_t)length, 0640, error);
}

/* The first line of a small file; "" if the file is missing. */
static void read_line(const char *path, char *ret_line)
{
    cleanup_free char *text = NULL;
    size_t length;
    ret_line[0] = '\0';
    if (io_read_file(path, ID_FILE_SIZE, &text, &length, NULL) < 0)
        return;
    length = strcspn(text, "\n");
    if (length < IDENTITY_PLACE_SIZE) {
        memcpy(ret_line, text, length);
        ret_line[length] = '\0';
    }
}

/* A copy of a file has another inode, or was made at another time; often both. */
static void describe_lock(int lock, char *ret_text)
{
    struct statx status;
    ret_text[0] = '\0';
    if (statx(lock, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) == 0)
        snprintf(ret_text, IDENTITY_PLACE_SIZE, "%llu.%lld.%u", (unsigned long long)status.stx_ino,
                 status.stx_mask & STATX_BTIME ? (long long)status.stx_btime.tv_sec : 0,
                 status.stx_mask & STATX_BTIME ? status.stx_btime.tv_nsec : 0);
}

void identity_find_place(int lock, struct identity_place *ret_place)
{
    *ret_place = (struct identity_place){0};
    read_line("/etc/machine-id", ret_place->machine);
    read_line("/proc/sys/kernel/random/boot_id", ret_place->boot);
    describe_lock(lock, ret_place->lock);
}

/* What is compared, and what is said if it differs. The boot is not a binding: machines restart. */
static const struct binding {
    const char *member;
    size_t offset;
    const char *difference;
} bindings[] = {
    {"machine", offsetof(struct identity_place, machine),
     "was used by another machine (/etc/machine-id differs)"},
    {"lock", offsetof(struct identity_place, lock),
     "is a copy of the directory in which this actuator ran (its lock file is another one)"},
    {"store", offsetof(struct identity_place, store), "was used with another store"},
};
enum { BINDING_COUNT = sizeof(bindings) / sizeof(bindings[0]) };

static const char *bound_text(const struct identity_place *place, const struct binding *binding)
{
    return (const char *)place + binding->offset;
}

static int check_bindings(const char *state_directory, const struct json_object *last,
                          const struct identity_place *place, struct error *error)
{
    for (size_t i = 0; i < BINDING_COUNT; i++) {
        const char *was = document_string(last, bindings[i].member, "");
        const char *is = bound_text(place, &bindings[i]);
        if (*was && *is && strcmp(was, is) != 0)
            return error_set(
                error, ERROR_CONFLICT,
                "state directory %s %s: two actuators with one ID would run the same "
                "manifests twice. If the original may still run, remove actuator.id and "
                "actuator.start from this directory: mimod then starts as a new "
                "actuator. If the original will not run again, remove only "
                "actuator.start",
                state_directory, bindings[i].difference);
    }
    return 0;
}

/* The starts noted in the file held the lock that is ours now. That proves that they have ended only
 * since this machine started: an image of a machine contains the file as well. */
static void take_ended(const struct json_object *last, const struct identity_place *place,
                       struct actuator_start *start)
{
    const struct json_object *incarnations = document_get(last, "incarnations");
    if (!*place->boot || strcmp(document_string(last, "boot", ""), place->boot) != 0)
        return;
    for (size_t i = 0; i < IDENTITY_ENDED_MAXIMUM; i++) {
        const char *incarnation = document_text(document_item(incarnations, i));
        if (incarnation && uuid_is_valid(incarnation))
            memcpy(start->ended[start->ended_count++], incarnation, UUID_SIZE);
    }
}

/* What the file says about this start, and the ones before it. NULL without memory. */
static struct json_object *describe_start(const struct identity_place *place,
                                          const struct actuator_start *start)
{
    cleanup_json struct json_object *document = json_object_new_object();
    struct json_object *incarnations = json_object_new_array();
    if (document_set(document, "incarnations", incarnations) < 0 ||
        document_set_string(document, "boot", place->boot) < 0 ||
        document_append(incarnations, document_new_string(start->incarnation)) < 0)
        return NULL;
    for (size_t i = 0; i < BINDING_COUNT; i++)
        if (document_set_string(document, bindings[i].member, bound_text(place, &bindings[i])) < 0)
            return NULL;
    for (size_t i = 0; i < start->ended_count && i + 1 < IDENTITY_ENDED_MAXIMUM; i++)
        if (document_append(incarnations, document_new_string(start->ended[i])) < 0)
            return NULL;
    return take_pointer(&document);
}

static int note_start(const char *path, const struct identity_place *place,
                      const struct actuator_start *start, struct error *error)
{
    cleanup_json struct json_object *document = describe_start(place, start);
    cleanup_free char *text = document ? document_format(document) : NULL;
    if (!text)
        return error_set_memory(error);
    return io_replace_file(path, text, strlen(text), 0640, error);
}

/* The file of the start before this one; an empty document if there was none. */
static int read_last(const char *path, struct json_object **ret_last, struct error *error)
{
    cleanup_free char *text = NULL;
    size_t length;
    struct error reason;
    if (io_read_file(path, START_FILE_SIZE, &text, &length, &reason) < 0) {
        if (reason.kind != ERROR_NOT_FOUND)
            return error_set(error, reason.kind, "%s", reason.message);
        *ret_last = json_object_new_object();
        return *ret_last ? 0 : error_set_memory(error);
    }
    *ret_last = document_parse(text, length, &reason);
    if (!*ret_last)
        return error_set(error, reason.kind,
                         "%s is damaged: %s; remove it if no copy of its directory is in use", path,
                         reason.message);
    return 0;
}

int identity_open(const char *state_directory, const struct identity_place *place,
                  struct actuator_start *ret_start, struct error *error)
{
    char path[PATH_MAX];
    cleanup_json struct json_object *last = NULL;
    struct actuator_start start = {.ended_count = 0};
    snprintf(path, sizeof(path), "%s/actuator.start", state_directory);
    if (read_last(path, &last, error) < 0 ||
        check_bindings(state_directory, last, place, error) < 0 ||
        open_id(state_directory, start.id, error) < 0)
        return -1;
    uuid_make(start.incarnation);
    take_ended(last, place, &start);
    if (note_start(path, place, &start, error) < 0)
        return -1;
    *ret_start = start;
    return 0;
}

bool identity_has_ended(const struct actuator_start *start, const char *incarnation)
{
    for (size_t i = 0; i < start->ended_count; i++)
        if (strcmp(start->ended[i], incarnation) == 0)
            return true;
    return false;
}
