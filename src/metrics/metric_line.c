/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric_line.c - formats one metric as a statsd line.
 */
#include "metrics/metric_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/document.h"

/* Sets a string member. An error names the member. */
static int set_text(struct json_object *object, const char *name, const char *value,
                    struct error *error)
{
    if (document_add(object, name, document_new_string(value)) < 0)
        return error_set(error, ERROR_INVALID,
                         "%s of the metrics is not valid UTF-8: correct it in section [metrics]",
                         name);
    return 0;
}

/* Empty dimensions are left out, because MDM treats "" as a value. */
static int set_dimension(struct json_object *dimensions, const char *name, const char *value,
                         struct error *error)
{
    return value[0] == '\0' ? 0 : set_text(dimensions, name, value, error);
}

static struct json_object *make_dimensions(const struct metric_labels *labels, struct error *error)
{
    cleanup_json struct json_object *dimensions = json_object_new_object();
    if (set_dimension(dimensions, "hostname", labels->hostname, error) < 0 ||
        set_dimension(dimensions, "location", labels->location, error) < 0 ||
        set_dimension(dimensions, "environment", labels->environment, error) < 0 ||
        set_dimension(dimensions, "service", labels->service, error) < 0 ||
        set_dimension(dimensions, "version", labels->version, error) < 0)
        return NULL;
    return take_pointer(&dimensions);
}

/* The JSON object that stands for the metric's name in the MDM form. The caller frees it. */
static char *mdm_name(const struct metric_labels *labels, const char *metric,
                      int64_t unix_milliseconds, struct error *error)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format_milliseconds(time, unix_milliseconds);
    time[strcspn(time, "Z")] = '\0'; /* TS is UTC without a zone */

    cleanup_json struct json_object *name = json_object_new_object();
    if (set_text(name, "Metric", metric, error) < 0 ||
        set_text(name, "Account", labels->account, error) < 0 ||
        set_text(name, "Namespace", labels->namespace, error) < 0)
        return NULL;
    struct json_object *dimensions = make_dimensions(labels, error);
    if (!dimensions)
        return NULL;
    document_add(name, "Dims", dimensions);
    if (set_text(name, "TS", time, error) < 0)
        return NULL;

    char *text = document_format(name);
    if (!text)
        error_set(error, ERROR_MEMORY, "out of memory for a metric");
    return text;
}

char *metric_line_format(const struct metric_labels *labels, enum metric metric, int64_t amount,
                         int64_t unix_milliseconds, struct error *error)
{
    const struct metric_description *description = &metric_descriptions[metric];
    bool is_gauge = description->kind == METRIC_KIND_GAUGE ||
                    (metric == METRIC_HEARTBEAT && labels->heartbeat_is_gauge);
    const char *prefix = labels->format == STATSD_FORMAT_PLAIN ? labels->prefix : "";
    const char *name = description->name;

    cleanup_free char *mdm = NULL;
    if (labels->format == STATSD_FORMAT_MDM) {
        mdm = mdm_name(labels, name, unix_milliseconds, error);
        if (!mdm)
            return NULL;
        name = mdm;
    }

    char *line;
    if (asprintf(&line, "%s%s:%" PRId64 "|%c", prefix, name, amount, is_gauge ? 'g' : 'c') < 0) {
        error_set(error, ERROR_MEMORY, "out of memory for a metric");
        return NULL;
    }
    return line;
}

char *metric_line_prefix(const char *setting, const char *hostname, int index)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    char *prefix;
    if (strcmp(setting, "auto") != 0)
        return strdup(setting);
    cleanup_free char *host = strdup(*hostname ? hostname : "unknown");
    if (!host || asprintf(&prefix, "mimo.%s.%d.", host, index) < 0)
        return NULL;
    char *name = prefix + strlen("mimo.");
    for (size_t i = 0; i < strlen(host); i++)
        if (!strchr(plain, name[i]))
            name[i] = '_';
    return prefix;
}
