/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_io_faults.c - whichever system call fails, it is told in words, and nothing is left behind.
 *
 * The linker puts the functions below in front of the system's (--wrap).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

/* The call that fails, with what, after how many that worked; it fails once. */
static struct {
    const char *call;
    int errnum;
    int before;
    bool happened;
} fault;

static bool fails(const char *call)
{
    if (!fault.call || strcmp(fault.call, call) != 0 || fault.happened || fault.before-- > 0)
        return false;
    fault.happened = true;
    errno = fault.errnum;
    return true;
}

static void arrange(const char *call, int errnum, int before)
{
    fault.call = call;
    fault.errnum = errnum;
    fault.before = before;
    fault.happened = false;
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(#name) ? (type)-1 : __real_##name arguments;                                  \
    }

WRAP(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
WRAP(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
WRAP(int, fstat, (int fd, struct stat *status), (fd, status))
WRAP(int, lstat, (const char *path, struct stat *status), (path, status))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, connect, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size))
WRAP(int, listen, (int fd, int backlog), (fd, backlog))

int __real_fcntl(int fd, int command, long argument);
int __wrap_fcntl(int fd, int command, long argument);
int __wrap_fcntl(int fd, int command, long argument)
{
    return fails("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

/* What is done while the fault lasts; each cleans up after success. */

static char folder[PRIVATE_PATH_SIZE];
static char path[PRIVATE_PATH_SIZE + 16];

static int read_file(struct error *error)
{
    cleanup_free char *data = NULL;

    write_file(path, "content");
    return io_read_file(path, 100, &data, NULL, error);
}

static int replace_file(struct error *error)
{
    return io_replace_file(path, "new", 3, 0600, error);
}

static int seal(struct error *error)
{
    cleanup_fd int fd = io_sealed_memory("x", "x", 1, error);

    return fd < 0 ? -1 : 0;
}

static int make_directory(struct error *error)
{
    return io_make_directory(path, 0700, error);
}

static int listen_anew(struct error *error)
{
    cleanup_fd int fd = io_listen_unix(path, SOCK_STREAM, 0600, error);

    return fd < 0 ? -1 : 0;
}

static int listen_over_a_stale_socket(struct error *error)
{
    struct error setting_up;
    const char *call = fault.call;
    int fd;

    fault.call = NULL;
    fd = io_listen_unix(path, SOCK_STREAM, 0600, &setting_up);
    assert_true(fd >= 0);
    close(fd);
    fault.call = call;
    return listen_anew(error);
}

static int poke(struct error *error)
{
    return io_poke_unix(path, "x", 1, error);
}

static const struct {
    const char *call;
    int errnum;
    int (*act)(struct error *error);
    enum error_kind kind; /* ERROR_NONE: succeeds all the same */
    const char *part;
} cases[] = {
    {"read", EINTR, read_file, ERROR_NONE, NULL},
    {"read", EIO, read_file, ERROR_SYSTEM, "cannot read /tmp/"},
    {"fstat", EIO, read_file, ERROR_SYSTEM, "cannot stat /tmp/"},
    {"write", EINTR, replace_file, ERROR_NONE, NULL},
    {"write", ENOSPC, replace_file, ERROR_SYSTEM, "No space left on device"},
    {"fchmod", EPERM, replace_file, ERROR_DENIED, "cannot write /tmp/"},
    {"fsync", EIO, replace_file, ERROR_SYSTEM, "cannot write /tmp/"},
    {"rename", EACCES, replace_file, ERROR_DENIED, "cannot write /tmp/"},
    {"memfd_create", EMFILE, seal, ERROR_SYSTEM,
     "cannot create memory file x: Too many open files"},
    {"write", ENOMEM, seal, ERROR_MEMORY, "cannot fill memory file x"},
    {"lseek", EINVAL, seal, ERROR_SYSTEM, "cannot fill memory file x"},
    {"fcntl", EPERM, seal, ERROR_DENIED, "cannot seal memory file x"},
    {"chmod", EPERM, make_directory, ERROR_DENIED, "cannot set the mode of /tmp/"},
    {"socket", EMFILE, listen_anew, ERROR_SYSTEM, "cannot create a socket: Too many open files"},
    {"fchmod", EPERM, listen_anew, ERROR_DENIED, "cannot set the mode of socket /tmp/"},
    {"chmod", EPERM, listen_anew, ERROR_DENIED, "cannot set the mode of socket /tmp/"},
    {"listen", EIO, listen_anew, ERROR_SYSTEM, "cannot listen on socket /tmp/"},
    {"lstat", EIO, listen_over_a_stale_socket, ERROR_SYSTEM, "cannot stat /tmp/"},
    {"connect", EACCES, listen_over_a_stale_socket, ERROR_DENIED, "cannot tell whether /tmp/"},
    {"connect", EAGAIN, listen_over_a_stale_socket, ERROR_CONFLICT, "is in use by another process"},
    {"unlink", EROFS, listen_over_a_stale_socket, ERROR_SYSTEM,
     "cannot remove the stale socket /tmp/"},
    /* gone between two looks at it: then there is nothing to remove, but it is there all the same
     */
    {"lstat", ENOENT, listen_over_a_stale_socket, ERROR_SYSTEM, "cannot bind socket /tmp/"},
    {"connect", ENOENT, listen_over_a_stale_socket, ERROR_SYSTEM, "cannot bind socket /tmp/"},
    {"socket", EMFILE, poke, ERROR_SYSTEM, "cannot create a socket"},
};

static void count_entries(int *ret_files)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;

    *ret_files = 0;
    while ((entry = readdir(directory)))
        *ret_files += entry->d_name[0] != '.';
    closedir(directory);
}

static void whatever_fails_is_told_and_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {.kind = ERROR_NONE};
        int descriptors, files, result;

        make_private_folder(folder);
        snprintf(path, sizeof(path), "%s/file", folder);
        descriptors = count_descriptors();
        arrange(cases[i].call, cases[i].errnum, 0);
        result = cases[i].act(&error);
        fault.call = NULL;
        if (!fault.happened)
            fail_msg("case %zu: %s was not called", i, cases[i].call);
        if (cases[i].kind == ERROR_NONE)
            expect_success(result, &error);
        else
            expect_failure(result, &error, cases[i].kind, cases[i].part);
        assert_int_equal(count_descriptors(), descriptors);
        count_entries(&files);
        assert_true(files <= 1); /* `path` itself, at most */
        remove_private_folder(folder);
    }
}

/* The new file is in place already, but may not outlive a power cut: the caller must know. */
static void a_folder_that_cannot_be_synced_is_told(void **state)
{
    struct error error;

    (void)state;
    make_private_folder(folder);
    snprintf(path, sizeof(path), "%s/file", folder);
    arrange("fsync", EIO, 1); /* the file's works, the folder's does not */
    expect_failure(replace_file(&error), &error, ERROR_SYSTEM, "/file to disk: Input/output error");
    fault.call = NULL;
    assert_true(fault.happened);
    assert_int_equal(access(path, F_OK), 0);
    remove_private_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_is_told_and_leaves_nothing_behind),
        cmocka_unit_test(a_folder_that_cannot_be_synced_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
