/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric_line.h - formats one metric as a statsd line.
 *
 * mdm:    {"Metric":"actuator.heartbeat","Account":"*","Namespace":"*","Dims":{"hostname":"vm0",
 *         "location":"eastus","service":"mimo","version":"1.0"},"TS":"2026-11-23T07:08:00.000"}:1|c
 * plain:  PREFIXactuator.heartbeat:1|c
 *
 * A line has no newline at its end. Pure: no clock, no I/O.
 */
#ifndef MIMO_METRICS_METRIC_LINE_H
#define MIMO_METRICS_METRIC_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "mimo/config.h"
#include "mimo/error.h"
#include "mimo/metrics.h"

/* Labels of every line. All texts are borrowed; an empty location, environment or service is left
 * out. */
struct metric_labels {
    enum config_statsd_format format;
    const char *account;
    const char *namespace;
    const char *hostname;
    const char *location;
    const char *environment;
    const char *service;
    const char *version;
    const char *prefix; /* plain form: put before each name as it is; see metric_line_prefix() */
    bool heartbeat_is_gauge; /* the heartbeat's type is g in place of c */
};

/* The line for `metric`; the caller frees it. `amount` is a gauge's value, or the increase of a
 * counter. NULL with ERROR_INVALID if a label is not UTF-8. */
char *metric_line_format(const struct metric_labels *labels, enum metric metric, int64_t amount,
                         int64_t unix_milliseconds, struct error *error);

/* The prefix of the plain form that the setting metrics.prefix stands for: "auto" is
 * mimo.HOSTNAME.INDEX., with an underscore for each character of the host name that would part the
 * name or break the line. The caller frees it; NULL without memory. */
char *metric_line_prefix(const char *setting, const char *hostname, int index);

#endif
