/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_fixture.c - runs a function inside a worker's sandbox and says what became of it. */
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
#include "patience.h"
#include "sandbox_fixture.h"

enum { WORKERS_MAXIMUM = 128 };
enum { DEADLINE = 60000 }; /* milliseconds; generous, for sanitizers on a busy machine */

/* Between the three processes. */
struct shared {
    char problem[ERROR_MESSAGE_SIZE]; /* of the launcher */
    pid_t worker;
    struct sandbox_outcome outcome;
};

static const char document[] = "{}"; /* the job */

static struct shared *shared;
static struct sandbox_outcome *own_outcome; /* where the next worker writes */

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
    snprintf(shared->problem, sizeof(shared->problem), "%s", message);
    _exit(1);
}

/* As worker_enter(), without the last step. */
static const struct worker_step *enter_without_filter(struct worker *worker, struct error *error)
{
    for (const struct worker_step *step = worker_steps; step[1].name; step++)
        if (step->run(worker, error) < 0)
            return step;
    return NULL;
}

/* The worker: its checklist, then the body. One byte on the pipe says that it is inside. */
static _Noreturn void be_worker(struct worker *worker, const struct sandbox_run *run,
                                const struct sandbox_inside *inside)
{
    struct error error;
    struct sandbox_outcome *outcome = own_outcome;
    shared->worker = getpid();
    if (run->spoil_worker)
        run->spoil_worker(worker);
    const struct worker_step *failed =
        run->without_filter ? enter_without_filter(worker, &error) : worker_enter(worker, &error);
    if (failed) {
        snprintf(outcome->failed_step, sizeof(outcome->failed_step), "%s", failed->name);
        snprintf(outcome->message, sizeof(outcome->message), "%s", error.message);
        _exit(failed->exit_code);
    }
    if (memcmp(worker->document, document, sizeof(document) - 1) != 0 ||
        write(WORKER_REPORT_FD, "!", 1) != 1)
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
    snprintf(path, sizeof(path), "/proc/self/fd/%d", empty);
    if (empty < 0 || config_load(config, path, overrides, &error) < 0)
        fail_launcher(empty < 0 ? "no memory for a configuration" : error.message);
    close(empty);
}

/* Prepares what all workers of this launcher find; returns the job that each is given. */
static int prepare(const struct sandbox_run *run, struct workplace *workplace)
{
    struct config config;
    struct error error;
    load_config(&config);
    int job = io_sealed_memory("job", document, sizeof(document) - 1, &error);
    if (job < 0)
        fail_launcher(error.message);
    if (run->ordinary_user)
        become_ordinary();
    log_open("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    int abi = run->landlock_abi > 0 ? run->landlock_abi - 1 : CONFINEMENT_ABI_MAXIMUM;
    if (workplace_prepare(workplace, &config, abi, -1, -1, &error) < 0)
        fail_launcher(error.message);
    return job;
}

static struct launcher_launch make_order(const struct sandbox_inside *inside)
{
    return (struct launcher_launch){
        .token = 1,
        .memory = INT64_C(1) << 28,
        .attempt_memory = INT64_C(1) << 30,
        .alarm_seconds = patient_seconds(DEADLINE / 1000),
        .cpu_seconds = 30,
        .open_files = 64,
        .job_length = sizeof(document) - 1,
        .port_count = 1,
        .ports = {inside->allowed_port},
        .title = "mimo-worker: fixture 0000",
    };
}

/* The launcher: prepares, forks one worker, waits for it. */
static _Noreturn void be_launcher(const struct sandbox_run *run, struct sandbox_inside inside,
                                  int report)
{
    static struct workplace workplace;
    int job = prepare(run, &workplace);
    struct launcher_launch order = make_order(&inside);
    struct worker worker = {
        .workplace = &workplace, .order = &order, .job_fd = job, .report_fd = report};
    if (run->spoil)
        run->spoil(&worker);
    inside.launcher = getpid();
    own_outcome = &shared->outcome;
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
    socklen_t length = sizeof(address);
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
    assert_int_equal(poll(&readable, 1, patient_milliseconds(DEADLINE)), 1);
    ssize_t length = read(fd, buffer, size);
    assert_true(length >= 0);
    return (size_t)length;
}

/* What follows the byte that says "inside" is the worker's own. */
static void collect(int pipe, const struct sandbox_run *run, struct sandbox_outcome *outcome)
{
    char first;
    char *rest = outcome->reported;
    size_t length, left = sizeof(outcome->reported) - 1;
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
    struct sandbox_inside inside = {0};
    int ends[2], status;
    int listeners[] = {listen_somewhere(&inside.allowed_port),
                       listen_somewhere(&inside.other_port)};
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    assert_int_equal(pipe(ends), 0);
    pid_t launcher = fork();
    assert_true(launcher >= 0);
    if (launcher == 0)
        be_launcher(run, inside, ends[1]);
    close(ends[1]);
    char reported[sizeof(shared->outcome.reported)];
    struct sandbox_outcome outcome = {0};
    collect(ends[0], run, &outcome);
    memcpy(reported, outcome.reported, sizeof(reported));
    assert_int_equal(waitpid(launcher, &status, 0), launcher);
    if (*shared->problem)
        fail_msg("the launcher failed: %s", shared->problem);
    assert_int_equal(status, 0);
    *ret_outcome = shared->outcome;
    memcpy(ret_outcome->reported, reported, sizeof(reported));
    munmap(shared, sizeof(*shared));
    close(ends[0]);
    close(listeners[0]);
    close(listeners[1]);
}

/* --- Many workers of one launcher --- */

/* What a worker reported before its end, without the byte that says "inside". */
static void take_report(int pipe, struct sandbox_outcome *outcome)
{
    char text[sizeof(outcome->reported) + 1];
    ssize_t length = read(pipe, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    snprintf(outcome->reported, sizeof(outcome->reported), "%s", text[0] == '!' ? text + 1 : "");
}

static pid_t start_worker(const struct sandbox_run *run, struct worker worker,
                          const struct sandbox_inside *inside, sandbox_body_f *body, int *ret_pipe)
{
    const struct sandbox_run one = {.body = body, .without_filter = run->without_filter};
    int ends[2];
    if (pipe(ends) < 0)
        fail_launcher("no pipe");
    worker.report_fd = ends[1];
    if (run->spoil)
        run->spoil(&worker);
    pid_t pid = fork();
    if (pid == 0)
        be_worker(&worker, &one, inside);
    if (pid < 0)
        fail_launcher("no worker");
    close(ends[1]);
    *ret_pipe = ends[0];
    return pid;
}

/* All at once: what one does the others must not feel. */
static void run_all(const struct sandbox_run *run, const struct worker *worker,
                    const struct sandbox_inside *inside, sandbox_body_f *const *bodies,
                    size_t count, struct sandbox_outcome *outcomes)
{
    pid_t pids[WORKERS_MAXIMUM];
    int pipes[WORKERS_MAXIMUM];
    if (count > WORKERS_MAXIMUM)
        fail_launcher("too many workers at once");
    for (size_t i = 0; i < count; i++) {
        own_outcome = &outcomes[i];
        pids[i] = start_worker(run, *worker, inside, bodies[i], &pipes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (waitpid(pids[i], &outcomes[i].wait_status, 0) < 0)
            fail_launcher("no worker to wait for");
        take_report(pipes[i], &outcomes[i]);
        close(pipes[i]);
    }
}

static _Noreturn void be_launcher_of_many(const struct sandbox_run *run,
                                          struct sandbox_inside inside,
                                          sandbox_body_f *const *bodies, size_t count,
                                          struct sandbox_outcome *outcomes)
{
    static struct workplace workplace;
    int job = prepare(run, &workplace), pipe;
    struct launcher_launch order = make_order(&inside);
    struct worker worker = {.workplace = &workplace, .order = &order, .job_fd = job};
    char inside_byte;
    int status = 0;
    inside.launcher = getpid();
    own_outcome = &shared->outcome;
    pid_t neighbour = start_worker(run, worker, &inside, sandbox_wait, &pipe);
    if (read(pipe, &inside_byte, 1) != 1)
        fail_launcher("the neighbour did not get inside");
    inside.neighbour = neighbour;
    run_all(run, &worker, &inside, bodies, count, outcomes);
    if (waitpid(neighbour, &status, WNOHANG) != 0) {
        snprintf(shared->problem, sizeof(shared->problem),
                 "the neighbour came to harm: wait status %d", status);
        _exit(1);
    }
    kill(neighbour, SIGKILL);
    waitpid(neighbour, NULL, 0);
    _exit(0);
}

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

void sandbox_run_each(const struct sandbox_run *run, sandbox_body_f *const *bodies, size_t count,
                      struct sandbox_outcome *ret_outcomes)
{
    struct sandbox_inside inside = {0};
    size_t size = count * sizeof(*ret_outcomes);
    int listeners[] = {listen_somewhere(&inside.allowed_port),
                       listen_somewhere(&inside.other_port)};
    int status;
    struct sandbox_outcome *outcomes = share(size);
    shared = share(sizeof(*shared));
    pid_t launcher = fork();
    assert_true(launcher >= 0);
    if (launcher == 0)
        be_launcher_of_many(run, inside, bodies, count, outcomes);
    assert_int_equal(waitpid(launcher, &status, 0), launcher);
    if (*shared->problem)
        fail_msg("the launcher failed: %s", shared->problem);
    assert_int_equal(status, 0);
    memcpy(ret_outcomes, outcomes, size);
    munmap(outcomes, size);
    munmap(shared, sizeof(*shared));
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
