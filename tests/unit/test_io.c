/* SPDX-License-Identifier: Apache-2.0 */
/* test_io.c - whole reads and writes, files replaced at once, sealed memory, sockets. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

static struct {
    char folder[PRIVATE_PATH_SIZE];
    char path[PRIVATE_PATH_SIZE + 16];
    int descriptors;
} fixture;

static int set_up(void **state)
{
    (void)state;
    make_private_folder(fixture.folder);
    snprintf(fixture.path, sizeof(fixture.path), "%s/file", fixture.folder);
    fixture.descriptors = count_descriptors();
    return 0;
}

/* No function may leave a descriptor behind. */
static int tear_down(void **state)
{
    (void)state;
    remove_private_folder(fixture.folder);
    return count_descriptors() == fixture.descriptors ? 0 : -1;
}

static bool is_close_on_exec(int fd)
{
    return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

/* Writing */

enum { LARGE = 1024 * 1024 };

static void *read_slowly(void *argument)
{
    int fd = *(int *)argument;
    char buffer[1000];
    ssize_t count;
    size_t total = 0;

    while ((count = read(fd, buffer, sizeof(buffer))) > 0)
        total += (size_t)count;
    return (void *)total;
}

static void a_large_write_is_whole(void **state)
{
    cleanup_free char *data = calloc(1, LARGE);
    struct error error;
    pthread_t reader;
    void *total;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    expect_success(io_write_all(ends[1], data, LARGE, &error), &error);
    close(ends[1]);
    pthread_join(reader, &total);
    close(ends[0]);
    assert_int_equal((size_t)total, LARGE);
}

static void a_failed_write_says_why(void **state)
{
    cleanup_fd int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct error error;

    (void)state;
    expect_failure(io_write_all(full, "x", 1, &error), &error, ERROR_SYSTEM,
                   "cannot write 1 bytes: No space left on device");
}

/* Reading */

static void a_file_is_read_whole_and_terminated(void **state)
{
    cleanup_free char *data = NULL;
    size_t length = 0;
    struct error error;

    (void)state;
    write_file(fixture.path, "hello");
    expect_success(io_read_file(fixture.path, 5, &data, &length, &error), &error);
    assert_int_equal(length, 5);
    assert_string_equal(data, "hello");
}

static void an_empty_file_is_empty(void **state)
{
    cleanup_free char *data = NULL;
    struct error error;

    (void)state;
    write_file(fixture.path, "");
    expect_success(io_read_file(fixture.path, 100, &data, NULL, &error), &error);
    assert_string_equal(data, "");
}

static void a_file_that_says_it_has_no_bytes_is_read_too(void **state)
{
    cleanup_free char *data = NULL;
    size_t length = 0;
    struct error error;

    (void)state;
    expect_success(io_read_file("/proc/self/status", 100000, &data, &length, &error), &error);
    assert_true(length > 100);
    assert_int_equal(strncmp(data, "Name:", 5), 0);
}

static void what_cannot_be_read_is_named(void **state)
{
    char *data = NULL;
    struct error error;
    char part[128];

    (void)state;
    snprintf(part, sizeof(part), "cannot open %s: No such file", fixture.path);
    expect_failure(io_read_file(fixture.path, 10, &data, NULL, &error), &error, ERROR_NOT_FOUND,
                   part);
    snprintf(part, sizeof(part), "%s is a directory, not a regular file", fixture.folder);
    expect_failure(io_read_file(fixture.folder, 10, &data, NULL, &error), &error, ERROR_INVALID,
                   part);
    expect_failure(io_read_file("/dev/null", 10, &data, NULL, &error), &error, ERROR_INVALID,
                   "/dev/null is a device, pipe or socket");
    write_file(fixture.path, "123456");
    expect_failure(io_read_file(fixture.path, 5, &data, NULL, &error), &error, ERROR_TOO_LARGE,
                   "larger than the 5 bytes allowed");
    assert_null(data);
}

static void a_file_of_a_directory_is_read_and_a_link_refused(void **state)
{
    (void)state;
    char target[PRIVATE_PATH_SIZE + 16], link[PRIVATE_PATH_SIZE + 16];
    struct error error;
    size_t length;
    char *data;
    cleanup_fd int directory = open(fixture.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(directory >= 0);
    snprintf(target, sizeof(target), "%s/target", fixture.folder);
    snprintf(link, sizeof(link), "%s/link", fixture.folder);
    expect_success(io_replace_file(target, "abc", 3, 0600, &error), &error);
    assert_int_equal(symlink("target", link), 0);
    expect_success(io_read_file_at(directory, "target", 3, &data, &length, &error), &error);
    assert_int_equal(length, 3);
    assert_string_equal(data, "abc");
    free(data);
    expect_failure(io_read_file_at(directory, "link", 3, &data, &length, &error), &error,
                   ERROR_INVALID, "link is a symbolic link, not a regular file");
    expect_failure(io_read_file_at(directory, "target", 2, &data, &length, &error), &error,
                   ERROR_TOO_LARGE, "target is larger than the 2 bytes allowed");
    expect_failure(io_read_file_at(directory, "nothing", 3, &data, &length, &error), &error,
                   ERROR_NOT_FOUND, "cannot open nothing");
}

static void a_fifo_does_not_keep_us_waiting(void **state)
{
    char *data = NULL;
    struct error error;

    (void)state;
    assert_int_equal(mkfifo(fixture.path, 0600), 0);
    alarm(patient_seconds(20)); /* so that waiting fails instead of hanging */
    expect_failure(io_read_file(fixture.path, 10, &data, NULL, &error), &error, ERROR_INVALID,
                   "is a device, pipe or socket");
    alarm(0);
}

/* Replacing */

static void expect_content(const char *path, const char *expected)
{
    cleanup_free char *data = NULL;
    struct error error;

    expect_success(io_read_file(path, 1000, &data, NULL, &error), &error);
    assert_string_equal(data, expected);
}

static int count_files(const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(directory)))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void a_replaced_file_has_the_new_content_and_mode_and_leaves_nothing_behind(void **state)
{
    struct error error;
    struct stat status;
    mode_t umask_before = umask(077);

    (void)state;
    write_file(fixture.path, "old");
    expect_success(io_replace_file(fixture.path, "new", 3, 0640, &error), &error);
    umask(umask_before);
    expect_content(fixture.path, "new");
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(count_files(fixture.folder), 1);
}

static void who_has_the_old_file_open_keeps_it(void **state)
{
    struct error error;
    char buffer[8] = "";
    int fd;

    (void)state;
    write_file(fixture.path, "old");
    fd = open(fixture.path, O_RDONLY | O_CLOEXEC);
    expect_success(io_replace_file(fixture.path, "newer", 5, 0600, &error), &error);
    assert_int_equal(read(fd, buffer, sizeof(buffer)), 3);
    assert_string_equal(buffer, "old");
    close(fd);
}

static void a_failed_replacement_keeps_the_old_file(void **state)
{
    struct rlimit before, small;
    struct error error;
    char missing[128];

    (void)state;
    write_file(fixture.path, "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 2, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int result = io_replace_file(fixture.path, "newer", 5, 0600, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    expect_failure(result, &error, ERROR_SYSTEM, "cannot write");
    expect_content(fixture.path, "old");
    assert_int_equal(count_files(fixture.folder), 1);

    snprintf(missing, sizeof(missing), "%s/missing/file", fixture.folder);
    expect_failure(io_replace_file(missing, "x", 1, 0600, &error), &error, ERROR_NOT_FOUND,
                   "cannot create a file beside");
    expect_failure(io_replace_file(fixture.folder, "x", 1, 0600, &error), &error, ERROR_SYSTEM,
                   "cannot write");
}

static void a_path_without_folder_is_in_the_working_directory(void **state)
{
    struct error error;
    char before[4096];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(fixture.folder), 0);
    int result = io_replace_file("file", "x", 1, 0600, &error);
    assert_int_equal(chdir(before), 0);
    expect_success(result, &error);
    expect_content(fixture.path, "x");
}

/* Sealed memory */

static void sealed_memory_cannot_be_changed(void **state)
{
    struct error error;
    cleanup_fd int fd = io_sealed_memory("job", "secret", 6, &error);
    char buffer[16] = "";

    (void)state;
    assert_true(fd >= 0);
    assert_true(io_is_sealed(fd));
    assert_true(is_close_on_exec(fd));
    assert_int_equal(read(fd, buffer, sizeof(buffer)), 6);
    assert_string_equal(buffer, "secret");
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 3), -1);
    assert_int_equal(ftruncate(fd, 30), -1);
    assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

static void what_is_not_wholly_sealed_is_not_sealed(void **state)
{
    cleanup_fd int memory = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    cleanup_fd int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_false(io_is_sealed(memory));
    assert_int_equal(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
    assert_false(io_is_sealed(memory));
    assert_int_equal(fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL), 0);
    assert_true(io_is_sealed(memory));
    assert_false(io_is_sealed(file));
    assert_false(io_is_sealed(-1));
}

/* Folders */

static void a_missing_folder_is_made_with_its_mode(void **state)
{
    struct error error;
    struct stat status;
    mode_t umask_before = umask(077);

    (void)state;
    expect_success(io_make_directory(fixture.path, 02770, &error), &error);
    umask(umask_before);
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 02770);
    expect_success(io_make_directory(fixture.path, 0700, &error), &error);
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 02770); /* it was there: left alone */
}

static void a_file_in_the_way_of_a_folder_is_named(void **state)
{
    struct error error;
    char below[128];

    (void)state;
    write_file(fixture.path, "");
    expect_failure(io_make_directory(fixture.path, 0700, &error), &error, ERROR_CONFLICT,
                   "is in the way: it is not a directory");
    snprintf(below, sizeof(below), "%s/missing/folder", fixture.folder);
    expect_failure(io_make_directory(below, 0700, &error), &error, ERROR_NOT_FOUND,
                   "cannot create directory");
    assert_int_equal(unlink(fixture.path), 0);
    assert_int_equal(symlink("nowhere", fixture.path), 0);
    expect_failure(io_make_directory(fixture.path, 0700, &error), &error, ERROR_NOT_FOUND,
                   "cannot stat");
}

/* Sockets */

static int connect_unix(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void a_listening_socket_has_its_mode_and_takes_connections(void **state)
{
    struct error error;
    struct stat status;
    mode_t umask_before = umask(077);
    cleanup_fd int fd = io_listen_unix(fixture.path, SOCK_STREAM, 0660, &error);

    (void)state;
    umask(umask_before);
    assert_true(fd >= 0);
    assert_true(is_close_on_exec(fd));
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    cleanup_fd int client = connect_unix(fixture.path, SOCK_STREAM);
    assert_true(client >= 0);
    cleanup_fd int server = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(server >= 0);
}

static void a_socket_left_over_is_replaced(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    struct error error;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int first = io_listen_unix(fixture.path, types[i], 0600, &error);
        assert_true(first >= 0);
        close(first);
        int second = io_listen_unix(fixture.path, types[1 - i], 0600, &error);
        if (second < 0)
            fail_msg("%s", error.message);
        close(second);
    }
}

static void a_socket_in_use_is_left_to_its_owner(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    struct error error;
    char part[128];

    (void)state;
    snprintf(part, sizeof(part), "%s is in use by another process", fixture.path);
    for (size_t i = 0; i < 2; i++) {
        int first = io_listen_unix(fixture.path, types[i], 0600, &error);
        assert_true(first >= 0);
        expect_failure(io_listen_unix(fixture.path, SOCK_STREAM, 0600, &error), &error,
                       ERROR_CONFLICT, part);
        expect_failure(io_listen_unix(fixture.path, SOCK_DGRAM, 0600, &error), &error,
                       ERROR_CONFLICT, part);
        cleanup_fd int client = connect_unix(fixture.path, types[i]);
        assert_true(client >= 0);
        close(first);
        unlink(fixture.path);
    }
}

static void a_file_that_is_no_socket_is_not_replaced(void **state)
{
    struct error error;

    (void)state;
    write_file(fixture.path, "precious");
    expect_failure(io_listen_unix(fixture.path, SOCK_STREAM, 0600, &error), &error, ERROR_CONFLICT,
                   "is in the way: it is not a socket");
    expect_content(fixture.path, "precious");
}

static void socket_paths_have_their_bounds(void **state)
{
    struct error error;
    char path[200];

    (void)state;
    snprintf(path, sizeof(path), "%s/%0120d", fixture.folder, 0);
    expect_failure(io_listen_unix(path, SOCK_STREAM, 0600, &error), &error, ERROR_INVALID,
                   "allowed are 1 to 107: choose a shorter directory");
    expect_failure(io_poke_unix(path, "x", 1, &error), &error, ERROR_INVALID,
                   "allowed are 1 to 107");
    expect_failure(io_listen_unix("", SOCK_STREAM, 0600, &error), &error, ERROR_INVALID,
                   "has 0 characters");
    snprintf(path, sizeof(path), "%s/missing/socket", fixture.folder);
    expect_failure(io_listen_unix(path, SOCK_STREAM, 0600, &error), &error, ERROR_NOT_FOUND,
                   "cannot bind socket");
}

static void a_poke_arrives_and_never_waits(void **state)
{
    struct error error;
    char buffer[8] = "";
    int result = 0;

    (void)state;
    expect_failure(io_poke_unix(fixture.path, "x", 1, &error), &error, ERROR_NOT_FOUND,
                   "cannot send to");
    int fd = io_listen_unix(fixture.path, SOCK_DGRAM, 0600, &error);
    assert_true(fd >= 0);
    expect_success(io_poke_unix(fixture.path, "wake", 4, &error), &error);
    assert_int_equal(read(fd, buffer, sizeof(buffer)), 4);
    assert_string_equal(buffer, "wake");
    alarm(patient_seconds(20)); /* so that waiting fails instead of hanging */
    for (int i = 0; i < 100000 && result == 0; i++)
        result = io_poke_unix(fixture.path, "wake", 4, &error);
    alarm(0);
    expect_failure(result, &error, ERROR_BUSY, "is behind");
    close(fd);
    expect_failure(io_poke_unix(fixture.path, "x", 1, &error), &error, ERROR_UNAVAILABLE,
                   "nobody listens on");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_large_write_is_whole),
        WITH_FOLDER(a_failed_write_says_why),
        WITH_FOLDER(a_file_is_read_whole_and_terminated),
        WITH_FOLDER(an_empty_file_is_empty),
        WITH_FOLDER(a_file_that_says_it_has_no_bytes_is_read_too),
        WITH_FOLDER(what_cannot_be_read_is_named),
        WITH_FOLDER(a_file_of_a_directory_is_read_and_a_link_refused),
        WITH_FOLDER(a_fifo_does_not_keep_us_waiting),
        WITH_FOLDER(a_replaced_file_has_the_new_content_and_mode_and_leaves_nothing_behind),
        WITH_FOLDER(who_has_the_old_file_open_keeps_it),
        WITH_FOLDER(a_failed_replacement_keeps_the_old_file),
        WITH_FOLDER(a_path_without_folder_is_in_the_working_directory),
        WITH_FOLDER(sealed_memory_cannot_be_changed),
        WITH_FOLDER(what_is_not_wholly_sealed_is_not_sealed),
        WITH_FOLDER(a_missing_folder_is_made_with_its_mode),
        WITH_FOLDER(a_file_in_the_way_of_a_folder_is_named),
        WITH_FOLDER(a_listening_socket_has_its_mode_and_takes_connections),
        WITH_FOLDER(a_socket_left_over_is_replaced),
        WITH_FOLDER(a_socket_in_use_is_left_to_its_owner),
        WITH_FOLDER(a_file_that_is_no_socket_is_not_replaced),
        WITH_FOLDER(socket_paths_have_their_bounds),
        WITH_FOLDER(a_poke_arrives_and_never_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
