/* SPDX-License-Identifier: Apache-2.0 */
/* worker_programs.c - a worker whose steps are programs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/program_run.h"
#include "launcher/worker_programs.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/kube.h"
#include "mimo/log.h"
#include "mimo/seal.h"
#include "mimo/task.h"

/* Of an attempt: what lines of programs may add to the log, and what reports they may make. Beside
 * both there is room for the worker's own reports (REPORT_TOTAL_MAXIMUM). */
enum { LOGGED_MAXIMUM = 256 * 1024, REPORTED_MAXIMUM = 512 * 1024 };

enum { KUBECONFIG_MAXIMUM = 8 * 1024 * 1024, VARIABLES_MAXIMUM = 12 };

/* Milliseconds for one look of a condition, at least. */
enum { LOOK_MINIMUM = 5000 };

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 8U
#endif

/* --- Outside of the sandbox --- */

/* Memory of a fixed size, to be filled by fill_memory(): the limit of file size, which comes later,
 * forbids to make it longer, but not to make it shorter. */
static int make_memory(const char *name, size_t size, struct error *error)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    cleanup_fd int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, flags);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        return error_set_system(error, errno, "cannot create memory for %s", name);
    return take_fd(&fd);
}

int worker_find_programs(struct worker *worker, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    if (order->external_task[0] == '\0')
        return 0;
    worker->programs = program_files_find(&worker->workplace->files, order->external_task);
    if (!worker->programs)
        return error_set(error, ERROR_NOT_FOUND,
                         "there was no task %s in tasks.directory when the launcher started: "
                         "restart mimod after a change there",
                         order->external_task);
    worker->domain_fd = worker->programs->descriptor;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return error_set_system(error, errno, "cannot become the reaper of orphaned processes");
    worker->input_fd = make_memory("mimo-job", order->job_length, error);
    if (worker->input_fd < 0)
        return -1;
    worker->kubeconfig_fd = make_memory("kubeconfig", KUBECONFIG_MAXIMUM, error);
    return worker->kubeconfig_fd < 0 ? -1 : 0;
}

/* --- What programs get --- */

static int fill_memory(int fd, const void *data, size_t length, size_t size, struct error *error)
{
    if (length > size)
        return error_set(error, ERROR_TOO_LARGE, "the kubeconfig is longer than %zu bytes", size);
    void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return error_set_system(error, errno, "cannot map %zu bytes for a program", length);
    memcpy(map, data, length);
    munmap(map, length);
    if (ftruncate(fd, (off_t)length) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return error_set_system(error, errno, "cannot seal memory for a program");
    return 0;
}

static int fill_kubeconfig(struct worker *worker, const struct task_context *context,
                           struct kubeconfig *kubeconfig, struct error *error)
{
    char *text = NULL;
    if (!kubeconfig) {
        close(take_fd(&worker->kubeconfig_fd));
        return 0;
    }
    int formatted = kubeconfig_format(kubeconfig, context->job->endpoints,
                                      (unsigned)context->job->attempt - 1, &text, error);
    kubeconfig_free(kubeconfig);
    if (formatted < 0)
        return -1;
    size_t length = strlen(text);
    int result = fill_memory(worker->kubeconfig_fd, text, length, KUBECONFIG_MAXIMUM, error);
    explicit_bzero(text, length);
    free(text);
    return result;
}

/* --- The attempt --- */

/* What the steps share. */
struct attempt {
    struct worker *worker;
    struct task_context *context;
    char *variables[VARIABLES_MAXIMUM + 1]; /* of the environment; owned */
    size_t variable_count;
    size_t logged, reported; /* bytes */
    bool is_cut;             /* no more lines go into the log */
    bool has_deadline;       /* of the step that runs, `step` */
    size_t step;
    int64_t deadline;
    const char *left_by; /* a program whose processes may still run */
};

/* Steps reach it by their context's worker. */
static struct attempt attempt;

__attribute__((format(printf, 1, 2))) static int add_variable(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&attempt.variables[attempt.variable_count], format, arguments);
    va_end(arguments);
    if (length < 0) {
        attempt.variables[attempt.variable_count] = NULL;
        return -1;
    }
    attempt.variable_count++;
    return 0;
}

static int make_environment(const struct job *job, bool with_kubeconfig, struct error *error)
{
    if (add_variable("PATH=" PROGRAM_PATH) < 0 || add_variable("LANG=C.UTF-8") < 0 ||
        add_variable("TZ=%s", getenv("TZ") ?: "UTC") < 0 || add_variable("HOME=/") < 0 ||
        add_variable("MIMO_MANIFEST_ID=%s", job->manifest_id) < 0 ||
        add_variable("MIMO_TASK_ID=%s", job->task_id) < 0 ||
        add_variable("MIMO_ATTEMPT=%d", job->attempt) < 0 ||
        add_variable("MIMO_CLUSTER=%s", job->cluster_resource_id) < 0 ||
        (with_kubeconfig &&
         add_variable("KUBECONFIG=/proc/self/fd/%d", EXTERNAL_KUBECONFIG_FD) < 0))
        return error_set_system(error, ENOMEM, "cannot create the environment of programs");
    return 0;
}

/* --- What programs say --- */

static void hear_line(void *context, int descriptor, const char *line)
{
    struct attempt *heard = context;
    if (heard->is_cut)
        return;
    heard->logged += strlen(line);
    heard->is_cut = heard->logged > LOGGED_MAXIMUM;
    if (heard->is_cut)
        task_report_log(heard->context, LOG_LEVEL_WARNING,
                        "programs wrote more than %d KiB: the rest is not in the log",
                        LOGGED_MAXIMUM / 1024);
    else
        task_report_log(heard->context,
                        descriptor == STDERR_FILENO ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO, "%s",
                        line);
}

static void hear_report(const struct report *report, void *context)
{
    struct attempt *heard = context;
    cleanup_free char *line = report_format(report);
    heard->reported += line ? strlen(line) : 0;
    if (heard->reported <= REPORTED_MAXIMUM)
        heard->context->report(heard->context, report);
}

/* --- How a program ended, as the result of its step --- */

static const char *name_of(const struct external_step *step)
{
    return step->arguments[0];
}

static bool passes_by_itself(int error_number)
{
    return error_number == EAGAIN || error_number == ENOMEM || error_number == EMFILE ||
           error_number == ENFILE || error_number == ETXTBSY || error_number == EIO ||
           error_number == EINTR;
}

static const char *advice_on(int error_number)
{
    switch (error_number) {
    case ENOENT:
        return ": check that it exists, and the interpreter in its first line";
    case EACCES:
        return ": check that the worker's user may execute it; if it was replaced, restart mimod";
    case ENOEXEC:
        return ": a script begins with #! and the path of its interpreter";
    case EAGAIN:
        return ": the worker's user has as many processes as [sandbox] processes allows";
    case ENOMEM:
        return ": [sandbox] memory may be too small";
    default:
        return "";
    }
}

static struct step_result judge_start(const char *name, int error_number)
{
    const char *advice = advice_on(error_number);
    if (passes_by_itself(error_number))
        return step_transient("cannot run %s: %s%s", name, strerror(error_number), advice);
    return step_terminal("cannot run %s: %s%s", name, strerror(error_number), advice);
}

/* The kernel does not say which call it was. With this the supervisor's log tells of it, once. */
static void report_forbidden(void)
{
    const struct report report = {.type = REPORT_FORBIDDEN, .text = "unknown"};
    attempt.context->report(attempt.context, &report);
}

static struct step_result judge_signal(const char *name, const struct program_end *end)
{
    int number = WTERMSIG(end->wait_status);
    const char *abbreviation = sigabbrev_np(number);
    const char *reason = "";
    if (number == SIGSYS) {
        report_forbidden();
        reason = ": it used a system call that the sandbox forbids";
    } else if (number == SIGXCPU)
        reason = ": it used more processor time than [sandbox] cpu allows";
    else if (number == SIGXFSZ)
        reason = ": it wrote more than [sandbox] file_size allows";
    return step_terminal("program %s was killed by SIG%s%s%s%s", name,
                         abbreviation ? abbreviation : "RT", reason, *end->last_line ? ": " : "",
                         end->last_line);
}

static struct step_result judge_exit(const struct external_step *step,
                                     const struct program_end *end)
{
    int code = WEXITSTATUS(end->wait_status);
    char silent[STATUS_TEXT_SIZE];
    const char *message = end->last_line;
    if (!*message) {
        snprintf(silent, sizeof(silent),
                 "program %s ended with exit status %d and wrote nothing to descriptor 2",
                 name_of(step), code);
        message = silent;
    }
    if (code == EXTERNAL_EXIT_TRANSIENT)
        return step->poll_milliseconds > 0 ? step_wait("%s", message)
                                           : step_transient("%s", message);
    return step_terminal("%s", message);
}

static struct step_result judge(const struct external_step *step, const struct program_end *end)
{
    char duration[CLOCK_TEXT_SIZE];
    const char *name = name_of(step);
    switch (end->fate) {
    case PROGRAM_NOT_STARTED:
        return judge_start(name, end->error_number);
    case PROGRAM_TIMED_OUT:
        return step_transient("timeout: step %s was ended after %s%s%s", step->name,
                              clock_format_duration(duration, step->timeout_milliseconds),
                              *end->last_line ? ": " : "", end->last_line);
    case PROGRAM_MISREPORTED:
        return step_terminal("program %s wrote an invalid report to descriptor 3: %s", name,
                             end->problem);
    case PROGRAM_ENDED:
    default:
        break;
    }
    if (attempt.reported > REPORTED_MAXIMUM)
        return step_terminal("program %s reported more than %d KiB on descriptor 3", name,
                             REPORTED_MAXIMUM / 1024);
    if (WIFSIGNALED(end->wait_status))
        return judge_signal(name, end);
    if (WEXITSTATUS(end->wait_status) != 0)
        return judge_exit(step, end);
    snprintf(attempt.context->result_message, sizeof(attempt.context->result_message), "%s",
             end->last_line);
    return step_succeeded();
}

/* --- Steps --- */

/* A condition runs its program many times within one deadline; the last time begins when it is
 * reached (task.c), and has a moment of its own. */
static int64_t deadline_of(const struct external_step *step)
{
    int64_t now = clock_monotonic().milliseconds;
    if (step->timeout_milliseconds == 0)
        return INT64_MAX;
    if (!attempt.has_deadline || attempt.step != attempt.context->step) {
        attempt.has_deadline = true;
        attempt.step = attempt.context->step;
        attempt.deadline = now + step->timeout_milliseconds;
    }
    int64_t least = step->poll_milliseconds > 0 ? now + LOOK_MINIMUM : now;
    return attempt.deadline > least ? attempt.deadline : least;
}

static struct step_result run_step(struct task_context *context)
{
    const struct external_task *task = attempt.worker->programs->task;
    const struct external_step *step = &task->steps[context->step];
    char *variables[VARIABLES_MAXIMUM + 2];
    cleanup_free char *name = NULL;
    if (attempt.left_by)
        return step_terminal("program %s left processes running, which this machine (no user "
                             "namespaces, Landlock ABI below 6) can only end with the attempt: let "
                             "it wait for them, or allow user namespaces",
                             attempt.left_by);
    if (asprintf(&name, "MIMO_STEP=%s", step->name) < 0) {
        name = NULL;
        return step_transient("out of memory: raise [sandbox] memory");
    }
    memcpy(variables, attempt.variables, sizeof(attempt.variables));
    variables[attempt.variable_count] = name;
    variables[attempt.variable_count + 1] = NULL;
    struct program_order order = {
        .arguments = step->arguments,
        .environment = variables,
        .input = attempt.worker->input_fd,
        .kubeconfig = attempt.worker->kubeconfig_fd,
        .deadline = deadline_of(step),
    };
    struct program_listener listener = {
        .line = hear_line, .report = hear_report, .context = &attempt};
    static struct program_end end;
    program_run(&order, &listener, &end);
    if (end.left_processes)
        attempt.left_by = name_of(step);
    return judge(step, &end);
}

/* A condition without a timeout waits for as long as the attempt may last. */
static int plan(struct task_context *context, struct task_step **ret_steps, size_t *ret_count,
                struct error *error)
{
    const struct external_task *task = context->task->external;
    struct task_step *steps = calloc(task->step_count, sizeof(*steps));
    if (!steps)
        return error_set_system(error, ENOMEM, "cannot list the steps");
    for (size_t i = 0; i < task->step_count; i++) {
        const struct external_step *step = &task->steps[i];
        steps[i] = (struct task_step){
            .name = step->name,
            .run = run_step,
            .poll_milliseconds = step->poll_milliseconds,
            .timeout_milliseconds = step->timeout_milliseconds
                                        ? step->timeout_milliseconds
                                        : (int64_t)attempt.worker->order->alarm_seconds * 1000,
        };
    }
    *ret_steps = steps;
    *ret_count = task->step_count;
    return 0;
}

static void sleep_milliseconds(struct task_context *context, int64_t milliseconds)
{
    (void)context;
    program_sleep(milliseconds);
}

static int prepare(struct worker *worker, struct task_context *context,
                   struct kubeconfig *kubeconfig, struct error *error)
{
    const struct launcher_launch *order = worker->order;
    attempt = (struct attempt){.worker = worker, .context = context};
    if (fill_memory(worker->input_fd, worker->document, order->job_length, order->job_length,
                    error) < 0 ||
        fill_kubeconfig(worker, context, kubeconfig, error) < 0 ||
        make_environment(context->job, kubeconfig, error) < 0)
        return -1;
    return program_run_prepare(
        &(struct program_place){
            .parent = worker->parent,
            .stopper = worker->is_init ? 0 : worker->workplace->launcher,
            .is_init = worker->is_init,
            .contained = worker->workplace->is_contained,
        },
        error);
}

struct step_result worker_run_programs(struct worker *worker, struct task_context *context,
                                       struct kubeconfig *kubeconfig)
{
    struct error error;
    if (worker->workplace->landlock_abi == 0)
        return step_terminal("programs of tasks are not run on this machine: its kernel has no "
                             "Landlock, and nothing else keeps them from files");
    if (prepare(worker, context, kubeconfig, &error) < 0)
        return step_failed(error.kind, "%s", error.message);
    struct task planned = *context->task;
    planned.flags |= TASK_STEPS_OF_ITS_OWN;
    planned.plan = plan;
    context->task = &planned;
    context->sleep_milliseconds = sleep_milliseconds;
    struct step_result result = task_run(context);
    for (size_t i = 0; i < attempt.variable_count; i++)
        free(attempt.variables[i]);
    context->task = planned.external ? &planned.external->task : NULL;
    return result;
}
