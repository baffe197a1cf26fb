/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_double.c - a task context whose clock only moves when somebody sleeps.
 */
#include "task_double.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/certificate.h"
#include "mimo/document.h"

static struct task_double *double_of(struct task_context *context)
{
    return context->environment;
}

static int64_t now_milliseconds(struct task_context *context)
{
    return double_of(context)->now;
}

static void sleep_milliseconds(struct task_context *context, int64_t milliseconds)
{
    assert(milliseconds > 0);
    double_of(context)->now += milliseconds;
    double_of(context)->sleeps++;
}

static void describe(const struct report *report, char *line, size_t size)
{
    if (report->type == REPORT_STEP)
        snprintf(line, size, "step %d/%d %s\n", report->step, report->steps, report->text);
    else if (report->type == REPORT_STATUS)
        snprintf(line, size, "status %s\n", report->text);
    else if (report->type == REPORT_LOG)
        snprintf(line, size, "log %d %s\n", report->level, report->text);
    else
        snprintf(line, size, "another report\n");
}

static void keep_report(struct task_context *context, const struct report *report)
{
    struct task_double *double_ = double_of(context);
    char *line = report_format(report);
    assert(line);
    double_->report_bytes += strlen(line);
    free(line);
    char text[STATUS_TEXT_SIZE + 64];
    describe(report, text, sizeof(text));
    size_t length = strlen(text);
    if (double_->reports_length + length >= sizeof(double_->reports))
        return;
    memcpy(double_->reports + double_->reports_length, text, length + 1);
    double_->reports_length += length;
}

static void keep_bytes(struct task_context *context, const void *bytes, size_t length)
{
    struct task_double *double_ = double_of(context);
    assert(length < sizeof(double_->raw));
    memcpy(double_->raw, bytes, length);
    double_->raw[length] = '\0';
}

static struct step_result read_certificate(struct task_context *context, size_t position,
                                           struct certificate_data *ret_data)
{
    const char *pem = double_of(context)->certificates[position];
    if (!pem)
        return step_terminal("404 certificate %zu not found", position);
    *ret_data =
        (struct certificate_data){.bytes = (unsigned char *)strdup(pem), .length = strlen(pem)};
    assert(ret_data->bytes);
    return step_succeeded();
}

static void read_job(struct task_double *context, const char *text)
{
    char json[16 * 1024];
    snprintf(json, sizeof(json), "%s", text);
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    struct error error = {0};
    struct json_object *document = document_parse(json, strlen(json), &error);
    if (!document)
        fprintf(stderr, "%s: %s\n", json, error.message);
    assert(document);
    context->job = (struct job){
        .attempt = (int)document_integer(document, "attempt", 1),
        .parameters = document_get(document, "parameters"),
        .cluster = document_get(document, "cluster"),
        .settings = document_get(document, "settings"),
        .document = document,
    };
}

void task_double_initialize(struct task_double *context, const struct task *task, const char *job)
{
    *context = (struct task_double){.now = 1000000};
    read_job(context, job ? job : "{}");
    context->context = (struct task_context){
        .job = &context->job,
        .task = task,
        .now_milliseconds = now_milliseconds,
        .sleep_milliseconds = sleep_milliseconds,
        .report = keep_report,
        .report_bytes = keep_bytes,
        .read_certificate = read_certificate,
        .environment = context,
    };
}

void task_double_free(struct task_double *context)
{
    json_object_put(context->job.document);
}
