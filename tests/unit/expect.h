/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect.h - what unit tests share: cmocka, expected failures, private folders, children.
 */
#ifndef MIMO_TEST_EXPECT_H
#define MIMO_TEST_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mimo/error.h"
#include "patience.h"

/* A call that must fail in this way, with this in its message. */
static inline void expect_failure(int result, const struct error *error, enum error_kind kind,
                                  const char *part)
{
    assert_int_equal(result, -1);
    if (error->kind != kind || !strstr(error->message, part))
        fail_msg("expected an error of kind %d with \"%s\", got kind %d: %s", (int)kind, part,
                 (int)error->kind, error->message);
}

/* A call that must succeed. */
static inline void expect_success(int result, const struct error *error)
{
    if (result != 0)
        fail_msg("expected success, got %d: %s", result, result < 0 ? error->message : "");
}

/* A new private folder; `path` takes PRIVATE_PATH_SIZE bytes. */
enum { PRIVATE_PATH_SIZE = 32 };

static inline void make_private_folder(char *path)
{
    umask(022); /* what a group may write is not trusted */
    strcpy(path, "/tmp/mimo-test.XXXXXX");
    assert_non_null(mkdtemp(path));
}

static inline int remove_one(const char *path, const struct stat *status, int kind,
                             struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void remove_private_folder(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* How many descriptors this process has open. */
static inline int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* Runs `body` in a child, which ends with what it returns and never goes on with our tests. Returns
 * the wait status. */
static inline int wait_status_of(int (*body)(void *context), void *context)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body(context));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static inline void expect_child_succeeds(int (*body)(void *context), void *context)
{
    int status = wait_status_of(body, context);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with wait status %#x", (unsigned)status);
}

/* In such a body: says what does not hold, and ends it. */
#define CHILD_EXPECT(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

#endif
