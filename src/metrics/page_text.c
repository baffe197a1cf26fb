/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_text.c - formats the figures as a Prometheus page, and the health as one line.
 */
#include "metrics/page_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

#define HELPER_COUNTER(constant, name_, help_)                                                     \
    [constant] = {.name = (name_), .kind = METRIC_KIND_COUNTER, .help = (help_)},
#define HELPER_GAUGE(constant, name_, help_)                                                       \
    [constant] = {.name = (name_), .kind = METRIC_KIND_GAUGE, .help = (help_)},

const struct metric_description helper_metric_descriptions[HELPER_METRIC_COUNT] = {
    HELPER_METRICS(HELPER_COUNTER, HELPER_GAUGE)};

/* "actuator.heartbeat" -> "actuator_heartbeat_total". In the page's format an ending "_count" is
 * reserved for histograms: "mimo.actuator.workers.active.count" ->
 * "mimo_actuator_workers_active". */
static void write_name(FILE *page, const struct metric_description *description)
{
    static const char reserved[] = ".count";
    size_t length = strlen(description->name);
    if (length > strlen(reserved) &&
        strcmp(description->name + length - strlen(reserved), reserved) == 0)
        length -= strlen(reserved);
    for (size_t i = 0; i < length; i++)
        fputc(description->name[i] == '.' ? '_' : description->name[i], page);
    if (description->kind == METRIC_KIND_COUNTER)
        fputs("_total", page);
}

static void write_metric(FILE *page, const struct metric_description *description, int64_t value)
{
    fputs("# HELP ", page);
    write_name(page, description);
    fprintf(page, " %s\n# TYPE ", description->help);
    write_name(page, description);
    fprintf(page, " %s\n", description->kind == METRIC_KIND_COUNTER ? "counter" : "gauge");
    write_name(page, description);
    fprintf(page, " %" PRId64 "\n", value);
}

char *page_text_metrics(const struct page_figures *figures, size_t *ret_length)
{
    char *text = NULL;
    FILE *page = open_memstream(&text, ret_length);
    if (!page)
        return NULL;

    for (int metric = 0; figures->heard && metric < METRIC_COUNT; metric++)
        write_metric(page, &metric_descriptions[metric], figures->values[metric]);

    const int64_t of_helper[HELPER_METRIC_COUNT] = {
        [HELPER_STATSD_SENT] = (int64_t)figures->statsd_sent,
        [HELPER_STATSD_DROPPED] = (int64_t)figures->statsd_dropped,
        [HELPER_LOOKUPS_FAILED] = (int64_t)figures->statsd_lookup_failures,
        [HELPER_SILENCE] = figures->silence_milliseconds / 1000,
    };
    for (int metric = 0; metric < HELPER_METRIC_COUNT; metric++)
        write_metric(page, &helper_metric_descriptions[metric], of_helper[metric]);

    bool complete = !ferror(page);
    if (fclose(page) != 0 || !complete) {
        free(text);
        return NULL;
    }
    return text;
}

bool page_text_health(const struct page_figures *figures, char text[PAGE_HEALTH_SIZE])
{
    const char *reason = figures->not_ready;
    if (!figures->heard)
        reason = "the supervisor has not reported yet";
    else if (figures->silence_milliseconds > figures->stale_after_milliseconds)
        reason = "the supervisor has been silent for three intervals";
    else if (figures->values[METRIC_READY] == 1) {
        snprintf(text, PAGE_HEALTH_SIZE, "ready\n");
        return true;
    }
    snprintf(text, PAGE_HEALTH_SIZE, "not ready: %s\n", reason);
    return false;
}
