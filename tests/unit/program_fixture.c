/* SPDX-License-Identifier: Apache-2.0 */
/* program_fixture.c - a task of the operator's own, run by a real mimo-launcher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/io.h"
#include "program_fixture.h"

#define TASK_ID "3f0c2b1e-58a4-4d2b-9a57-0d6f1f2f7c11"

enum { PART_SIZE = 4096 };

static struct {
    char folder[64];
    char task[PART_SIZE];
    char sandbox[PART_SIZE];
    char steps[PART_SIZE];
} files;

static void append(char *part, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *part, const char *format, ...)
{
    size_t used = strlen(part);
    va_list arguments;
    va_start(arguments, format);
    assert_true(vsnprintf(part + used, PART_SIZE - used, format, arguments) <
                (int)(PART_SIZE - used));
    va_end(arguments);
}

int programs_set_up(void **state)
{
    (void)state;
    memset(&files, 0, sizeof(files));
    snprintf(files.folder, sizeof(files.folder), "/tmp/mimo-test-programs-XXXXXX");
    if (!mkdtemp(files.folder) || chmod(files.folder, 0755) < 0)
        return -1;
    append(files.task, "[task]\nid = %s\nname = Test\nshort_name = test\nsummary = is a test\n",
           TASK_ID);
    append(files.sandbox, "[sandbox]\nread = /usr\nexecute = /usr/bin\n");
    return 0;
}

int programs_tear_down(void **state)
{
    (void)state;
    DIR *folder = opendir(files.folder);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    return rmdir(files.folder);
}

const char *programs_path(const char *name)
{
    static char ring[8][256];
    static unsigned next;
    char *path = ring[next++ % 8];
    snprintf(path, sizeof(ring[0]), "%s/%s", files.folder, name);
    return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

void programs_file(const char *name, const char *first_line, const char *text)
{
    char script[PART_SIZE];
    assert_true(snprintf(script, sizeof(script), "%s\n%s", first_line, text) < (int)sizeof(script));
    write_file(programs_path(name), script, 0755);
}

void programs_script(const char *name, const char *text)
{
    programs_file(name, "#!/bin/sh", text);
}

void programs_copy(const char *name)
{
    char path[512], *program = NULL;
    size_t length;
    launcher_path(path, sizeof(path));
    *strrchr(path, '/') = '\0';
    assert_true(strlen(path) + sizeof "/tests/unit/" + strlen(name) < sizeof(path));
    strcat(strcat(path, "/tests/unit/"), name);
    if (io_read_file(path, 64 << 20, &program, &length, NULL) < 0)
        fail_msg("%s is missing: build it first", path);
    FILE *file = fopen(programs_path(name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(program, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(programs_path(name), 0755), 0);
    free(program);
}

void programs_task(const char *lines)
{
    append(files.task, "%s", lines);
}

void programs_sandbox(const char *lines)
{
    append(files.sandbox, "%s", lines);
}

void programs_sandbox_only(const char *lines)
{
    *files.sandbox = '\0';
    append(files.sandbox, "[sandbox]\n%s", lines);
}

void programs_step(const char *name, const char *command, const char *lines)
{
    const char *arguments = strchr(command, ' ');
    size_t length = arguments ? (size_t)(arguments - command) : strlen(command);
    char program[128];
    snprintf(program, sizeof(program), "%.*s", (int)length, command);
    append(files.steps, "[step %s]\nprogram = %s%s\n%s", name,
           *program == '/' ? program : programs_path(program), arguments ? arguments : "",
           lines ? lines : "");
}

void programs_start(const struct programs_options *options, struct launcher_process *launcher)
{
    char text[3 * PART_SIZE], directory[128], user[64], abi[32];
    const char *arguments[8] = {directory, user};
    size_t count = 2;
    snprintf(text, sizeof(text), "%s%s%s", files.task, files.sandbox, files.steps);
    write_file(programs_path("test.conf"), text, 0644);
    snprintf(directory, sizeof(directory), "--set=tasks.directory=%s", files.folder);
    /* A user of the test's own: what others that run beside it have started counts for theirs. */
    snprintf(user, sizeof(user), "--set=actuator.worker_user=%d", 61400 + (int)getpid() % 1000);
    snprintf(abi, sizeof(abi), "--landlock-abi=%d", options->landlock_abi - 1);
    if (options->landlock_abi > 0)
        arguments[count++] = abi;
    for (size_t i = 0; options->settings && options->settings[i]; i++)
        arguments[count++] = options->settings[i];
    launcher_start(launcher, &(struct launcher_options){
                                 .ordinary_user = options->ordinary_user,
                                 .without_namespaces = options->without_namespaces,
                                 .with_cgroup = options->with_cgroup,
                                 .lock = options->lock,
                                 .arguments = arguments,
                             });
}

/* The hook of a request has no context. */
static const struct programs_options *launched;

static void name_the_task(struct launcher_launch *order, int *document)
{
    (void)document;
    memcpy(order->external_task, TASK_ID, sizeof(TASK_ID));
    order->file_size = 1024 * 1024;
    order->processes = launched->processes ? launched->processes : 32;
}

void programs_launch(struct launcher_process *launcher, const struct programs_options *options,
                     struct attempt *ret_attempt)
{
    launched = options;
    attempt_launch(
        launcher,
        &(struct attempt_request){
            .task = TASK_ID,
            .parameters = options->parameters ? options->parameters : "{\"hello\":\"program\"}",
            .port = options->port,
            .alarm_seconds = options->alarm_seconds,
            .memory = options->memory,
            .attempt_memory = options->attempt_memory,
            .change = name_the_task,
        },
        ret_attempt);
}

void programs_run(const struct programs_options *options, struct attempt *ret_attempt)
{
    struct launcher_process launcher;
    programs_start(options, &launcher);
    programs_launch(&launcher, options, ret_attempt);
    attempt_finish(&launcher, ret_attempt);
    assert_int_equal(launcher_stop(&launcher), 0);
}

void programs_expect_result(const struct attempt *attempt, enum outcome_kind outcome,
                            const char *message)
{
    if (!attempt->has_result)
        fail_msg("no result, wait status %#x, but: %s", (unsigned)attempt->wait_status,
                 attempt->reported);
    assert_string_equal(attempt->message, message);
    assert_int_equal(attempt->result, outcome);
    assert_int_equal(attempt->wait_status, 0);
}

void programs_expect_report(const struct attempt *attempt, const char *text)
{
    if (!strstr(attempt->reported, text))
        fail_msg("\"%s\" was not reported, but: %s", text, attempt->reported);
}

void programs_run_script(const char *script, const char *lines, struct attempt *attempt)
{
    programs_script("script", script);
    programs_step("look", "script", lines);
    programs_run(&(struct programs_options){0}, attempt);
}
