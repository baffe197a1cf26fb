/* SPDX-License-Identifier: Apache-2.0 */
/* test_external_task.c - the file of a task of the operator's own: what may stand there, and what
 * is said where something else does. */
#include "external_fixture.h"
#include "mimo/document.h"
#include "mimo/external_task.h"

#define TASK EXTERNAL_TASK
#define STEP EXTERNAL_STEP

static struct external_task *read_good(const char *text)
{
    struct external_task *task;
    struct error error;

    write_file(fixture.path, text);
    expect_success(external_task_read(fixture.path, &task, &error), &error);
    return task;
}

/* The whole message, without the path of the file in front. */
static void expect_message(const char *expected)
{
    struct external_task *task;
    struct error error;
    size_t length = strlen(fixture.path);

    assert_int_equal(external_task_read(fixture.path, &task, &error), -1);
    assert_int_equal(strncmp(error.message, fixture.path, length), 0);
    assert_string_equal(error.message + length, expected);
}

static void expect_wrong(const char *text, const char *expected)
{
    write_file(fixture.path, text);
    expect_message(expected);
}

static void expect_words(char *const *words, const char *expected)
{
    char text[512] = "";

    assert_non_null(words);
    for (; *words; words++)
        strcat(strcat(text, *words), "|");
    assert_string_equal(text, expected);
}

static void a_file_that_says_everything_is_read(void **state)
{
    (void)state;
    struct external_task *task =
        read_good("[task]\nid = 3F0C2B1E-58a4-4d2b-9a57-0d6f1f2f7c11  ; for ever\n"
                  "name = Node Report\nshort_name = node-report\nsummary = reports nodes\n"
                  "cluster = yes\nparameters = yes\ntimeout = 10m\n"
                  "patches = properties.operatorFlags properties.a.b\npatches = properties.c\n"
                  "[sandbox]\nread = /usr /etc\nread = /bin\nexecute = /usr/bin/env\n"
                  "memory = 1G\nopen_files = 100\ncpu = 90s\nfile_size = 3M\nprocesses = 5\n"
                  "[step look at nodes]\nprogram = /bin/true --all  -x\narguments = y z\n"
                  "arguments = last\ntimeout = 5m\n"
                  "[step wait]\nprogram = /bin/false\npoll = 20s\n");

    assert_string_equal(task->task.id, EXTERNAL_ID);
    assert_string_equal(task->task.name, "Node Report");
    assert_string_equal(task->task.short_name, "node-report");
    assert_string_equal(task->task.summary, "reports nodes");
    assert_int_equal(task->task.flags, TASK_NEEDS_CLUSTER);
    assert_ptr_equal(task->task.external, task);
    assert_string_equal(task->file, fixture.path);
    assert_non_null(task->task.check_parameters);
    assert_int_equal(task->timeout_milliseconds, 600000);
    assert_string_equal(task->task.patches[0], "properties.operatorFlags");
    assert_string_equal(task->task.patches[1], "properties.a.b");
    assert_string_equal(task->task.patches[2], "properties.c");
    assert_null(task->task.patches[3]);
    expect_words(task->read, "/usr|/etc|/bin|");
    expect_words(task->execute, "/usr/bin/env|");
    assert_int_equal(task->limits.memory, 1 << 30);
    assert_int_equal(task->limits.open_files, 100);
    assert_int_equal(task->limits.cpu_milliseconds, 90000);
    assert_int_equal(task->limits.file_size, 3 << 20);
    assert_int_equal(task->limits.processes, 5);
    assert_int_equal(task->step_count, 2);
    assert_string_equal(task->steps[0].name, "look at nodes");
    expect_words(task->steps[0].arguments, "/bin/true|--all|-x|y|z|last|");
    assert_int_equal(task->steps[0].timeout_milliseconds, 300000);
    assert_int_equal(task->steps[0].poll_milliseconds, 0);
    assert_string_equal(task->steps[1].name, "wait");
    assert_int_equal(task->steps[1].poll_milliseconds, 20000);
    external_task_free(task);
}

static void what_a_file_leaves_out_has_defaults(void **state)
{
    (void)state;
    struct external_task *task = read_good(TASK STEP);

    assert_int_equal(task->task.flags, 0);
    assert_null(task->task.check_parameters);
    assert_null(task->task.patches);
    assert_int_equal(task->timeout_milliseconds, 0);
    assert_int_equal(task->limits.memory, 0);
    assert_int_equal(task->limits.open_files, 0);
    assert_int_equal(task->limits.processes, 32);
    assert_string_equal(task->read[0], "/usr");
    expect_words(task->execute, "");
    external_task_free(task);
}

static void a_task_may_read_nothing_at_all(void **state)
{
    (void)state;
    struct external_task *task = read_good(TASK "[sandbox]\nread =\n" STEP);

    expect_words(task->read, "");
    external_task_free(task);
}

static void parameters_are_for_the_programs_to_check(void **state)
{
    (void)state;
    struct external_task *task = read_good(TASK "parameters = yes\n" STEP);
    struct json_object *any = document_pack("{s:i}", "any", 1);

    assert_int_equal(task->task.check_parameters(any, NULL), 0);
    json_object_put(any);
    external_task_free(task);
}

static void what_must_be_there_is_asked_for(void **state)
{
    (void)state;
    expect_wrong("", ": there is no section [task]");
    expect_wrong("# nothing\n[sandbox]\n", ": there is no section [task]");
    expect_wrong(TASK, ": there is no section [step NAME]: a task has at least one");
    expect_wrong("\n[task]\n" STEP,
                 ":2: [task] id is missing: a UUID that never changes; uuidgen makes one");
    expect_wrong("[task]\nid = " EXTERNAL_ID "\n" STEP,
                 ":1: [task] name is missing: such as Node Report");
    expect_wrong("[task]\nid = " EXTERNAL_ID "\nname = N\n" STEP,
                 ":1: [task] short_name is missing: such as node-report");
    expect_wrong("[task]\nid = " EXTERNAL_ID "\nname = N\nshort_name = n\n" STEP,
                 ":1: [task] summary is missing: one line for the list of tasks");
    expect_wrong(TASK "[step a]\ntimeout = 1s\n" STEP,
                 ":6: [step a] program is missing: the absolute path of a program, with its "
                 "arguments");
}

static void what_is_unknown_is_refused_with_what_there_is(void **state)
{
    (void)state;
    expect_wrong("[tasks]\n",
                 ":1: there is no section [tasks]; there are: [task], [sandbox], [step NAME]");
    expect_wrong("[stepping]\n",
                 ":1: there is no section [stepping]; there are: [task], [sandbox], [step NAME]");
    expect_wrong(TASK "color = red\n",
                 ":6: [task] there is no key \"color\" here; there are: id, name, short_name, "
                 "summary, cluster, parameters, patches, timeout");
    expect_wrong("[sandbox]\nwrite = /\n",
                 ":2: [sandbox] there is no key \"write\" here; there are: read, execute, memory, "
                 "open_files, cpu, file_size, processes");
    expect_wrong("[step a]\nid = 1\n", ":2: [step a] there is no key \"id\" here; there are: "
                                       "program, arguments, timeout, poll");
    expect_wrong("id = 1\n", ":1: key \"id\" comes before any [section]");
    expect_wrong("[task\n", ":1: the section has no closing ]");
    expect_wrong("[task]\nnonsense\n", ":2: neither a [section], a key = value, nor a comment");
}

static void nothing_may_stand_there_twice(void **state)
{
    (void)state;
    expect_wrong("[task]\nname = a\nname = b\n",
                 ":3: [task] name is set twice: remove one of the two");
    expect_wrong("[task]\n[sandbox]\n[task]\n", ":3: section [task] began in line 1 already");
    expect_wrong("[step a]\n[step b]\n[step a]\n", ":3: there is a step \"a\" already");
    expect_wrong("[step a]\nprogram = /bin/true\nprogram = /bin/true\n",
                 ":3: [step a] program is set twice: remove one of the two");
    expect_wrong("[step a]\ntimeout = 1s\n[step b]\ntimeout = 1s\npoll = 0\npoll = 0\n",
                 ":6: [step b] poll is set twice: remove one of the two");
}

static void names_have_their_form(void **state)
{
    (void)state;
    expect_wrong("[task]\nid = 3f0c2b1e\n",
                 ":2: [task] id: \"3f0c2b1e\" is not a UUID; uuidgen makes one");
    expect_wrong("[task]\nname =\n",
                 ":2: [task] name: \"\" is not a name of 1 to 60 bytes, such as Node Report");
    expect_wrong("[task]\nname = 1234567890123456789012345678901234567890123456789012345678901\n",
                 ":2: [task] name: "
                 "\"1234567890123456789012345678901234567890123456789012345678901\" is not a name "
                 "of 1 to 60 bytes, such as Node Report");
    static const char *const names[] = {"", "Node", "9lives", "a b", "-a", "a_b", EXTERNAL_ID};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[128], expected[256];
        snprintf(text, sizeof(text), "[task]\nshort_name = %s\n", names[i]);
        snprintf(expected, sizeof(expected),
                 ":2: [task] short_name: \"%s\" is not a short name: at most 40 of a-z, 0-9 and "
                 "\"-\", a letter first, no UUID",
                 names[i]);
        expect_wrong(text, expected);
    }
    expect_wrong("[task]\nshort_name = deadbeef-58a4-4d2b-9a57-0d6f1f2f7c11\n",
                 ":2: [task] short_name: \"deadbeef-58a4-4d2b-9a57-0d6f1f2f7c11\" is not a short "
                 "name: at most 40 of a-z, 0-9 and \"-\", a letter first, no UUID");
    expect_wrong("[task]\nsummary =\n",
                 ":2: [task] summary: \"\" is not a summary of 1 to 160 bytes");
    expect_wrong("[task]\nname = a\tb\n",
                 ":2: [task] name: must be a text of one line without control characters");
    expect_wrong("[step]\n",
                 ":1: a step has a name, as in [step look at nodes], one blank before it");
    expect_wrong("[step  a]\n",
                 ":1: a step has a name, as in [step look at nodes], one blank before it");
}

static void values_have_their_bounds(void **state)
{
    (void)state;
    expect_wrong("[task]\ncluster = true\n", ":2: [task] cluster: \"true\" is not yes or no");
    expect_wrong("[task]\nparameters = 1\n", ":2: [task] parameters: \"1\" is not yes or no");
    expect_wrong("[task]\ntimeout = 0\n",
                 ":2: [task] timeout: \"0\" is not a duration from 1s to 1d, in ms, s, m, h or d");
    expect_wrong("[sandbox]\nmemory = 31M\n",
                 ":2: [sandbox] memory: \"31M\" is not a size from 32M to 64G, such as 4096, 64K, "
                 "256M or 1G");
    expect_wrong("[sandbox]\nopen_files = 15\n",
                 ":2: [sandbox] open_files: \"15\" is not a whole number from 16 to 4096");
    expect_wrong("[sandbox]\ncpu = 25h\n",
                 ":2: [sandbox] cpu: \"25h\" is not a duration from 0 to 1d, in ms, s, m, h or d");
    expect_wrong("[sandbox]\nfile_size = 2G\n",
                 ":2: [sandbox] file_size: \"2G\" is not a size from 0 to 1G, such as 4096, 64K, "
                 "256M or 1G");
    expect_wrong("[sandbox]\nprocesses = 0\n",
                 ":2: [sandbox] processes: \"0\" is not a whole number from 1 to 4096");
    expect_wrong(
        "[step a]\ntimeout = 5min\n",
        ":2: [step a] timeout: \"5min\" is not a duration from 0 to 1d, in ms, s, m, h or d");
    expect_wrong("[step a]\npoll = 2h\n",
                 ":2: [step a] poll: \"2h\" is not a duration from 0 to 1h, in ms, s, m, h or d");
    expect_wrong(TASK "timeout = 1m\n[step a]\nprogram = /bin/true\ntimeout = 2m\n",
                 ":7: [step a] timeout: must not be longer than the timeout of [task], whose alarm "
                 "would end it first");
}

static void patches_are_paths_below_properties(void **state)
{
    static const char *const wrong[] = {"properties",    "properties.",   "tags.a",
                                        "properties..a", "properties.a.", "properties.a/b"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[128], expected[256];
        snprintf(text, sizeof(text), "[task]\npatches = properties.good %s\n", wrong[i]);
        snprintf(expected, sizeof(expected),
                 ":2: [task] patches: \"%s\" is not a path of the cluster document such as "
                 "properties.operatorFlags, names joined by dots",
                 wrong[i]);
        expect_wrong(text, expected);
    }
    expect_wrong("[task]\npatches = properties.a properties.b properties.c properties.d "
                 "properties.e properties.f properties.g properties.h properties.i\n"
                 "patches = properties.j properties.k properties.l properties.m properties.n "
                 "properties.o properties.p properties.q\n",
                 ":3: [task] patches: at most 16 words are allowed");
}

static void lists_have_an_end(void **state)
{
    char text[8192] = "[sandbox]\n";

    (void)state;
    for (int i = 0; i < 65; i++)
        strcat(text, "read = /usr\n");
    expect_wrong(text, ":66: [sandbox] read: at most 64 words are allowed");
    strcpy(text, "[step a]\nprogram = /bin/true");
    for (int i = 0; i < 32; i++)
        strcat(text, " 1");
    strcat(text, "\narguments =");
    for (int i = 0; i < 32; i++)
        strcat(text, " 1");
    expect_wrong(text, ":3: [step a] arguments: at most 64 words are allowed");
    text[0] = '\0';
    for (int i = 0; i < 101; i++)
        snprintf(text + strlen(text), 32, "[step %d]\n", i);
    expect_wrong(text, ":101: these are more than 100 steps, which is the most");
}

static void paths_are_absolute_and_there(void **state)
{
    (void)state;
    expect_wrong("[sandbox]\nread = /usr lib\n",
                 ":2: [sandbox] read: \"lib\" is not an absolute path, which begins with /");
    expect_wrong("[sandbox]\nread = /nowhere\n", ":2: [sandbox] read: there is no /nowhere");
    expect_wrong("[sandbox]\nexecute = env\n",
                 ":2: [sandbox] execute: \"env\" is not an absolute path, which begins with /");
    expect_wrong("[sandbox]\nexecute = /usr/bin/nothing-of-this-name\n",
                 ":2: [sandbox] execute: there is no /usr/bin/nothing-of-this-name");
    expect_wrong("[step a]\nprogram = true\n",
                 ":2: [step a] program: \"true\" is not an absolute path, which begins with /");
    expect_wrong("[step a]\nprogram =\n",
                 ":2: [step a] program: \"\" is not an absolute path, which begins with /");
    expect_wrong("[step a]\nprogram = /bin/nothing-of-this-name\n",
                 ":2: [step a] program: there is no /bin/nothing-of-this-name");
    expect_wrong("[step a]\nprogram = /usr/bin\n", ":2: [step a] program: /usr/bin is not a file");
    expect_wrong("[step a]\narguments = x\n", ":2: [step a] arguments: must come after program");
    expect_wrong("[step a]\narguments =\nprogram = /bin/true\narguments = x\n",
                 ":2: [step a] arguments: must come after program");
}

/* A file whose step runs the program of the fixture; what is said of the program, in the middle of
 * which and at the end of which its path stands. */
static void expect_untrusted(const char *what, const char *remedy)
{
    char text[512], expected[512];

    snprintf(text, sizeof(text), TASK "[step a]\nprogram = %s\n", fixture.program);
    snprintf(expected, sizeof(expected), ":7: [step a] program: %s %s: %s %s", fixture.program,
             what, remedy, fixture.program);
    expect_wrong(text, expected);
}

static void a_program_can_be_executed_and_is_nobody_elses_to_change(void **state)
{
    (void)state;
    assert_int_equal(chmod(fixture.program, 0644), 0);
    expect_untrusted("cannot be executed by the users of workers", "chmod a+rx");
    assert_int_equal(chmod(fixture.program, 0775), 0);
    expect_untrusted("is writable by users other than its owner", "chmod go-w");
    assert_int_equal(chmod(fixture.program, 0757), 0);
    expect_untrusted("is writable by users other than its owner", "chmod go-w");
    if (geteuid() != 0)
        return; /* only root gives files away */
    assert_int_equal(chmod(fixture.program, 0755), 0);
    assert_int_equal(chown(fixture.program, 4711, 0), 0);
    expect_untrusted("belongs to user 4711 and could be changed by them", "chown root");
}

/* The message in which each % is the path of the program. */
static void expect_unfit(const char *content, const char *message)
{
    char text[512], expected[1024] = ":7: [step a] program: ";
    FILE *file = fopen(fixture.program, "we");

    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    for (const char *rest = message; *rest; rest++) {
        size_t used = strlen(expected);
        if (*rest == '%')
            snprintf(expected + used, sizeof(expected) - used, "%s", fixture.program);
        else
            snprintf(expected + used, sizeof(expected) - used, "%c", *rest);
    }
    snprintf(text, sizeof(text), TASK "[step a]\nprogram = %s\n", fixture.program);
    expect_wrong(text, expected);
}

static void a_program_is_one_that_can_start(void **state)
{
    char text[512];

    (void)state;
    expect_unfit("#!/bin/sh\r\nexit 0\r\n",
                 "% has a carriage return in its first line, which the kernel takes for a part of "
                 "the interpreter's name: save it with Unix line ends (sed -i 's/\\r$//' %)");
    expect_unfit("\xef\xbb\xbf#!/bin/sh\n",
                 "% begins with a byte order mark, so the kernel does not see its #!: save it as "
                 "UTF-8 without one (sed -i '1s/^\\xEF\\xBB\\xBF//' %)");
    expect_unfit(
        "echo hello\n",
        "% is neither an ELF program nor a script: a script begins with #! and the path of "
        "its interpreter, such as #!/bin/sh");
    expect_unfit("", "% is neither an ELF program nor a script: a script begins with #! and the "
                     "path of its interpreter, such as #!/bin/sh");
    expect_unfit("#!sh\n", "% names no interpreter after #! in its first line: it must be an "
                           "absolute path, such as #!/bin/sh");
    expect_unfit("#! \n", "% names no interpreter after #! in its first line: it must be an "
                          "absolute path, such as #!/bin/sh");
    expect_unfit("#!/no/such/interpreter -x\n",
                 "% names the interpreter /no/such/interpreter in its first line, and there is no "
                 "such file: install it or correct the line");
    write_file(fixture.program, "#! /usr/bin/env sh\n\r\n");
    assert_int_equal(chmod(fixture.program, 0755), 0);
    snprintf(text, sizeof(text), TASK "[step a]\nprogram = %s\n", fixture.program);
    external_task_free(read_good(text));
}

/* By way of a link too, the folder that the target is in included. */
static void what_a_link_leads_to_is_nobody_elses_to_change(void **state)
{
    char folder[PRIVATE_PATH_SIZE + 8], target[PRIVATE_PATH_SIZE + 16];
    char text[512], expected[512];

    (void)state;
    snprintf(folder, sizeof(folder), "%s/open", fixture.folder);
    snprintf(target, sizeof(target), "%s/x.sh", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(rename(fixture.program, target), 0);
    assert_int_equal(symlink(target, fixture.program), 0);
    snprintf(text, sizeof(text), TASK "[step a]\nprogram = %s\n", fixture.program);
    external_task_free(read_good(text));

    assert_int_equal(chmod(folder, 0777), 0);
    snprintf(
        expected, sizeof(expected),
        ":7: [step a] program: %s: %s is writable by users other than its owner: chmod go-w %s",
        fixture.program, folder, folder);
    expect_message(expected);
    assert_int_equal(chmod(folder, 01777), 0); /* like /tmp: what is in it stays its owner's */
    external_task_free(read_good(text));
}

static void the_file_itself_is_nobody_elses_to_change(void **state)
{
    struct external_task *task;
    struct error error;

    (void)state;
    write_file(fixture.path, TASK STEP);
    assert_int_equal(chmod(fixture.path, 0664), 0);
    expect_failure(external_task_read(fixture.path, &task, &error), &error, ERROR_DENIED,
                   "a.conf is writable by users other than its owner: chmod go-w ");
    assert_int_equal(chmod(fixture.path, 0644), 0);
    assert_int_equal(chmod(fixture.folder, 0777), 0);
    expect_failure(external_task_read(fixture.path, &task, &error), &error, ERROR_DENIED,
                   "is writable by users other than its owner: chmod go-w ");
    assert_int_equal(chmod(fixture.folder, 0700), 0);
    expect_failure(external_task_read("a.conf", &task, &error), &error, ERROR_INVALID,
                   "the path must begin with /");
    expect_failure(external_task_read("/nowhere/a.conf", &task, &error), &error, ERROR_NOT_FOUND,
                   "cannot open /nowhere");
    assert_int_equal(unlink(fixture.path), 0);
    assert_int_equal(mkdir(fixture.path, 0755), 0);
    expect_failure(external_task_read(fixture.path, &task, &error), &error, ERROR_INVALID,
                   "cannot read the task's file: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_file_that_says_everything_is_read),
        WITH_FOLDER(what_a_file_leaves_out_has_defaults),
        WITH_FOLDER(a_task_may_read_nothing_at_all),
        WITH_FOLDER(parameters_are_for_the_programs_to_check),
        WITH_FOLDER(what_must_be_there_is_asked_for),
        WITH_FOLDER(what_is_unknown_is_refused_with_what_there_is),
        WITH_FOLDER(nothing_may_stand_there_twice),
        WITH_FOLDER(names_have_their_form),
        WITH_FOLDER(values_have_their_bounds),
        WITH_FOLDER(patches_are_paths_below_properties),
        WITH_FOLDER(lists_have_an_end),
        WITH_FOLDER(paths_are_absolute_and_there),
        WITH_FOLDER(a_program_can_be_executed_and_is_nobody_elses_to_change),
        WITH_FOLDER(a_program_is_one_that_can_start),
        WITH_FOLDER(what_a_link_leads_to_is_nobody_elses_to_change),
        WITH_FOLDER(the_file_itself_is_nobody_elses_to_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
