/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - descriptors: whole reads and writes, files replaced at once, sealed memory, sockets. */
#include "mimo/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mimo/cleanup.h"

enum { ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* As write_all in the header, but errno has the reason. */
static int write_all(int fd, const void *data, size_t length)
{
    const char *rest = data;

    while (length > 0) {
        ssize_t written = write(fd, rest, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        rest += written;
        length -= (size_t)written;
    }
    return 0;
}

int io_write_all(int fd, const void *data, size_t length, struct error *error)
{
    if (write_all(fd, data, length) < 0)
        return error_set_system(error, errno, "cannot write %zu bytes", length);
    return 0;
}

/* Reads until `size` bytes or the end of file; -1 with errno. */
static ssize_t read_until(int fd, char *buffer, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t count = read(fd, buffer + length, size - length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    return (ssize_t)length;
}

int io_read_descriptor(int fd, const char *path, size_t maximum, char **ret_data,
                       size_t *ret_length, struct error *error)
{
    cleanup_free char *data = NULL;
    struct stat status;
    size_t capacity;
    ssize_t length;

    if (fstat(fd, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_INVALID, "%s is %s, not a regular file", path,
                         S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket");
    /* One byte more than allowed shows that there is more; files of /proc say that they have 0
     * bytes. */
    capacity =
        status.st_size > 0 && (size_t)status.st_size < maximum ? (size_t)status.st_size : maximum;
    data = malloc(capacity + 2);
    if (!data)
        return error_set_system(error, ENOMEM, "cannot read %s", path);
    length = read_until(fd, data, capacity + 1);
    if (length < 0)
        return error_set_system(error, errno, "cannot read %s", path);
    if ((size_t)length > capacity)
        return error_set(error, ERROR_TOO_LARGE,
                         "%s is larger than the %zu bytes allowed, or grew while it was read", path,
                         maximum);
    data[length] = '\0';
    *ret_data = take_pointer(&data);
    if (ret_length)
        *ret_length = (size_t)length;
    return 0;
}

/* Not blocking: a FIFO would have us wait for its writer, who may never come. */
enum { OPEN_TO_READ = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

int io_read_file(const char *path, size_t maximum, char **ret_data, size_t *ret_length,
                 struct error *error)
{
    cleanup_fd int fd = open(path, OPEN_TO_READ);

    if (fd < 0)
        return error_set_system(error, errno, "cannot open %s", path);
    return io_read_descriptor(fd, path, maximum, ret_data, ret_length, error);
}

int io_read_file_at(int directory, const char *name, size_t maximum, char **ret_data,
                    size_t *ret_length, struct error *error)
{
    cleanup_fd int fd = openat(directory, name, OPEN_TO_READ | O_NOFOLLOW);

    if (fd < 0 && errno == ELOOP)
        return error_set(error, ERROR_INVALID, "%s is a symbolic link, not a regular file", name);
    if (fd < 0)
        return error_set_system(error, errno, "cannot open %s", name);
    return io_read_descriptor(fd, name, maximum, ret_data, ret_length, error);
}

/* Makes the rename that happened in the folder of `path` last through a power cut. */
static int sync_folder(const char *path)
{
    cleanup_free char *folder = strdup(path);
    cleanup_fd int fd = -1;
    char *slash = folder ? strrchr(folder, '/') : NULL;

    if (!folder)
        return -1;
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : fsync(fd);
}

int io_replace_file(const char *path, const void *data, size_t length, mode_t mode,
                    struct error *error)
{
    cleanup_free char *temporary = NULL;
    cleanup_fd int fd = -1;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return error_set_system(error, ENOMEM, "cannot write %s", path);
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create a file beside %s", path);
    if (write_all(fd, data, length) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
        rename(temporary, path) < 0) {
        error_set_system(error, errno, "cannot write %s", path);
        unlink(temporary);
        return -1;
    }
    if (sync_folder(path) < 0)
        return error_set_system(error, errno, "cannot sync %s to disk", path);
    return 0;
}

int io_sealed_memory(const char *name, const void *data, size_t length, struct error *error)
{
    cleanup_fd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return error_set_system(error, errno, "cannot create memory file %s", name);
    if (write_all(fd, data, length) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return error_set_system(error, errno, "cannot fill memory file %s", name);
    if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
        return error_set_system(error, errno, "cannot seal memory file %s", name);
    return take_fd(&fd);
}

bool io_is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

int io_make_directory(const char *path, mode_t mode, struct error *error)
{
    struct stat status;

    if (mkdir(path, mode) == 0) {
        if (chmod(path, mode) < 0) /* the umask may have taken bits away */
            return error_set_system(error, errno, "cannot set the mode of %s", path);
        return 0;
    }
    if (errno != EEXIST)
        return error_set_system(error, errno, "cannot create directory %s", path);
    if (stat(path, &status) < 0)
        return error_set_system(error, errno, "cannot stat %s", path);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ERROR_CONFLICT, "%s is in the way: it is not a directory", path);
    return 0;
}

static int fill_address(struct sockaddr_un *address, const char *path, struct error *error)
{
    size_t length = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length == 0 || length >= sizeof(address->sun_path))
        return error_set(
            error, ERROR_INVALID,
            "socket path %s has %zu characters, allowed are 1 to %zu: choose a shorter directory",
            path, length, sizeof(address->sun_path) - 1);
    memcpy(address->sun_path, path, length);
    return 0;
}

/* Removes the socket file of an earlier run. Only a refused connection proves that nobody is behind
 * it. */
static int remove_stale_socket(const struct sockaddr_un *address, int type, struct error *error)
{
    const char *path = address->sun_path;
    cleanup_fd int probe = -1;
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : error_set_system(error, errno, "cannot stat %s", path);
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, ERROR_CONFLICT, "%s is in the way: it is not a socket", path);
    probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return error_set_system(error, errno, "cannot create a socket");
    if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
        errno == EAGAIN || errno == EPROTOTYPE)
        return error_set(error, ERROR_CONFLICT, "%s is in use by another process", path);
    if (errno == ENOENT)
        return 0;
    if (errno != ECONNREFUSED)
        return error_set_system(error, errno, "cannot tell whether %s is in use", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set_system(error, errno, "cannot remove the stale socket %s", path);
    return 0;
}

int io_listen_unix(const char *path, int type, mode_t mode, struct error *error)
{
    cleanup_fd int fd = -1;
    struct sockaddr_un address;

    if (fill_address(&address, path, error) < 0)
        return -1;
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create a socket");
    /* The mode of the socket is that of its file to be (less the umask), so it is never wider than
     * asked. */
    if (fchmod(fd, mode) < 0)
        return error_set_system(error, errno, "cannot set the mode of socket %s", path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        if (errno != EADDRINUSE)
            return error_set_system(error, errno, "cannot bind socket %s", path);
        if (remove_stale_socket(&address, type, error) < 0)
            return -1;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
            return error_set_system(error, errno, "cannot bind socket %s", path);
    }
    if (chmod(path, mode) < 0)
        return error_set_system(error, errno, "cannot set the mode of socket %s", path);
    if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
        return error_set_system(error, errno, "cannot listen on socket %s", path);
    return take_fd(&fd);
}

int io_poke_unix(const char *path, const void *data, size_t length, struct error *error)
{
    cleanup_fd int fd = -1;
    struct sockaddr_un address;

    if (fill_address(&address, path, error) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_system(error, errno, "cannot create a socket");
    if (sendto(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
               sizeof(address)) >= 0)
        return 0;
    if (errno == ECONNREFUSED)
        return error_set(error, ERROR_UNAVAILABLE, "nobody listens on %s", path);
    if (errno == EAGAIN || errno == ENOBUFS)
        return error_set(error, ERROR_BUSY, "the reader of %s is behind", path);
    return error_set_system(error, errno, "cannot send to %s", path);
}
