/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher_rate.c - how many workers a second the launcher makes, and what each step into the
 * sandbox costs.
 *
 *     launcher_rate LAUNCHER COUNT CONCURRENCY
 *
 * What it measures, each in lines key=value on standard output:
 *
 *   bare_per_second      fork and exit of a process prepared just like the launcher: the limit that
 *                        it cannot pass
 *   sandbox_per_second   the same with the whole checklist of a worker between fork and exit
 *   attempts_per_second  attempts that do nothing, run by a real LAUNCHER, with this program as the
 *                        supervisor: channel, job, task and report come on top
 *   step_*_microseconds  median time of each step of the checklist, one worker at a time
 *
 *   *_cpu_microseconds   mean processor time of one of each, on both sides: steadier than rates on
 * a busy machine
 *
 * As root, launcher and workers get numeric users of systemd's dynamic range, as in production they
 * have users of their own.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/worker.h"
#include "launcher/worker_log.h"
#include "launcher/workplace.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "mimo/log.h"

#define LAUNCHER_USER "actuator.launcher_user=61184"
#define WORKER_USER   "actuator.worker_user=61185"
#define NO_KEY        "clusters.seal_key=/nonexistent"
#define PRACTICE_TASK "00000000-0000-4000-8000-000000000001"
#define SOME_UUID     "12345678-1234-4234-8234-123456789abc"
#define SOME_CLUSTER                                                                               \
    "/subscriptions/" SOME_UUID                                                                    \
    "/resourcegroups/r/providers/microsoft.redhatopenshift/openshiftclusters/c"

enum { STEPS_MAXIMUM = 32, STEP_SAMPLES_MAXIMUM = 1000, CHANNEL = 3, DEADLINE = 60000 };

/* Written by the processes that measure, read by the one that prints. */
struct figures {
    double bare_per_second, bare_cpu;
    double sandbox_per_second, sandbox_cpu;
    long samples;
    int64_t fork_nanoseconds[STEP_SAMPLES_MAXIMUM];
    int64_t step_nanoseconds[STEPS_MAXIMUM][STEP_SAMPLES_MAXIMUM];
};

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double per_second(long count, int64_t began)
{
    return (double)count * 1e9 / (double)(nanoseconds() - began);
}

static double cpu_microseconds(const struct rusage *usage)
{
    const struct timeval *user = &usage->ru_utime, *system = &usage->ru_stime;
    return (double)(user->tv_sec + system->tv_sec) * 1e6 +
           (double)(user->tv_usec + system->tv_usec);
}

/* Of this process and the children that it has waited for. */
static double cpu_so_far(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return cpu_microseconds(&own) + cpu_microseconds(&children);
}

/* The job of an attempt that does nothing. */
static int make_job(uint32_t *ret_length)
{
    struct error error;
    cleanup_json struct json_object *cluster =
        document_pack("{s:s, s:{}}", "id", SOME_CLUSTER, "properties");
    cleanup_json struct json_object *job =
        job_build(SOME_UUID, PRACTICE_TASK, SOME_CLUSTER, 1, SOME_UUID, NULL, cluster, NULL, NULL);
    cleanup_free char *text = job ? document_format(job) : NULL;
    if (!text)
        errx(EXIT_FAILURE, "out of memory");
    *ret_length = (uint32_t)strlen(text);
    int fd = io_sealed_memory("job", text, *ret_length, &error);
    if (fd < 0)
        errx(EXIT_FAILURE, "%s", error.message);
    return fd;
}

static struct launcher_launch make_order(uint32_t job_length)
{
    return (struct launcher_launch){
        .token = 1,
        .memory = UINT64_C(256) << 20,
        .attempt_memory = UINT64_C(1) << 30,
        .alarm_seconds = 3600,
        .cpu_seconds = 3600,
        .open_files = 64,
        .job_length = job_length,
        .port_count = 1,
        .ports = {6443},
        .title = "mimo-worker: Practice c 12345678",
    };
}

/* --- A process prepared like the launcher --- */

/* What a measured child does; it ends there. */
typedef void child_body(struct worker *worker);

static _Noreturn void exit_at_once(struct worker *worker)
{
    (void)worker;
    _exit(0);
}

static _Noreturn void enter_and_exit(struct worker *worker)
{
    struct error error;
    const struct worker_step *failed = worker_enter(worker, &error);
    if (failed)
        worker_give_up(worker, failed->exit_code, &error);
    _exit(0);
}

static void wait_for_one(void)
{
    int status;
    if (waitpid(-1, &status, 0) < 0)
        err(EXIT_FAILURE, "waitpid");
    if (status != 0)
        errx(EXIT_FAILURE, "a worker ended with wait status %d", status);
}

/* Children a second, made as the launcher makes its own; *ret_cpu: of one, in microseconds. */
static double measure_children(child_body *body, struct worker *worker, long count,
                               long concurrency, double *ret_cpu)
{
    long started = 0, running = 0;
    double cpu = cpu_so_far();
    int64_t began = nanoseconds();
    while (started < count || running > 0) {
        if (started == count || running == concurrency) {
            wait_for_one();
            running--;
            continue;
        }
        pid_t pid = _Fork();
        if (pid == 0)
            body(worker);
        if (pid < 0)
            err(EXIT_FAILURE, "fork");
        started++;
        running++;
    }
    double rate = per_second(count, began);
    *ret_cpu = (cpu_so_far() - cpu) / (double)count;
    return rate;
}

static void measure_rates(struct figures *figures, struct workplace *workplace, long count,
                          long concurrency, int job, uint32_t job_length)
{
    const struct launcher_launch order = make_order(job_length);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        err(EXIT_FAILURE, "pipe");
    struct worker worker = {
        .workplace = workplace, .order = &order, .job_fd = job, .report_fd = ends[1]};
    figures->bare_per_second =
        measure_children(exit_at_once, &worker, count, concurrency, &figures->bare_cpu);
    figures->sandbox_per_second =
        measure_children(enter_and_exit, &worker, count, concurrency, &figures->sandbox_cpu);
    close(ends[0]);
    close(ends[1]);
}

static _Noreturn void time_steps(struct figures *figures, long sample, struct worker *worker)
{
    struct error error;
    int64_t before = nanoseconds();
    for (size_t i = 0; worker_steps[i].name; i++) {
        if (worker_steps[i].run(worker, &error) < 0)
            worker_give_up(worker, worker_steps[i].exit_code, &error);
        int64_t after = nanoseconds();
        figures->step_nanoseconds[i][sample] = after - before;
        before = after;
    }
    _exit(0);
}

static void measure_steps(struct figures *figures, struct workplace *workplace, long count, int job,
                          uint32_t job_length)
{
    const struct launcher_launch order = make_order(job_length);
    figures->samples = count < STEP_SAMPLES_MAXIMUM ? count : STEP_SAMPLES_MAXIMUM;
    for (long i = 0; i < figures->samples; i++) {
        int ends[2], status;
        if (pipe2(ends, O_CLOEXEC) < 0)
            err(EXIT_FAILURE, "pipe");
        struct worker worker = {
            .workplace = workplace, .order = &order, .job_fd = job, .report_fd = ends[1]};
        int64_t began = nanoseconds();
        pid_t pid = _Fork();
        if (pid == 0)
            time_steps(figures, i, &worker);
        if (pid < 0)
            err(EXIT_FAILURE, "fork");
        figures->fork_nanoseconds[i] = nanoseconds() - began;
        if (waitpid(pid, &status, 0) < 0 || status != 0)
            errx(EXIT_FAILURE, "a worker ended with wait status %d", status);
        close(ends[0]);
        close(ends[1]);
    }
}

static _Noreturn void measure_inside(struct figures *figures, const char *config_path, long count,
                                     long concurrency)
{
    static struct config config;
    static struct workplace workplace;
    static const char *const overrides[] = {LAUNCHER_USER, WORKER_USER, NO_KEY, NULL};
    struct error error;
    uint32_t job_length;
    int job = make_job(&job_length);
    log_open("launcher_rate", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    if (config_load(&config, config_path, overrides, &error) < 0 ||
        workplace_prepare(&workplace, &config, CONFINEMENT_ABI_MAXIMUM, -1, -1, &error) < 0)
        errx(EXIT_FAILURE, "%s", error.message);
    measure_rates(figures, &workplace, count, concurrency, job, job_length);
    measure_steps(figures, &workplace, count, job, job_length);
    _exit(0);
}

/* --- A real launcher --- */

struct supervisor {
    int channel;
    pid_t launcher;
    enum launcher_channel_state state;
    int *pipes; /* of the attempts that run, by token modulo concurrency */
};

static _Noreturn void become_launcher(char *program, char *config_path, int channel)
{
    char channel_option[] = "--channel", number[] = "3", config_option[] = "--config";
    char set[] = "--set", launcher_user[] = LAUNCHER_USER, worker_user[] = WORKER_USER;
    char no_key[] = NO_KEY, quiet[] = "log.level=error";
    char *arguments[] = {
        program, channel_option, number, config_option, config_path, set,   launcher_user,
        set,     worker_user,    set,    no_key,        set,         quiet, NULL};
    if (channel == CHANNEL ? fcntl(CHANNEL, F_SETFD, 0) < 0 : dup2(channel, CHANNEL) < 0)
        err(EXIT_FAILURE, "channel");
    execv(program, arguments);
    err(EXIT_FAILURE, "%s", program);
}

static void receive(struct supervisor *supervisor, struct launcher_message *message)
{
    struct pollfd readable = {.fd = supervisor->channel, .events = POLLIN};
    struct error error = {0};
    int received = 0;
    while (received == 0) {
        if (poll(&readable, 1, DEADLINE) != 1)
            errx(EXIT_FAILURE, "the launcher says nothing");
        received = launcher_channel_receive(supervisor->channel, LAUNCHER_SIDE_LAUNCHER,
                                            &supervisor->state, message, &error);
    }
    if (received < 0)
        errx(EXIT_FAILURE, "%s", error.message);
}

static void start_launcher(struct supervisor *supervisor, char *program, char *config_path)
{
    int ends[2];
    struct launcher_message message;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        err(EXIT_FAILURE, "socketpair");
    supervisor->channel = ends[0];
    supervisor->launcher = fork();
    if (supervisor->launcher == 0)
        become_launcher(program, config_path, ends[1]);
    if (supervisor->launcher < 0)
        err(EXIT_FAILURE, "fork");
    close(ends[1]);
    receive(supervisor, &message);
}

static void launch(struct supervisor *supervisor, uint64_t token, long slot, int job,
                   uint32_t job_length)
{
    int ends[2];
    struct error error;
    if (pipe2(ends, O_CLOEXEC) < 0)
        err(EXIT_FAILURE, "pipe");
    struct launcher_message message = {.type = LAUNCHER_LAUNCH,
                                       .launch = make_order(job_length),
                                       .job_fd = job,
                                       .report_fd = ends[1]};
    message.launch.token = token;
    if (launcher_channel_send(supervisor->channel, &message, &error) < 0)
        errx(EXIT_FAILURE, "%s", error.message);
    close(ends[1]);
    supervisor->pipes[slot] = ends[0];
}

/* Waits for the next attempt to end well; returns its slot. */
static long finish_one(struct supervisor *supervisor, long concurrency)
{
    struct launcher_message message;
    char report[4096];
    do {
        receive(supervisor, &message);
        if (message.type == LAUNCHER_FAILED)
            errx(EXIT_FAILURE, "no worker: %s", strerror((int)message.failed.error_number));
    } while (message.type != LAUNCHER_ENDED);
    long slot = (long)(message.ended.token % (uint64_t)concurrency);
    ssize_t length = read(supervisor->pipes[slot], report, sizeof(report) - 1);
    close(supervisor->pipes[slot]);
    report[length > 0 ? length : 0] = '\0';
    if (message.ended.wait_status != 0 || !strstr(report, "\"succeeded\""))
        errx(EXIT_FAILURE, "an attempt ended with wait status %d: %s", message.ended.wait_status,
             report);
    return slot;
}

struct rate {
    double per_second;
    double cpu; /* microseconds */
};

/* A token stands for its slot: they differ by a multiple of the concurrency. */
static struct rate measure_attempts(char *program, char *config_path, long count, long concurrency)
{
    struct supervisor supervisor = {.state = LAUNCHER_CHANNEL_STARTING,
                                    .pipes = calloc((size_t)concurrency, sizeof(int))};
    uint32_t job_length;
    cleanup_fd int job = make_job(&job_length);
    if (!supervisor.pipes)
        errx(EXIT_FAILURE, "out of memory");
    start_launcher(&supervisor, program, config_path);
    int64_t began = nanoseconds();
    long started = 0, running = 0, round = 0;
    for (; started < count && running < concurrency; started++, running++)
        launch(&supervisor, (uint64_t)(concurrency + started), started, job, job_length);
    for (; running > 0; round++) {
        long slot = finish_one(&supervisor, concurrency);
        running--;
        if (started == count)
            continue;
        launch(&supervisor, (uint64_t)((2 + round) * concurrency + slot), slot, job, job_length);
        started++;
        running++;
    }
    struct rate rate = {.per_second = per_second(count, began)};
    int status;
    struct rusage usage;
    close(supervisor.channel);
    if (wait4(supervisor.launcher, &status, 0, &usage) < 0 || status != 0)
        errx(EXIT_FAILURE, "the launcher ended with wait status %d", status);
    free(supervisor.pipes);
    rate.cpu = cpu_microseconds(&usage) / (double)count; /* its start included */
    return rate;
}

/* --- */

static int compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* In microseconds. Others on the machine make a few samples long; the median does not mind. */
static double median(int64_t *samples, long count)
{
    qsort(samples, (size_t)count, sizeof(*samples), compare);
    return (double)samples[count / 2] / 1000;
}

static void print_steps(struct figures *figures)
{
    double total = 0;
    printf("fork_microseconds=%.1f\n", median(figures->fork_nanoseconds, figures->samples));
    for (size_t i = 0; worker_steps[i].name; i++) {
        char name[32];
        double step = median(figures->step_nanoseconds[i], figures->samples);
        snprintf(name, sizeof(name), "%s", worker_steps[i].name);
        for (char *dash = name; (dash = strchr(dash, '-'));)
            *dash = '_';
        printf("step_%s_microseconds=%.1f\n", name, step);
        total += step;
    }
    printf("steps_microseconds=%.1f\n", total);
}

static long read_count(const char *text)
{
    char *end;
    long count = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || count < 1 || count > 1000000)
        errx(2, "\"%s\" is not a number from 1 to 1000000", text);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "usage: launcher_rate LAUNCHER COUNT CONCURRENCY");
    long count = read_count(argv[2]), concurrency = read_count(argv[3]);
    if (concurrency > 1000)
        errx(2, "a launcher runs at most 1000 workers at once");
    struct figures *figures =
        mmap(NULL, sizeof(*figures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    /* An empty file that the launcher inherits: all it needs stands on its command line. */
    char config_path[32];
    int config = fcntl(memfd_create("config", 0), F_DUPFD, CHANNEL + 1);
    if (figures == MAP_FAILED || config < 0)
        err(EXIT_FAILURE, "cannot prepare");
    snprintf(config_path, sizeof(config_path), "/proc/self/fd/%d", config);

    int status;
    pid_t inside = fork();
    if (inside == 0)
        measure_inside(figures, config_path, count, concurrency);
    if (inside < 0 || waitpid(inside, &status, 0) != inside || status != 0)
        errx(EXIT_FAILURE, "nothing could be measured");
    struct rate rate = measure_attempts(argv[1], config_path, count, concurrency);
    printf("count=%ld\nconcurrency=%ld\n", count, concurrency);
    printf("bare_per_second=%.0f\nsandbox_per_second=%.0f\nattempts_per_second=%.0f\n",
           figures->bare_per_second, figures->sandbox_per_second, rate.per_second);
    printf("bare_cpu_microseconds=%.1f\nsandbox_cpu_microseconds=%.1f\n"
           "attempt_cpu_microseconds=%.1f\n",
           figures->bare_cpu, figures->sandbox_cpu, rate.cpu);
    print_steps(figures);
    return EXIT_SUCCESS;
}
