/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_task.c - what a worker does inside its sandbox: read the job, run the task, report the
 * result.
 *
 * A job or report that cannot be read or written ends the worker with its exit code. All that a
 * task can run into, bad credentials included, is a result, and then the exit status is 0.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "launcher/worker.h"
#include "launcher/worker_log.h"
#include "launcher/worker_programs.h"
#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"
#include "mimo/exit_codes.h"
#include "mimo/io.h"
#include "mimo/job.h"
#include "mimo/kube.h"
#include "mimo/process.h"
#include "mimo/report.h"
#include "mimo/seal.h"
#include "mimo/task.h"

static int64_t now_milliseconds(struct task_context *context)
{
    (void)context;
    return clock_monotonic().milliseconds;
}

static void sleep_milliseconds(struct task_context *context, int64_t milliseconds)
{
    (void)context;
    struct timespec left = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = (milliseconds % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0)
        ;
}

static void write_bytes(struct task_context *context, const void *bytes, size_t length)
{
    const struct worker *worker = context->environment;
    struct error error;
    if (io_write_all(worker->report_fd, bytes, length, &error) < 0)
        worker_give_up(worker, EXIT_WORKER_REPORT, &error);
}

/* "mimo-worker: Practice my-cluster [2/3 wait] 2b65ac7b": progress comes before the last word. */
static void show_progress(const char *title, const struct report *step)
{
    const char *last = strrchr(title, ' ');
    size_t head = last ? (size_t)(last - title) : strlen(title);
    process_set_title("%.*s [%d/%d %s]%s", (int)head, title, step->step, step->steps, step->text,
                      last ? last : "");
}

static void write_report(struct task_context *context, const struct report *report)
{
    const struct worker *worker = context->environment;
    struct error error;
    if (report->type == REPORT_STEP)
        show_progress(worker->order->title, report);
    cleanup_free char *line = report_format(report);
    if (!line && report->type == REPORT_PATCH_CLUSTER) {
        error_set(&error, ERROR_TOO_LARGE,
                  "a change of the cluster document is too long to report");
        worker_give_up(worker, EXIT_WORKER_REPORT, &error);
    }
    if (!line) {
        error_set(&error, ERROR_MEMORY, "a report does not fit: raise sandbox.memory");
        worker_give_up(worker, EXIT_WORKER_MEMORY, &error);
    }
    write_bytes(context, line, strlen(line));
}

static void forget_credentials(struct worker *worker)
{
    seal_wipe(worker->credentials, worker->credentials_length);
    worker->credentials = NULL;
}

/* Reads the kubeconfig of the cluster; on failure the result says why it is missing. */
static struct step_result open_kubeconfig(struct worker *worker, const struct job *job,
                                          struct kubeconfig *ret_config)
{
    struct error error;
    if (!worker->credentials)
        return step_terminal("no kubeconfig is registered for this cluster; register one with the "
                             "cluster, then create the manifest again");
    int status = kubeconfig_parse((const char *)worker->credentials, worker->credentials_length,
                                  ret_config, &error);
    forget_credentials(worker);
    if (status < 0)
        return step_failed(error.kind, "the cluster's kubeconfig cannot be used: %s",
                           error.message);
    const char *url = document_string(job->cluster, "properties.apiserverProfile.url", NULL);
    if (!url || kubeconfig_expect_server(ret_config, url, &error) == 0)
        return step_succeeded();
    kubeconfig_free(ret_config);
    return step_failed(error.kind, "%s", error.message);
}

static struct step_result run_built_in(struct task_context *context, struct kubeconfig *config)
{
    struct error error;
    int status = 0;
    if (config)
        status = kube_client_create(config, context->job->endpoints, &context->kube, &error);
    if (config)
        kubeconfig_free(config); /* the client has its own */
    if (status < 0)
        return step_failed(error.kind, "%s", error.message);
    struct step_result result = task_run(context);
    kube_client_free(context->kube); /* says good-bye to the API server */
    context->kube = NULL;
    return result;
}

static struct step_result run_task(struct worker *worker, struct task_context *context)
{
    struct kubeconfig config = {0};
    bool needs_cluster = context->task->flags & TASK_NEEDS_CLUSTER;
    struct step_result result = step_succeeded();
    if (needs_cluster)
        result = open_kubeconfig(worker, context->job, &config);
    else
        forget_credentials(worker);
    if (result.outcome != OUTCOME_SUCCEEDED)
        return result;
    return worker->programs ? worker_run_programs(worker, context, needs_cluster ? &config : NULL)
                            : run_built_in(context, needs_cluster ? &config : NULL);
}

static void report_result(struct task_context *context, const struct step_result *result)
{
    struct report report = {
        .type = REPORT_RESULT,
        .outcome = result->outcome,
        .text = result->message,
        .retry_after = result->retry_after,
    };
    write_report(context, &report);
}

void worker_run_task(struct worker *worker)
{
    struct error error;
    struct job job;
    if (job_parse(worker->document, worker->order->job_length, &job, &error) < 0)
        worker_give_up(worker, EXIT_WORKER_JOB, &error);
    const struct task *task = task_list_find(worker->workplace->tasks, job.task_id);
    if (!task) {
        error_set(&error, ERROR_NOT_FOUND,
                  "there is no task %s: check that mimod and mimo-launcher are of the same build",
                  job.task_id);
        worker_give_up(worker, EXIT_WORKER_TASK, &error);
    }
    if (task->external != (worker->programs ? worker->programs->task : NULL)) {
        error_set(&error, ERROR_INVALID, "the order names another task than the job: %s",
                  job.task_id);
        worker_give_up(worker, EXIT_WORKER_TASK, &error);
    }
    struct task_context context = {
        .job = &job,
        .task = task,
        .now_milliseconds = now_milliseconds,
        .sleep_milliseconds = sleep_milliseconds,
        .report = write_report,
        .report_bytes = write_bytes,
        .read_certificate = worker_take_certificate,
        .environment = worker,
    };
    struct step_result result = run_task(worker, &context);
    report_result(&context, &result);
    job_free(&job);
    _exit(EXIT_SUCCESS);
}
