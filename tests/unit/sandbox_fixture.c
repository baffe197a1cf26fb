/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_fixture.c - runs a function inside a worker's sandbox and says what became of it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mimo/io.h"
#include "mimo/log.h"
#include "sandbox_fixture.h"

enum { DEADLINE = 60000 }; /* milliseconds; generous, for sanitizers on a busy machine */

/* Between the three processes. */
struct shared {
    char problem[ERROR_MESSAGE_SIZE]; /* of the launcher */
    pid_t worker;
    struct sandbox_outcome outcome;
};

static struct shared *shared;

bool sandbox_can_be_root(void)
{
    return geteuid() == 0;
}

static void become_ordinary(void)
{
    const gid_t id = FIXTURE_ORDINARY_USER;
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
        abort();
}

static _Noreturn void fail_launcher(const char *message)
{
    snprintf(shared->problem, sizeof shared->problem, "%s", message);
    _exit(1);
}

/* The worker: its checklist, then the body. One byte on the pipe says that it is inside. */
static _Noreturn void be_worker(struct worker *worker, const struct sandbox_run *run,
                                const struct sandbox_inside *inside)
{
    struct error error;
    struct sandbox_outcome *outcome = &shared->outcome;
    shared->worker = getpid();
    if (run->spoil_worker)
        run->spoil_worker(worker);
    for (const struct worker_step *step = worker_steps; step->name; step++) {
        if (run->without_filter && !step[1].name)
            break;
        if (step->run(worker, &error) == 0)
            continue;
        snprintf(outcome->failed_step, sizeof outcome->failed_step, "%s", step->name);
        snprintf(outcome->message, sizeof outcome->message, "%s", error.message);
        _exit(step->exit_code);
    }
    if (write(WORKER_REPORT_FD, "!", 1) != 1)
        _exit(1);
    if (run->body) {
        errno = 0;
        outcome->value = run->body(inside);
        outcome->error_number = errno;
        outcome->returned = true;
    }
    _exit(0);
}

#define TEXT_OF(number)  #number
#define NUMBER(constant) TEXT_OF(constant)

/* The defaults, with users that exist on no machine and files that do not either. */
static void load_config(struct config *config)
{
    static const char *const overrides[] = {
        "actuator.launcher_user=" NUMBER(FIXTURE_LAUNCHER_USER),
        "actuator.worker_user=" NUMBER(FIXTURE_WORKER_USER),
        "sandbox.memory=1G",
        "clusters.seal_certificate=/nonexistent",
        "clusters.seal_key=/nonexistent",
        NULL,
    };
    char path[32];
    struct error error;
    int empty = memfd_create("config", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", empty);
    if (empty < 0 || config_load(config, path, overrides, &error) < 0)
        fail_launcher(empty < 0 ? "no memory for a configuration" : error.message);
    close(empty);
}

/* The launcher: prepares, forks one worker, waits for it. */
static _Noreturn void be_launcher(const struct sandbox_run *run, struct sandbox_inside inside,
                                  int report)
{
    static struct workplace workplace;
    static const char document[] = "{}";
    struct config config;
    struct error error;
    load_config(&config);
    int job = io_sealed_memory("job", document, sizeof document - 1, &error);
    if (job < 0)
        fail_launcher(error.message);
    if (run->ordinary_user)
        become_ordinary();
    log_open("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    int abi = run->landlock_abi > 0 ? run->landlock_abi - 1 : CONFINEMENT_ABI_MAXIMUM;
    if (workplace_prepare(&workplace, &config, abi, &error) < 0)
        fail_launcher(error.message);

    struct launcher_launch order = {
        .token = 1,
        .memory = INT64_C(1) << 28,
        .alarm_seconds = DEADLINE / 1000,
        .cpu_seconds = 30,
        .open_files = 64,
        .job_length = sizeof document - 1,
        .port_count = 1,
        .ports = {inside.allowed_port},
        .title = "mimo-worker: fixture 0000",
    };
    struct worker worker = {
        .workplace = &workplace, .order = &order, .job_fd = job, .report_fd = report};
    if (run->spoil)
        run->spoil(&worker);
    inside.launcher = getpid();
    pid_t pid = fork();
    if (pid == 0)
        be_worker(&worker, run, &inside);
    close(report);
    if (pid < 0 || waitpid(pid, &shared->outcome.wait_status, 0) < 0)
        fail_launcher("no worker");
    _exit(0);
}

static int listen_somewhere(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* Up to the end of file, or for one read; returns bytes read. */
static size_t read_pipe(int fd, char *buffer, size_t size)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, DEADLINE), 1);
    ssize_t length = read(fd, buffer, size);
    assert_true(length >= 0);
    return (size_t)length;
}

/* What follows the byte that says "inside" is the worker's own. */
static void collect(int pipe, const struct sandbox_run *run, struct sandbox_outcome *outcome)
{
    char first;
    char *rest = outcome->reported;
    size_t length, left = sizeof outcome->reported - 1;
    if (read_pipe(pipe, &first, 1) == 0)
        return;
    assert_int_equal(first, '!');
    if (run->inspect) {
        run->inspect(shared->worker);
        if (run->body == sandbox_wait)
            kill(shared->worker, SIGKILL);
    }
    while ((length = read_pipe(pipe, rest, left)) > 0) {
        rest += length;
        left -= length;
    }
    *rest = '\0';
}

void sandbox_run(const struct sandbox_run *run, struct sandbox_outcome *ret_outcome)
{
    struct sandbox_inside inside;
    int ends[2], status;
    int listeners[] = {listen_somewhere(&inside.allowed_port),
                       listen_somewhere(&inside.other_port)};
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    assert_int_equal(pipe(ends), 0);
    pid_t launcher = fork();
    assert_true(launcher >= 0);
    if (launcher == 0)
        be_launcher(run, inside, ends[1]);
    close(ends[1]);
    char reported[sizeof shared->outcome.reported];
    struct sandbox_outcome outcome = {0};
    collect(ends[0], run, &outcome);
    memcpy(reported, outcome.reported, sizeof reported);
    assert_int_equal(waitpid(launcher, &status, 0), launcher);
    if (*shared->problem)
        fail_msg("the launcher failed: %s", shared->problem);
    assert_int_equal(status, 0);
    *ret_outcome = shared->outcome;
    memcpy(ret_outcome->reported, reported, sizeof reported);
    munmap(shared, sizeof *shared);
    close(ends[0]);
    close(listeners[0]);
    close(listeners[1]);
}

long sandbox_wait(const struct sandbox_inside *inside)
{
    (void)inside;
    const struct timespec hour = {.tv_sec = 3600};
    for (;;)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, NULL);
}
