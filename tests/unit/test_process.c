/* SPDX-License-Identifier: Apache-2.0 */
/* test_process.c - titles that operators see, programs found beside each other, descriptors,
 * parents. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"
#include "mimo/process.h"

static char first_argument[4096];
static char *const *arguments;

/* What ps(1) shows: the command line up to its first NUL. */
static char *shown_title(size_t *ret_length)
{
    char *title = NULL;
    struct error error;

    expect_success(io_read_file("/proc/self/cmdline", 65536, &title, ret_length, &error), &error);
    return title;
}

static void the_title_is_what_ps_shows(void **state)
{
    cleanup_free char *title = NULL;
    char name[16];
    size_t length;

    (void)state;
    process_set_title("mimo-worker: %s [%d/%d]", "my-cluster", 2, 3);
    title = shown_title(&length);
    assert_string_equal(title, "mimo-worker: my-cluster [2/3]");
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    assert_string_equal(name, "mimo-worker");
}

static void a_shorter_title_leaves_nothing_of_a_longer_one(void **state)
{
    size_t length;

    (void)state;
    process_set_title("a-long-title-that-is-set-first");
    process_set_title("short");
    cleanup_free char *title = shown_title(&length);
    for (size_t i = strlen("short"); i < length; i++)
        assert_int_equal(title[i], '\0');
    assert_string_equal(title, "short");
}

static void a_title_too_long_is_cut(void **state)
{
    char text[900];
    size_t length;

    (void)state;
    memset(text, 't', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 3; i++)
        process_set_title("%s%s", text, text);
    cleanup_free char *title = shown_title(&length);
    assert_int_equal(strspn(title, "t"), strlen(title));
    assert_true(strlen(title) > 20);
    assert_true(strlen(title) < 1024);
}

static void no_control_byte_comes_into_a_title(void **state)
{
    size_t length;

    (void)state;
    process_set_title("mimod: a\x1b[2J\nb");
    cleanup_free char *title = shown_title(&length);
    assert_string_equal(title, "mimod: a?[2J?b");
}

static void arguments_and_environment_outlive_the_title(void **state)
{
    (void)state;
    setenv("MIMO_TEST_SET_BEFORE", "x", 1);
    process_set_title("%0800d", 0);
    assert_string_equal(arguments[0], first_argument);
    assert_non_null(getenv("MIMO_SOURCE"));
    assert_int_not_equal(getenv("MIMO_SOURCE")[0], '0');
    assert_non_null(strstr(first_argument, program_invocation_short_name));
}

static void a_program_beside_ours_is_found(void **state)
{
    char self[4096], path[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    struct error error;

    (void)state;
    self[length] = '\0';
    expect_success(process_find_sibling(strrchr(self, '/') + 1, path, sizeof(path), &error),
                   &error);
    assert_string_equal(path, self);
}

static void a_program_that_is_missing_is_named_with_the_places_searched(void **state)
{
    char path[4096];
    struct error error;

    (void)state;
    expect_failure(process_find_sibling("mimo-missing", path, sizeof(path), &error), &error,
                   ERROR_NOT_FOUND, "cannot find program mimo-missing, neither in /");
    assert_non_null(strstr(error.message, LIBEXECDIR));
    expect_failure(process_find_sibling("x", path, 3, &error), &error, ERROR_NOT_FOUND,
                   "cannot find");
}

static int close_all_but_two(void *context)
{
    int keep[2] = {700, 9};

    (void)context;
    for (int fd = 5; fd < 12; fd++)
        CHILD_EXPECT(dup2(STDIN_FILENO, fd) == fd);
    CHILD_EXPECT(dup2(STDIN_FILENO, 700) == 700);
    CHILD_EXPECT(dup2(STDIN_FILENO, 800) == 800);
    process_close_descriptors(keep, 2);
    for (int fd = 0; fd < 1024; fd++) {
        bool open = fcntl(fd, F_GETFD) >= 0;

        CHILD_EXPECT(open == (fd <= 2 || fd == 9 || fd == 700));
    }
    return 0;
}

static int close_all(void *context)
{
    (void)context;
    CHILD_EXPECT(dup2(STDIN_FILENO, 700) == 700);
    process_close_descriptors(NULL, 0);
    for (int fd = 3; fd < 1024; fd++)
        CHILD_EXPECT(fcntl(fd, F_GETFD) < 0);
    CHILD_EXPECT(fcntl(STDERR_FILENO, F_GETFD) >= 0);
    return 0;
}

static int close_with_odd_lists(void *context)
{
    int keep[4] = {2, 3, 3, 1};

    (void)context;
    CHILD_EXPECT(dup2(STDIN_FILENO, 3) == 3 && dup2(STDIN_FILENO, 4) == 4);
    process_close_descriptors(keep, 4);
    CHILD_EXPECT(fcntl(3, F_GETFD) >= 0 && fcntl(4, F_GETFD) < 0 && fcntl(2, F_GETFD) >= 0);
    return 0;
}

static void only_named_descriptors_stay_open(void **state)
{
    (void)state;
    expect_child_succeeds(close_all_but_two, NULL);
    expect_child_succeeds(close_all, NULL);
    expect_child_succeeds(close_with_odd_lists, NULL);
}

/* Makes a grandchild that ties itself to its parent, and ends when the grandchild says it is ready.
 */
static int leave_a_child_behind(void *context)
{
    int *ends = context;
    int ready[2];
    char byte;

    CHILD_EXPECT(pipe(ready) == 0);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        struct error error;

        close(ends[0]);
        if (process_die_with_parent(parent, &error) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CHILD_EXPECT(read(ready[0], &byte, 1) == 1);
    return 0;
}

static void a_child_dies_with_its_parent(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    expect_child_succeeds(leave_a_child_behind, ends);
    close(ends[1]);
    /* The grandchild holds the other end until it is dead. */
    struct pollfd watch = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&watch, 1, 20000), 1);
    assert_true(watch.revents & POLLHUP);
    close(ends[0]);
}

static int has_another_parent(void *context)
{
    struct error error;

    (void)context;
    CHILD_EXPECT(process_die_with_parent(getpid(), &error) < 0);
    CHILD_EXPECT(error.kind == ERROR_UNAVAILABLE);
    CHILD_EXPECT(strstr(error.message, "has ended"));
    return 0;
}

static void a_parent_that_is_gone_already_is_noticed(void **state)
{
    (void)state;
    expect_child_succeeds(has_another_parent, NULL);
}

static void resident_memory_is_known_while_the_process_lives(void **state)
{
    (void)state;
    assert_true(process_resident_kib(getpid()) > 100);
    assert_int_equal(process_resident_kib(INT64_C(1) << 40), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resident_memory_is_known_while_the_process_lives),
        cmocka_unit_test(the_title_is_what_ps_shows),
        cmocka_unit_test(a_shorter_title_leaves_nothing_of_a_longer_one),
        cmocka_unit_test(a_title_too_long_is_cut),
        cmocka_unit_test(no_control_byte_comes_into_a_title),
        cmocka_unit_test(arguments_and_environment_outlive_the_title),
        cmocka_unit_test(a_program_beside_ours_is_found),
        cmocka_unit_test(a_program_that_is_missing_is_named_with_the_places_searched),
        cmocka_unit_test(only_named_descriptors_stay_open),
        cmocka_unit_test(a_child_dies_with_its_parent),
        cmocka_unit_test(a_parent_that_is_gone_already_is_noticed),
    };

    snprintf(first_argument, sizeof(first_argument), "%s", argv[0]);
    process_title_initialize(argc, argv);
    arguments = argv;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
