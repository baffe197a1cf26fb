/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_program_files.c - what the launcher keeps for itself when there are tasks of the operator's
 * own, what of it each task gets, and that it keeps nothing when there are none.
 */
#include "expect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "launcher/program_files.h"
#include "launcher/sandbox.h"
#include "mimo/cleanup.h"
#include "mimo/config.h"

#define READER "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11"
#define RUNNER "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c22"

static char folder[PRIVATE_PATH_SIZE];
static struct task_list *tasks;
static struct program_files files;

static void put_task(const char *name, const char *id, const char *sandbox, const char *program)
{
    char path[128], text[1024];
    snprintf(path, sizeof(path), "%s/%s.conf", folder, name);
    snprintf(text, sizeof(text),
             "[task]\nid = %s\nname = %s\nshort_name = %s\nsummary = is a test\n"
             "[sandbox]\n%s\n[step one]\nprogram = %s\n",
             id, name, name, sandbox, program);
    write_file(path, text);
}

static void load_tasks(void)
{
    char directory[128], path[32];
    struct config config;
    struct error error;
    snprintf(directory, sizeof(directory), "tasks.directory=%s", folder);
    const char *const overrides[] = {directory, NULL};
    int empty = memfd_create("config", MFD_CLOEXEC);
    assert_true(empty >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", empty);
    expect_success(config_load(&config, path, overrides, &error), &error);
    close(empty);
    expect_success(task_list_load(&config, &tasks, &error), &error);
    config_free(&config);
}

static int newest(void)
{
    return confinement_landlock_abi(CONFINEMENT_ABI_MAXIMUM);
}

/* One task may read /etc, the other run what is in /usr/bin. */
static int set_up(void **state)
{
    struct error error;
    (void)state;
    make_private_folder(folder);
    assert_int_equal(chmod(folder, 0755), 0);
    put_task("reader", READER, "read = /etc", "/bin/true");
    put_task("runner", RUNNER, "read = /usr\nexecute = /usr/bin", "/bin/true");
    load_tasks();
    expect_success(program_files_open(tasks, newest(), &files, &error), &error);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    program_files_close_paths(&files);
    for (size_t i = 0; i < files.domain_count; i++)
        if (files.domains[i].descriptor >= 0)
            close(files.domains[i].descriptor);
    free(files.domains);
    task_list_free(tasks);
    remove_private_folder(folder);
    return 0;
}

/* What a child of this process can do, one bit each. */
enum { CAN_READ_ETC = 1, CAN_READ_USR = 2, CAN_READ_ELSEWHERE = 4, CAN_WRITE = 8, CAN_RUN = 16 };

static bool can_open(const char *path, int flags)
{
    cleanup_fd int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0;
}

/* Whether it runs, with the libraries that it needs. */
static bool can_run(const char *path)
{
    pid_t pid = fork();
    int status;
    char *const arguments[] = {(char *)(uintptr_t)path, NULL};
    if (pid == 0) {
        execve(path, arguments, arguments + 1);
        _exit(126);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static _Noreturn void try_everything(void)
{
    char fresh[64];
    snprintf(fresh, sizeof(fresh), "%s/fresh", folder);
    int can = can_open("/etc/passwd", O_RDONLY) ? CAN_READ_ETC : 0;
    can |= can_open("/usr/bin/env", O_RDONLY) ? CAN_READ_USR : 0;
    can |= can_open("/proc/self/status", O_RDONLY) ? CAN_READ_ELSEWHERE : 0;
    can |= can_open(fresh, O_WRONLY | O_CREAT) || can_open("/dev/full", O_WRONLY) ? CAN_WRITE : 0;
    can |= can_run("/usr/bin/env") ? CAN_RUN : 0;
    _exit(can_open("/dev/null", O_WRONLY) ? can : 255);
}

/* Enters `domain` (-1: the launcher's) in a child and tries; bits of the above. */
static int try_in(int domain)
{
    pid_t pid = fork();
    int status;
    assert_true(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            sandbox_deny_other_files(newest(), files.paths, files.path_count, NULL) < 0 ||
            (domain >= 0 && confinement_enter_made_domain(domain, NULL) < 0))
            _exit(254);
        try_everything();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void launcher_keeps_what_any_task_may_and_no_more(void **state)
{
    (void)state;
    if (newest() == 0)
        skip();
    assert_int_equal(try_in(-1), CAN_READ_ETC | CAN_READ_USR | CAN_RUN);
}

static void each_task_has_its_own_of_it(void **state)
{
    (void)state;
    if (newest() == 0)
        skip();
    assert_int_equal(files.domain_count, 2);
    assert_int_equal(try_in(program_files_find(&files, READER)->descriptor), CAN_READ_ETC);
    assert_int_equal(try_in(program_files_find(&files, RUNNER)->descriptor),
                     CAN_READ_USR | CAN_RUN);
    assert_null(program_files_find(&files, "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c33"));
}

static void every_file_is_held_open_once(void **state)
{
    (void)state;
    struct stat one, other;
    for (size_t i = 0; i < files.path_count; i++)
        for (size_t j = 0; j < i; j++) {
            assert_int_equal(fstat(files.paths[i].descriptor, &one), 0);
            assert_int_equal(fstat(files.paths[j].descriptor, &other), 0);
            assert_false(one.st_dev == other.st_dev && one.st_ino == other.st_ino);
        }
    program_files_close_paths(&files);
    assert_int_equal(files.path_count, 0);
}

/* --- The launcher's own system calls --- */

/* The wait status of a child that loads the launcher's filter and executes true(1). */
static int execute_under_filter(bool runs_programs)
{
    pid_t pid = fork();
    int status;
    char path[] = "/bin/true";
    char *const arguments[] = {path, NULL};
    assert_true(pid >= 0);
    if (pid == 0) {
        struct confinement_filter filter;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            sandbox_build_launcher_filter(runs_programs, &filter, NULL) < 0 ||
            confinement_load(&filter, NULL) < 0)
            _exit(254);
        execve(path, arguments, arguments + 1);
        _exit(126);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void launcher_without_such_tasks_can_run_nothing(void **state)
{
    (void)state;
    int status = execute_under_filter(false);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    assert_int_equal(execute_under_filter(true), 0);
}

static void directory_without_tasks_keeps_nothing(void **state)
{
    (void)state;
    struct error error;
    struct program_files none;
    make_private_folder(folder);
    load_tasks();
    expect_success(program_files_open(tasks, newest(), &none, &error), &error);
    assert_int_equal(none.domain_count, 0);
    assert_int_equal(none.path_count, 0);
    task_list_free(tasks);
    remove_private_folder(folder);
}

#define WITH_TASKS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TASKS(launcher_keeps_what_any_task_may_and_no_more),
        WITH_TASKS(each_task_has_its_own_of_it),
        WITH_TASKS(every_file_is_held_open_once),
        cmocka_unit_test(launcher_without_such_tasks_can_run_nothing),
        cmocka_unit_test(directory_without_tasks_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
