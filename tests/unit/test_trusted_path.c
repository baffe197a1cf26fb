/* SPDX-License-Identifier: Apache-2.0 */
/* test_trusted_path.c - files that decide, and a stranger who must not. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/trusted_path.h"

enum { STRANGER = 4711, TRIES = 3000, LONGEST = 4096 };

static char folder[PRIVATE_PATH_SIZE];

static const char *path_of(const char *name)
{
    static char ring[4][PRIVATE_PATH_SIZE + 64];
    static unsigned next;
    char *path = ring[next++ % 4];
    snprintf(path, sizeof(ring[0]), "%s/%s", folder, name);
    return path;
}

/* Everybody may make files in the folder, as in /tmp. */
static int set_up(void **state)
{
    (void)state;
    umask(022);
    make_private_folder(folder);
    write_file(path_of("ours"), "ours");
    return chmod(folder, 01777);
}

static int tear_down(void **state)
{
    (void)state;
    remove_private_folder(folder);
    return 0;
}

static void give_to_stranger(const char *name)
{
    assert_int_equal(fchownat(AT_FDCWD, path_of(name), STRANGER, STRANGER, AT_SYMLINK_NOFOLLOW), 0);
}

static void expect_denied(const char *path, const char *message)
{
    struct error error;
    char *data;
    expect_failure(trusted_path_check(path, &error), &error, ERROR_DENIED, message);
    expect_failure(trusted_path_read(path, TRUSTED_PATH_NO_USER, LONGEST, &data, NULL, &error),
                   &error, ERROR_DENIED, message);
}

static void expect_read(const char *path, const char *expected)
{
    struct error error;
    cleanup_free char *data = NULL;
    size_t length;
    if (trusted_path_read(path, TRUSTED_PATH_NO_USER, LONGEST, &data, &length, &error) < 0)
        fail_msg("%s", error.message);
    assert_string_equal(data, expected);
    assert_int_equal(length, strlen(expected));
}

static void links_of_ours_are_followed(void **state)
{
    (void)state;
    char around[PRIVATE_PATH_SIZE + 64];
    assert_int_equal(mkdir(path_of("directory"), 0755), 0);
    write_file(path_of("directory/file"), "in it");
    assert_int_equal(symlink("directory", path_of("relative")), 0);
    assert_int_equal(symlink(path_of("relative"), path_of("absolute")), 0);
    expect_read(path_of("ours"), "ours");
    expect_read(path_of("relative/file"), "in it");
    expect_read(path_of("absolute//file"), "in it");
    snprintf(around, sizeof(around), "%s/absolute/../ours", folder);
    expect_read(around, "ours");
}

static void relative_path_begins_in_the_current_directory(void **state)
{
    (void)state;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder), 0);
    expect_read("ours", "ours");
    expect_read("./ours", "ours");
    assert_int_equal(chdir(before), 0);
}

/* A volume of Kubernetes: a directory of root in which all may make files but not remove those of
 * others, and in it links to the present version. */
static void volume_of_kubernetes_is_trusted(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("..2026_11_30"), 0755), 0);
    write_file(path_of("..2026_11_30/tokens"), "a token");
    assert_int_equal(symlink("..2026_11_30", path_of("..data")), 0);
    assert_int_equal(symlink("..data/tokens", path_of("tokens")), 0);
    expect_read(path_of("tokens"), "a token");
    if (geteuid() != 0)
        return;
    assert_int_equal(unlink(path_of("..data")), 0);
    assert_int_equal(symlink("..2026_11_30", path_of("..data")), 0);
    give_to_stranger("..data");
    expect_denied(path_of("tokens"), "..data belongs to user 4711");
}

/* A shell's "<(...)", or a file without a name: opened by whoever started the process. */
static void descriptor_of_this_process_is_trusted(void **state)
{
    static const char *const folders[] = {"/proc/self/fd", "/dev/fd"};
    char path[64];
    (void)state;
    cleanup_fd int file = memfd_create("a file", MFD_CLOEXEC);
    assert_int_equal(write(file, "text", 4), 4);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%d", folders[i], file);
        expect_read(path, "text");
    }
    struct error error;
    int opened;
    expect_failure(trusted_path_open("/dev/fd/999", &opened, &error), &error, ERROR_NOT_FOUND,
                   "cannot open");
}

/* Root reads what belongs to the user that it is about to become; nobody else's. */
static void user_that_is_named_is_trusted_too(void **state)
{
    (void)state;
    struct error error;
    cleanup_free char *data = NULL;
    char *none;
    if (geteuid() != 0)
        skip();
    give_to_stranger("ours");
    assert_int_equal(trusted_path_read(path_of("ours"), STRANGER, LONGEST, &data, NULL, &error), 0);
    assert_string_equal(data, "ours");
    expect_failure(trusted_path_read(path_of("ours"), STRANGER + 1, LONGEST, &none, NULL, &error),
                   &error, ERROR_DENIED, "chown root ");
}

static void path_that_cannot_be_walked_is_an_error(void **state)
{
    (void)state;
    struct error error;
    int descriptor;
    assert_int_equal(symlink("loop", path_of("loop")), 0);
    expect_failure(trusted_path_open("no-such-file-here", &descriptor, &error), &error,
                   ERROR_NOT_FOUND, "/no-such-file-here: No such file or directory");
    expect_failure(trusted_path_open(path_of("loop"), &descriptor, &error), &error, ERROR_INVALID,
                   "too many symbolic links");
    expect_failure(trusted_path_open(path_of("none"), &descriptor, &error), &error, ERROR_NOT_FOUND,
                   "cannot open ");
    expect_failure(trusted_path_open(path_of("ours/below"), &descriptor, &error), &error,
                   ERROR_NOT_FOUND, "Not a directory");
    assert_int_equal(trusted_path_open("/", &descriptor, &error), 0);
    close(descriptor);
}

/* What the link leads to is trusted; where it leads is the stranger's to change. */
/* No advice to change its mode, which root could follow. */
static void device_is_refused_for_what_it_is(void **state)
{
    struct error error;
    char *none;
    (void)state;
    expect_failure(trusted_path_check("/dev/null", &error), &error, ERROR_INVALID,
                   "/dev/null is a device, not a regular file");
    expect_failure(
        trusted_path_read("/dev/zero", TRUSTED_PATH_NO_USER, LONGEST, &none, NULL, &error), &error,
        ERROR_INVALID, "/dev/zero is a device");
}

static void link_of_a_stranger_is_denied(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(symlink("ours", path_of("link")), 0);
    give_to_stranger("link");
    expect_denied(path_of("link"), "belongs to user 4711 and could be changed by them: chown -h");
    assert_int_equal(symlink(folder, path_of("way")), 0);
    give_to_stranger("way");
    expect_denied(path_of("way/ours"), "belongs to user 4711");
    assert_int_equal(symlink(path_of("link"), path_of("first")), 0);
    expect_denied(path_of("first"), "belongs to user 4711");
}

static void open_directory_on_the_way_is_denied(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("open"), 0755), 0);
    assert_int_equal(chmod(path_of("open"), 0777), 0);
    write_file(path_of("open/file"), "x");
    expect_denied(path_of("open/file"), "is writable by users other than its owner");
}

/* In turn a file of ours and one of the stranger have the name, as fast as it goes. */
static _Noreturn void swap(void)
{
    for (;;) {
        if (link(path_of("ours"), path_of("next")) == 0 &&
            rename(path_of("next"), path_of("contested")) < 0)
            _exit(1);
        if (link(path_of("theirs"), path_of("next")) == 0 &&
            rename(path_of("next"), path_of("contested")) < 0)
            _exit(1);
    }
}

static void file_is_read_that_was_judged(void **state)
{
    (void)state;
    struct error error;
    unsigned taken = 0;
    if (geteuid() != 0)
        skip();
    write_file(path_of("theirs"), "theirs");
    give_to_stranger("theirs");
    assert_int_equal(link(path_of("ours"), path_of("contested")), 0);
    pid_t swapper = fork();
    if (swapper == 0)
        swap();
    for (int i = 0; i < TRIES || (taken == 0 && i < 100 * TRIES); i++) {
        cleanup_free char *data = NULL;
        if (trusted_path_read(path_of("contested"), TRUSTED_PATH_NO_USER, LONGEST, &data, NULL,
                              &error) < 0)
            continue;
        taken++;
        if (strcmp(data, "ours") != 0) {
            kill(swapper, SIGKILL);
            fail_msg("try %d read: %s", i, data);
        }
    }
    kill(swapper, SIGKILL);
    assert_int_equal(waitpid(swapper, NULL, 0), swapper);
    assert_true(taken > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_of_ours_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(relative_path_begins_in_the_current_directory, set_up,
                                        tear_down),
        cmocka_unit_test(descriptor_of_this_process_is_trusted),
        cmocka_unit_test(device_is_refused_for_what_it_is),
        cmocka_unit_test_setup_teardown(volume_of_kubernetes_is_trusted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(user_that_is_named_is_trusted_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(path_that_cannot_be_walked_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(link_of_a_stranger_is_denied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(open_directory_on_the_way_is_denied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_is_read_that_was_judged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
