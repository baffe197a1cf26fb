/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher_death.c - an attempt ends in time, whoever of its family is stopped.
 *
 * The test is a supervisor that does nothing, as if it were stopped too. Attempts of every kind run
 * at the same time; each of their processes, and each pair of them, is stopped by SIGSTOP, the
 * launcher among them. Then all processes of all attempts have to be dead soon after their alarm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/worker_guard.h"
#include "mimo/clock.h"
#include "program_fixture.h"

/* Milliseconds from the alarm to the end of the lease: MARGIN of the supervisor. */
enum { LEASE_MARGIN = 15000 };

/* --- What /proc shows --- */

enum { FAMILY_MAXIMUM = 64 };

struct process {
    int pid;
    int parent;
    char state;
    unsigned flags;
    unsigned long long started; /* with the pid it names the process for good */
};

static bool read_process(int pid, struct process *ret_process)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        (void)fclose(file);
    text[length] = '\0';
    const char *rest = strrchr(text, ')');
    *ret_process = (struct process){.pid = pid};
    return rest && sscanf(rest + 1,
                          " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                          "%*d %llu",
                          &ret_process->state, &ret_process->parent, &ret_process->flags,
                          &ret_process->started) == 4;
}

/* PF_EXITING of the kernel: it runs nothing any more, as a zombie does not. A lock is released on the
 * way. */
enum { FLAG_EXITING = 4 };

static bool is_alive(const struct process *process)
{
    struct process now;
    return read_process(process->pid, &now) && now.started == process->started &&
           !(now.flags & FLAG_EXITING);
}

/* An attempt's processes: the guard (or the worker of a task that is built in), the runner, then
 * programs. */
struct family {
    size_t count;
    struct process members[FAMILY_MAXIMUM];
};

static bool has_member(const struct family *family, int pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->members[i].pid == pid)
            return true;
    return false;
}

/* Adds the children of those that are in it; true when there were new ones. */
static bool add_generation(struct family *family)
{
    DIR *processes = opendir("/proc");
    bool grew = false;
    assert_non_null(processes);
    for (const struct dirent *entry; (entry = readdir(processes));) {
        struct process process;
        int pid = atoi(entry->d_name);
        if (pid <= 0 || has_member(family, pid) || !read_process(pid, &process) ||
            !has_member(family, process.parent) || process.state == 'Z')
            continue;
        assert_true(family->count < FAMILY_MAXIMUM);
        family->members[family->count++] = process;
        grew = true;
    }
    closedir(processes);
    return grew;
}

static void find_family(int pid, struct family *ret_family)
{
    *ret_family = (struct family){.count = 1};
    assert_true(read_process(pid, &ret_family->members[0]));
    while (add_generation(ret_family))
        ;
}

static const struct process *find_alive(const struct family *families, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < families[i].count; j++)
            if (is_alive(&families[i].members[j]))
                return &families[i].members[j];
    return NULL;
}

static void expect_all_dead_by(const struct family *families, size_t count, int64_t deadline)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    const struct process *alive;
    while ((alive = find_alive(families, count)) && clock_monotonic().milliseconds < deadline)
        nanosleep(&pause, NULL);
    if (alive) {
        struct process now = *alive;
        read_process(alive->pid, &now);
        fail_msg("process %d (state %c, child of %d) is alive after its lease", now.pid, now.state,
                 now.parent);
    }
}

/* --- Attempts --- */

/* What an attempt does, and keeps doing. */
static const struct {
    const char *name;
    const char *parameters; /* of the practice task, or of the program */
    bool is_built_in;
} kinds[] = {
    {"built in", "{\"steps\":[{\"name\":\"wait\",\"sleepMs\":3600000}]}", true},
    {"shell", "{\"kind\":\"shell\"}"},
    {"python", "{\"kind\":\"python\"}"},
    {"hostile", "{\"attack\":\"outlive_worker\",\"target\":\"\"}"},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(*kinds) };

/* One task, whose program does what the parameters name. */
static void write_programs(void)
{
    programs_copy("hostile_program");
    programs_file("python", "#!/usr/bin/python3",
                  "import subprocess, sys, time\n"
                  "try:\n"
                  "    subprocess.Popen(['/bin/sleep', '1000'], start_new_session=True)\n"
                  "except PermissionError:\n"
                  "    subprocess.Popen(['/bin/sleep', '1000'])\n"
                  "sys.stderr.write('begun\\n'); sys.stderr.flush(); time.sleep(1000)\n");
    programs_script("start", "trap '' TERM\n"
                             "case \"$(cat)\" in\n"
                             "*outlive*) exec ${0%/*}/hostile_program </proc/self/fd/0;;\n"
                             "*python*) exec ${0%/*}/python;;\n"
                             "esac\n"
                             "(sleep 1000 & sleep 1000) & echo begun >&2; sleep 1000\n");
    programs_task("parameters = yes\n");
    programs_sandbox_only("read = /usr /proc\nexecute = /usr/bin\n");
}

static void write_task(const char *lines)
{
    char execute[256];
    write_programs();
    snprintf(execute, sizeof(execute), "execute = %s\n", programs_path("hostile_program"));
    programs_sandbox(execute);
    snprintf(execute, sizeof(execute), "execute = %s\n", programs_path("python"));
    programs_sandbox(execute);
    programs_step("run", "start", lines);
}

static void launch(struct launcher_process *launcher, const struct programs_options *options,
                   size_t kind, uint32_t alarm_seconds, struct attempt *attempt)
{
    struct programs_options order = *options;
    order.alarm_seconds = alarm_seconds;
    order.parameters = kinds[kind].parameters;
    if (kinds[kind].is_built_in)
        attempt_launch(launcher,
                       &(struct attempt_request){.parameters = kinds[kind].parameters,
                                                 .alarm_seconds = alarm_seconds},
                       attempt);
    else
        programs_launch(launcher, &order, attempt);
}

static void await_begin(struct attempt *attempt, size_t kind, struct family *family)
{
    attempt_await_report(attempt, kinds[kind].is_built_in ? "\"step\"" : "begun");
    find_family(attempt->pid, family);
}

static void begin(struct launcher_process *launcher, const struct programs_options *options,
                  size_t kind, struct attempt *attempt, struct family *family)
{
    launch(launcher, options, kind, 60, attempt);
    await_begin(attempt, kind, family);
}

/* --- Who is stopped --- */

enum { THE_GUARD = 1, THE_RUNNER = 2, THE_PROGRAM = 4, THE_LAUNCHER = 8 };

static void stop(int pid)
{
    struct process now;
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    kill(pid, SIGSTOP); /* one that has ended meanwhile need not be stopped */
    while (read_process(pid, &now) && strchr("RSD", now.state))
        nanosleep(&pause, NULL);
}

static void stop_members(const struct family *family, unsigned victims)
{
    for (size_t i = 0; i < family->count; i++)
        if (victims & (i == 0 ? THE_GUARD : i == 1 ? THE_RUNNER : THE_PROGRAM))
            stop(family->members[i].pid);
}

enum { SETS_MAXIMUM = 8, ALARM_LEAST = 2 }; /* seconds */

/* An alarm before which `set_count` times all kinds have begun, however busy this machine is: from
 * how long one time takes. */
static uint32_t choose_alarm(struct launcher_process *launcher,
                             const struct programs_options *options, size_t set_count)
{
    struct monotonic began = clock_monotonic();
    struct attempt attempts[KIND_COUNT];
    static struct family families[KIND_COUNT];
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        begin(launcher, options, kind, &attempts[kind], &families[kind]);
    int64_t once = clock_elapsed(began);
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        launcher_signal(launcher, &attempts[kind], SIGKILL);
        attempt_finish(launcher, &attempts[kind]);
    }
    return ALARM_LEAST + (uint32_t)((int64_t)set_count * once * 2 / 1000);
}

static void stop_and_expect_death(const struct programs_options *options, const unsigned *sets,
                                  size_t set_count)
{
    static struct attempt attempts[SETS_MAXIMUM * KIND_COUNT];
    static struct family families[SETS_MAXIMUM * KIND_COUNT];
    struct launcher_process launcher;
    size_t count = set_count * KIND_COUNT;
    write_task(NULL);
    programs_start(options, &launcher);
    uint32_t alarm = choose_alarm(&launcher, options, set_count);
    for (size_t i = 0; i < count; i++)
        launch(&launcher, options, i % KIND_COUNT, alarm, &attempts[i]);
    for (size_t i = 0; i < count; i++)
        await_begin(&attempts[i], i % KIND_COUNT, &families[i]);
    for (size_t i = 0; i < count; i++)
        stop_members(&families[i], sets[i / KIND_COUNT]);
    if (sets[0] & THE_LAUNCHER)
        stop(launcher.pid);
    expect_all_dead_by(families, count,
                       clock_monotonic().milliseconds + (int64_t)alarm * 1000 + LEASE_MARGIN);
    kill(launcher.pid, SIGCONT);
    for (size_t i = 0; i < count; i++)
        attempt_abandon(&attempts[i]);
    assert_int_equal(launcher_stop(&launcher), 0);
}

/* The launcher is in all of a table, or in none. */
static const unsigned beside_the_launcher[] = {
    THE_GUARD,
    THE_RUNNER,
    THE_PROGRAM,
    THE_GUARD | THE_RUNNER,
    THE_GUARD | THE_PROGRAM,
    THE_RUNNER | THE_PROGRAM,
};
static const unsigned with_the_launcher[] = {
    THE_LAUNCHER,
    THE_LAUNCHER | THE_GUARD,
    THE_LAUNCHER | THE_RUNNER,
    THE_LAUNCHER | THE_PROGRAM,
};
/* What a PID namespace can take as well, and nothing else. */
static const unsigned everybody[] = {THE_LAUNCHER | THE_GUARD | THE_RUNNER | THE_PROGRAM};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void stopped_pairs_end_in_time(void **state)
{
    const struct programs_options *options = *state;
    if (!options->ordinary_user && !launcher_can_be_root())
        skip();
    stop_and_expect_death(options, beside_the_launcher, COUNT(beside_the_launcher));
    programs_tear_down(state);
    programs_set_up(state);
    stop_and_expect_death(options, with_the_launcher, COUNT(with_the_launcher));
}

/* A chroot, for example, makes no user namespaces. */
static void stopped_family_ends_in_time(void **state)
{
    const struct programs_options *options = *state;
    if ((!options->ordinary_user && !launcher_can_be_root()) ||
        worker_guard_try_namespace(NULL) != 0)
        skip();
    stop_and_expect_death(options, everybody, COUNT(everybody));
}

/* --- The lock of the state directory --- */

static const char *lock_path(void)
{
    return programs_path("actuator.lock");
}

/* A new actuator may begin as soon as it has the lock: then nothing of the old one may be there. */
static void lock_is_free_when_nothing_is_left(void **state)
{
    struct programs_options options = *(const struct programs_options *)*state;
    struct attempt attempts[KIND_COUNT];
    static struct family families[KIND_COUNT];
    struct launcher_process launcher;
    if (!options.ordinary_user && !launcher_can_be_root())
        skip();
    options.lock = open(lock_path(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(flock(options.lock, LOCK_EX), 0);
    write_task(NULL);
    programs_start(&options, &launcher);
    close(options.lock);
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        begin(&launcher, &options, kind, &attempts[kind], &families[kind]);
    assert_int_equal(kill(launcher.pid, SIGKILL), 0);
    int lock = open(lock_path(), O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    assert_null(find_alive(families, KIND_COUNT));
    close(lock);
    for (size_t kind = 0; kind < KIND_COUNT; kind++)
        attempt_abandon(&attempts[kind]);
    launcher_wait(&launcher, NULL, 0);
}

/* --- The step's own time --- */

static void step_of_a_hostile_program_times_out(void **state)
{
    const struct programs_options *options = *state;
    struct launcher_process launcher;
    struct attempt attempt;
    static struct family family;
    if (!options->ordinary_user && !launcher_can_be_root())
        skip();
    write_task("timeout = 1s\n");
    programs_start(options, &launcher);
    begin(&launcher, options, KIND_COUNT - 1, &attempt, &family);
    attempt_finish(&launcher, &attempt);
    assert_null(find_alive(&family, 1));
    assert_true(attempt.has_result);
    assert_int_equal(attempt.result, OUTCOME_TRANSIENT);
    if (!strstr(attempt.message, "timeout: step run was ended after 1s"))
        fail_msg("the attempt ended with: %s", attempt.message);
    assert_int_equal(launcher_stop(&launcher), 0);
}

/* --- All of it, in each place --- */

static const struct {
    const char *name;
    struct programs_options options;
} places[] = {
    {"root, namespaces", {.ordinary_user = false}},
    {"ordinary user, namespaces", {.ordinary_user = true}},
    {"root, no namespaces", {.without_namespaces = true}},
    {"ordinary user, no namespaces", {.ordinary_user = true, .without_namespaces = true}},
    {"root, cgroup", {.with_cgroup = true}},
    {"root, cgroup, no namespaces", {.with_cgroup = true, .without_namespaces = true}},
    {"ordinary user, cgroup, no namespaces",
     {.ordinary_user = true, .with_cgroup = true, .without_namespaces = true}},
};

static const struct {
    const char *name;
    void (*run)(void **state);
    bool needs_namespaces;
} promises[] = {
    {"stopped pairs end in time", stopped_pairs_end_in_time, false},
    {"a family that is stopped as a whole ends in time", stopped_family_ends_in_time, true},
    {"the lock is free when nothing is left", lock_is_free_when_nothing_is_left, false},
    {"the step of a hostile program times out", step_of_a_hostile_program_times_out, false},
};

/* The state is the place; the fixture has none. */
static int set_up(void **state)
{
    void *none = NULL;
    (void)state;
    return programs_set_up(&none);
}

static int tear_down(void **state)
{
    void *none = NULL;
    (void)state;
    return programs_tear_down(&none);
}

int main(void)
{
    static struct CMUnitTest tests[COUNT(places) * COUNT(promises)];
    static char names[COUNT(tests)][128];
    size_t count = 0;
    for (size_t place = 0; place < COUNT(places); place++)
        for (size_t promise = 0; promise < COUNT(promises); promise++) {
            if (promises[promise].needs_namespaces && places[place].options.without_namespaces)
                continue;
            snprintf(names[count], sizeof(names[count]), "%s: %s", places[place].name,
                     promises[promise].name);
            tests[count] = (struct CMUnitTest){
                .name = names[count],
                .test_func = promises[promise].run,
                .setup_func = set_up,
                .teardown_func = tear_down,
                .initial_state = (void *)(uintptr_t)&places[place].options,
            };
            count++;
        }
    return _cmocka_run_group_tests("how attempts end", tests, count, NULL, NULL);
}
