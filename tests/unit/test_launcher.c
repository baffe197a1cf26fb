/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launcher.c - a real mimo-launcher and its workers, with the test as their supervisor: how
 * attempts end, what ends a launcher, and that nothing outlives it.
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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher_fixture.h"
#include "mimo/exit_codes.h"
#include "patience.h"

static const struct launcher_options as_is = {0};

#define SLEEP "{\"steps\":[{\"name\":\"wait\",\"status\":\"waiting\",\"sleepMs\":3600000}]}"

static int start(void **state)
{
    struct launcher_process *launcher = calloc(1, sizeof(*launcher));
    assert_non_null(launcher);
    launcher_start(launcher, &as_is);
    *state = launcher;
    return 0;
}

/* Whatever a test did, its launcher must still be well. */
static int stop(void **state)
{
    struct launcher_process *launcher = *state;
    assert_int_equal(launcher_stop(launcher), 0);
    free(launcher);
    return 0;
}

/* --- How attempts end --- */

static void attempt_without_steps_succeeds_at_once(void **state)
{
    struct attempt attempt;
    attempt_run(*state, &(struct attempt_request){0}, &attempt);
    assert_int_equal(attempt.wait_status, 0);
    assert_true(attempt.has_result);
    assert_int_equal(attempt.result, OUTCOME_SUCCEEDED);
    assert_in_range(attempt.ended.max_rss_kib, 100, 1024 * 1024);
}

struct ending {
    const char *title;
    const char *step; /* members of the practice step */
    int signal;       /* that ended the worker; 0: it exited */
    int exit_code;
    bool has_result;
    enum outcome_kind result;
    const char *reported; /* part of what came over the pipe */
};

static const struct ending endings[] = {
    {"transient step is reported with exit status 0", "\"then\":\"transient\"", 0, 0, true,
     OUTCOME_TRANSIENT, "fail"},
    {"terminal step is reported with exit status 0",
     "\"then\":\"terminal\",\"message\":\"404 gone\"", 0, 0, true, OUTCOME_TERMINAL, "404 gone"},
    {"crash is seen as its signal", "\"then\":\"crash\"", SIGSEGV, 0, false, 0,
     "\"type\":\"step\""},
    {"exit without a result is seen as its status", "\"then\":\"exit\"", 0, 3, false, 0, "step"},
    {"bytes that are no report arrive as they are", "\"then\":\"garbage\"", 0, 0, false, 0,
     "this is no report"},
    {"call off the list ends a worker and is named", "\"then\":\"forbidden\"", SIGSYS, 0, false, 0,
     "{\"type\":\"forbidden\",\"systemCall\":\"uname\"}"},
    {"file cannot be opened", "\"then\":\"open\"", SIGSYS, 0, false, 0, "\"openat\""},
#ifndef WITH_SANITIZERS /* without a limit there is no end of memory */
    {"memory ends where the order says", "\"then\":\"oom\"", 0, EXIT_WORKER_MEMORY, false, 0,
     "step"},
#endif
};
enum { ENDING_COUNT = sizeof(endings) / sizeof(*endings) };

static struct launcher_process shared;

static int start_shared(void **state)
{
    (void)state;
    launcher_start(&shared, &as_is);
    return 0;
}

static int stop_shared(void **state)
{
    (void)state;
    assert_int_equal(launcher_stop(&shared), 0);
    return 0;
}

static void attempt_ends_as_told(void **state)
{
    const struct ending *ending = *state;
    struct attempt attempt;
    char parameters[256];
    snprintf(parameters, sizeof(parameters), "{\"steps\":[{\"name\":\"only\",%s}]}", ending->step);
    attempt_run(&shared, &(struct attempt_request){.parameters = parameters}, &attempt);
    if (ending->signal) {
        assert_true(WIFSIGNALED(attempt.wait_status));
        assert_int_equal(WTERMSIG(attempt.wait_status), ending->signal);
    } else {
        assert_true(WIFEXITED(attempt.wait_status));
        assert_int_equal(WEXITSTATUS(attempt.wait_status), ending->exit_code);
    }
    assert_int_equal(attempt.has_result, ending->has_result);
    if (ending->has_result)
        assert_int_equal(attempt.result, ending->result);
    if (!strstr(attempt.reported, ending->reported))
        fail_msg("\"%s\" was not reported, but: %s", ending->reported, attempt.reported);
}

static void other_port_than_the_order_s_is_denied(void **state)
{
    struct launcher_process *launcher = *state;
    struct attempt attempt;
    if (launcher->ready.landlock_abi < 4)
        skip();
    attempt_run(launcher,
                &(struct attempt_request){
                    .parameters = "{\"steps\":[{\"then\":\"connect\",\"port\":9}]}", .port = 10},
                &attempt);
    assert_int_equal(attempt.wait_status, 0);
    assert_int_equal(attempt.result, OUTCOME_TERMINAL);
    assert_non_null(strstr(attempt.message, "Permission denied"));
}

static void flood_of_reports_is_written_whole(void **state)
{
    struct attempt attempt;
    attempt_run(*state,
                &(struct attempt_request){.parameters = "{\"steps\":[{\"then\":\"flood\"}]}"},
                &attempt);
    assert_true(attempt.reported_length > REPORT_TOTAL_MAXIMUM);
    assert_int_equal(attempt.wait_status, 0);
}

static void worker_whose_reports_nobody_reads_any_more_says_so(void **state)
{
    struct launcher_process *launcher = *state;
    struct launcher_message message;
    struct attempt attempt;
    attempt_launch(launcher,
                   &(struct attempt_request){.parameters = "{\"steps\":[{\"then\":\"flood\"}]}"},
                   &attempt);
    attempt_abandon(&attempt);
    launcher_expect(launcher, LAUNCHER_ENDED, &message);
    assert_true(WIFEXITED(message.ended.wait_status));
    assert_int_equal(WEXITSTATUS(message.ended.wait_status), EXIT_WORKER_REPORT);
}

static void alarm_ends_an_attempt(void **state)
{
    struct attempt attempt;
    attempt_run(*state, &(struct attempt_request){.parameters = SLEEP, .alarm_seconds = 1},
                &attempt);
    assert_true(WIFSIGNALED(attempt.wait_status));
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGALRM);
    assert_non_null(strstr(attempt.reported, "waiting"));
}

static void sigterm_ends_an_attempt_that_does_not_ignore_it(void **state)
{
    struct launcher_process *launcher = *state;
    struct attempt attempt;
    attempt_launch(launcher, &(struct attempt_request){.parameters = SLEEP}, &attempt);
    attempt_await_report(&attempt, "waiting");
    launcher_signal(launcher, &attempt, SIGTERM);
    attempt_finish(launcher, &attempt);
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGTERM);
}

/* Sent right behind LAUNCH: the worker may not even have a process group yet. */
static void signal_reaches_a_worker_at_any_time_of_its_life(void **state)
{
    struct launcher_process *launcher = *state;
    for (int i = 0; i < 50; i++) {
        struct attempt attempt;
        struct launcher_message message;
        attempt_send(launcher, &(struct attempt_request){.parameters = SLEEP}, &attempt);
        launcher_signal(launcher, &attempt, i % 2 ? SIGTERM : SIGKILL);
        launcher_expect(launcher, LAUNCHER_STARTED, &message);
        attempt_finish(launcher, &attempt);
        assert_int_equal(WTERMSIG(attempt.wait_status), i % 2 ? SIGTERM : SIGKILL);
    }
}

/* Until the process ignores SIGTERM too. */
static void await_ignored_sigterm(pid_t pid)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char path[64], line[256] = "";
    unsigned long ignored = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    for (int i = 0; i < FIXTURE_DEADLINE && !(ignored & 1UL << (SIGTERM - 1)); i++) {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file) && sscanf(line, "SigIgn: %lx", &ignored) != 1)
            ;
        fclose(file);
        nanosleep(&pause, NULL);
    }
    assert_true(ignored & 1UL << (SIGTERM - 1));
}

static void attempt_that_ignores_sigterm_ends_by_sigkill(void **state)
{
    struct launcher_process *launcher = *state;
    struct attempt attempt;
    struct pollfd quiet = {.events = POLLIN};
    const char *hang = "{\"steps\":[{\"name\":\"hold on\"},{\"name\":\"stay\",\"then\":\"hang\"}]}";
    attempt_launch(launcher, &(struct attempt_request){.parameters = hang}, &attempt);
    attempt_await_report(&attempt, "stay");
    await_ignored_sigterm(attempt.pid);
    launcher_signal(launcher, &attempt, SIGTERM);
    quiet.fd = launcher->channel;
    assert_int_equal(poll(&quiet, 1, 50), 0);
    launcher_signal(launcher, &attempt, SIGKILL);
    attempt_finish(launcher, &attempt);
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGKILL);
}

static void signal_for_an_attempt_that_has_ended_changes_nothing(void **state)
{
    struct launcher_process *launcher = *state;
    struct attempt attempt;
    attempt_run(launcher, &(struct attempt_request){0}, &attempt);
    launcher_signal(launcher, &attempt, SIGKILL);
    attempt_run(launcher, &(struct attempt_request){0}, &attempt);
    assert_int_equal(attempt.wait_status, 0);
}

static void worker_killed_by_an_operator_is_reported_as_such(void **state)
{
    struct launcher_process *launcher = *state;
    struct attempt attempt;
    if (!launcher_can_be_root())
        skip();
    attempt_launch(launcher, &(struct attempt_request){.parameters = SLEEP}, &attempt);
    attempt_await_report(&attempt, "waiting");
    assert_int_equal(kill(attempt.pid, SIGBUS), 0);
    attempt_finish(launcher, &attempt);
    assert_int_equal(WTERMSIG(attempt.wait_status), SIGBUS);
}

static void processor_time_and_memory_are_measured(void **state)
{
    struct attempt attempt;
    attempt_run(*state,
                &(struct attempt_request){.parameters = "{\"steps\":[{\"then\":\"flood\"}]}"},
                &attempt);
    assert_in_range(attempt.ended.cpu_milliseconds, 0, 60000);
    assert_in_range(attempt.ended.max_rss_kib, 100, 1024 * 1024);
}

/* --- Jobs that cannot be run --- */

static void cut_job(struct launcher_launch *order, int *document)
{
    (void)document;
    order->job_length--;
}

static void unseal_job(struct launcher_launch *order, int *document)
{
    int open = memfd_create("job", MFD_CLOEXEC);
    assert_true(open >= 0);
    assert_int_equal(ftruncate(open, order->job_length), 0);
    close(*document);
    *document = open;
}

static void hide_end_of_job(struct launcher_launch *order, int *document)
{
    (void)document;
    order->job_length--;
    order->sealed_length++;
}

static void assert_exit(struct launcher_process *launcher, const struct attempt_request *request,
                        int exit_code)
{
    struct attempt attempt;
    attempt_run(launcher, request, &attempt);
    assert_true(WIFEXITED(attempt.wait_status));
    assert_int_equal(WEXITSTATUS(attempt.wait_status), exit_code);
    assert_null(strstr(attempt.reported, "\"result\""));
}

static void job_that_is_not_what_was_announced_is_not_run(void **state)
{
    assert_exit(*state, &(struct attempt_request){.change = cut_job}, EXIT_WORKER_JOB);
    assert_exit(*state, &(struct attempt_request){.change = unseal_job}, EXIT_WORKER_JOB);
    /* Its last byte declared to be a seal, which there is no key for. */
    assert_exit(*state, &(struct attempt_request){.change = hide_end_of_job}, EXIT_WORKER_UNSEAL);
}

static void task_that_the_launcher_does_not_know_has_its_own_exit_code(void **state)
{
    assert_exit(*state, &(struct attempt_request){.task = "00000000-0000-4000-8000-0000000000ff"},
                EXIT_WORKER_TASK);
}

/* --- Many --- */

static size_t count_descriptors(pid_t pid)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void thousand_attempts_leave_nothing_behind(void **state)
{
    struct launcher_process *launcher = *state;
    struct attempt attempt;
    char children[64], line[16] = "";
    if (!launcher_can_be_root())
        skip();
    size_t before = count_descriptors(launcher->pid);
    for (int i = 0; i < 1000; i++) {
        attempt_run(launcher, &(struct attempt_request){0}, &attempt);
        assert_int_equal(attempt.wait_status, 0);
    }
    assert_int_equal(count_descriptors(launcher->pid), before);
    snprintf(children, sizeof(children), "/proc/%d/task/%d/children", (int)launcher->pid,
             (int)launcher->pid);
    FILE *file = fopen(children, "re");
    assert_non_null(file);
    assert_null(fgets(line, sizeof(line), file));
    fclose(file);
}

enum { CROWD = 250 }; /* more than the 200 keys that an ordinary user may have */

static void crowd_of_workers_lives_at_once_and_each_is_told_apart(void **state)
{
    struct launcher_process *launcher = *state;
    static struct attempt attempts[CROWD];
    for (int i = 0; i < CROWD; i++)
        attempt_launch(launcher, &(struct attempt_request){.parameters = SLEEP}, &attempts[i]);
    for (int i = 0; i < CROWD; i++)
        attempt_await_report(&attempts[i], "waiting");
    for (int i = 0; i < CROWD; i++) {
        int victim = (i * 7) % CROWD;
        launcher_signal(launcher, &attempts[victim], SIGKILL);
        attempt_finish(launcher, &attempts[victim]);
        assert_int_equal(WTERMSIG(attempts[victim].wait_status), SIGKILL);
    }
}

/* The supervisor stops reading until not even its orders fit into the socket. */
static void full_channel_loses_nothing(void **state)
{
    struct launcher_process *launcher = *state;
    enum { ROUNDS = 600 };
    static struct attempt attempts[ROUNDS];
    struct launcher_message message;
    int started = 0, ended = 0, sent;
    struct pollfd writable = {.fd = launcher->channel, .events = POLLOUT};
    for (sent = 0; sent < ROUNDS && poll(&writable, 1, 500) == 1; sent++)
        attempt_send(launcher, &(struct attempt_request){0}, &attempts[sent]);
    assert_true(sent > 100);
    while (started < sent || ended < sent) {
        launcher_receive(launcher, &message);
        started += message.type == LAUNCHER_STARTED;
        ended += message.type == LAUNCHER_ENDED;
        assert_true(message.type == LAUNCHER_STARTED || message.type == LAUNCHER_ENDED);
        if (message.type == LAUNCHER_ENDED)
            assert_int_equal(message.ended.wait_status, 0);
    }
    assert_int_equal(started, sent);
    for (int i = 0; i < sent; i++)
        attempt_abandon(&attempts[i]);
}

/* --- What ends a launcher --- */

/* Started and asleep, its report pipe read up to there. */
static void launch_sleeper(struct launcher_process *launcher, struct attempt *attempt)
{
    attempt_launch(launcher, &(struct attempt_request){.parameters = SLEEP}, attempt);
    attempt_await_report(attempt, "waiting");
}

/* The end of its pipe: nobody holds the other one any more. */
static void await_death(struct attempt *attempt)
{
    struct pollfd readable = {.fd = attempt->pipe, .events = POLLIN};
    char byte;
    assert_int_equal(poll(&readable, 1, patient_milliseconds(FIXTURE_DEADLINE)), 1);
    assert_int_equal(read(attempt->pipe, &byte, 1), 0);
    attempt_abandon(attempt);
}

static void end_of_the_channel_ends_launcher_and_workers(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempts[3];
    launcher_start(&launcher, &as_is);
    for (int i = 0; i < 3; i++)
        launch_sleeper(&launcher, &attempts[i]);
    assert_int_equal(launcher_stop(&launcher), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kill(attempts[i].pid, 0), -1);
        assert_int_equal(errno, ESRCH);
        await_death(&attempts[i]);
    }
}

static void workers_die_with_a_launcher_that_is_killed(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    launcher_start(&launcher, &as_is);
    launch_sleeper(&launcher, &attempt);
    if (kill(launcher.pid, SIGKILL) < 0)
        fail_msg("cannot kill the launcher");
    assert_int_equal(launcher_wait(&launcher, NULL, 0), SIGKILL);
    await_death(&attempt);
    assert_int_equal(fixture_reap(attempt.pid), SIGKILL);
}

static void send_raw(const struct launcher_process *launcher, const void *data, size_t length)
{
    assert_int_equal(send(launcher->channel, data, length, MSG_NOSIGNAL), length);
}

/* After a broken rule: non-zero, a reason in the log, no worker left. */
static void assert_given_up(struct launcher_process *launcher, struct attempt *attempt,
                            const char *reason)
{
    char log[8192];
    int status = launcher_wait(launcher, log, sizeof(log));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    if (!strstr(log, reason))
        fail_msg("\"%s\" was not logged, but: %s", reason, log);
    static const char rule[] = " warning: sandbox: the supervisor broke the rules of its channel: ";
    const char *told = strstr(log, rule);
    if (!told || strstr(told + 1, rule))
        fail_msg("not told once: %s", log);
    await_death(attempt);
}

static void packet_that_is_no_message_ends_launcher_and_workers(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt attempt;
    launcher_start(&launcher, &as_is);
    launch_sleeper(&launcher, &attempt);
    send_raw(&launcher, "?", 1);
    assert_given_up(&launcher, &attempt, "shorter than a header");
}

static void message_of_another_version_ends_launcher_and_workers(void **state)
{
    (void)state;
    const uint32_t header[] = {LAUNCHER_CHANNEL_VERSION + 1, LAUNCHER_SIGNAL, 0, 0, 0, 0};
    struct launcher_process launcher;
    struct attempt attempt;
    launcher_start(&launcher, &as_is);
    launch_sleeper(&launcher, &attempt);
    send_raw(&launcher, header, sizeof(header));
    assert_given_up(&launcher, &attempt, "version");
}

static void launch_without_descriptors_ends_launcher_and_workers(void **state)
{
    (void)state;
    struct {
        uint32_t header[2];
        struct launcher_launch body;
    } packet = {.header = {LAUNCHER_CHANNEL_VERSION, LAUNCHER_LAUNCH}};
    struct launcher_process launcher;
    struct attempt attempt;
    launcher_start(&launcher, &as_is);
    launch_sleeper(&launcher, &attempt);
    send_raw(&launcher, &packet, sizeof(packet));
    assert_given_up(&launcher, &attempt, "descriptors");
}

static void token_in_use_ends_launcher_and_workers(void **state)
{
    (void)state;
    struct launcher_process launcher;
    struct attempt first, second;
    launcher_start(&launcher, &as_is);
    launch_sleeper(&launcher, &first);
    launcher.last_token--;
    attempt_send(&launcher, &(struct attempt_request){0}, &second);
    assert_given_up(&launcher, &first, "in use");
    attempt_abandon(&second);
}

static void signals_do_not_end_a_launcher(void **state)
{
    struct launcher_process *launcher = *state;
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE, SIGALRM};
    struct attempt attempt;
    if (!launcher_can_be_root())
        skip();
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        assert_int_equal(kill(launcher->pid, signals[i]), 0);
    attempt_run(launcher, &(struct attempt_request){0}, &attempt);
    assert_int_equal(attempt.wait_status, 0);
}

int main(void)
{
    static struct CMUnitTest ending_tests[ENDING_COUNT];
    const struct CMUnitTest tests[] = {
#define WITH_LAUNCHER(name) cmocka_unit_test_setup_teardown(name, start, stop)
        WITH_LAUNCHER(attempt_without_steps_succeeds_at_once),
        WITH_LAUNCHER(other_port_than_the_order_s_is_denied),
        WITH_LAUNCHER(flood_of_reports_is_written_whole),
        WITH_LAUNCHER(worker_whose_reports_nobody_reads_any_more_says_so),
        WITH_LAUNCHER(alarm_ends_an_attempt),
        WITH_LAUNCHER(sigterm_ends_an_attempt_that_does_not_ignore_it),
        WITH_LAUNCHER(signal_reaches_a_worker_at_any_time_of_its_life),
        WITH_LAUNCHER(attempt_that_ignores_sigterm_ends_by_sigkill),
        WITH_LAUNCHER(signal_for_an_attempt_that_has_ended_changes_nothing),
        WITH_LAUNCHER(worker_killed_by_an_operator_is_reported_as_such),
        WITH_LAUNCHER(processor_time_and_memory_are_measured),
        WITH_LAUNCHER(job_that_is_not_what_was_announced_is_not_run),
        WITH_LAUNCHER(task_that_the_launcher_does_not_know_has_its_own_exit_code),
        WITH_LAUNCHER(thousand_attempts_leave_nothing_behind),
        WITH_LAUNCHER(crowd_of_workers_lives_at_once_and_each_is_told_apart),
        WITH_LAUNCHER(full_channel_loses_nothing),
        WITH_LAUNCHER(signals_do_not_end_a_launcher),
        cmocka_unit_test(end_of_the_channel_ends_launcher_and_workers),
        cmocka_unit_test(workers_die_with_a_launcher_that_is_killed),
        cmocka_unit_test(packet_that_is_no_message_ends_launcher_and_workers),
        cmocka_unit_test(message_of_another_version_ends_launcher_and_workers),
        cmocka_unit_test(launch_without_descriptors_ends_launcher_and_workers),
        cmocka_unit_test(token_in_use_ends_launcher_and_workers),
    };
    for (size_t i = 0; i < ENDING_COUNT; i++)
        ending_tests[i] = (struct CMUnitTest){
            .name = endings[i].title,
            .test_func = attempt_ends_as_told,
            .initial_state = (void *)(uintptr_t)&endings[i],
        };
    int failed =
        cmocka_run_group_tests_name("how attempts end", ending_tests, start_shared, stop_shared);
    return failed + cmocka_run_group_tests_name("launcher", tests, NULL, NULL);
}
