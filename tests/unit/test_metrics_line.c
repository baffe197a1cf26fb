/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics_line.c - statsd lines are what MDM and plain agents expect, to the byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/metric_line.h"

/* 2026-11-23T07:08:00.042 */
static const int64_t MORNING = INT64_C(1795417680042);

static struct metric_labels labels_of_a_fleet(void)
{
    return (struct metric_labels){
        .format = STATSD_FORMAT_MDM,
        .account = "*",
        .namespace = "*",
        .hostname = "vm0",
        .location = "eastus",
        .environment = "",
        .service = "mimo",
        .version = "1.0",
        .prefix = "",
    };
}

static void expect_line(const struct metric_labels *labels, enum metric metric, int64_t amount,
                        const char *expected)
{
    struct error error;
    char *line = metric_line_format(labels, metric, amount, MORNING, &error);
    assert_non_null(line);
    assert_string_equal(line, expected);
    free(line);
}

static void heartbeat_in_mdm_form_is_the_example_of_the_specification(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    expect_line(&labels, METRIC_HEARTBEAT, 1,
                "{\"Metric\":\"actuator.heartbeat\",\"Account\":\"*\",\"Namespace\":\"*\","
                "\"Dims\":{\"hostname\":\"vm0\",\"location\":\"eastus\",\"service\":\"mimo\","
                "\"version\":\"1.0\"},\"TS\":\"2026-11-23T07:08:00.042\"}:1|c");
}

static void gauge_in_mdm_form_ends_in_g(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    expect_line(&labels, METRIC_QUEUE_LENGTH, 512,
                "{\"Metric\":\"database.maintenancemanifests.queue.length\",\"Account\":\"*\","
                "\"Namespace\":\"*\",\"Dims\":{\"hostname\":\"vm0\",\"location\":\"eastus\","
                "\"service\":\"mimo\",\"version\":\"1.0\"},"
                "\"TS\":\"2026-11-23T07:08:00.042\"}:512|g");
}

static void empty_location_is_left_out_and_environment_stands_behind_it(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    labels.location = "";
    labels.environment = "int";
    expect_line(&labels, METRIC_WORKERS_ACTIVE, 0,
                "{\"Metric\":\"mimo.actuator.workers.active.count\",\"Account\":\"*\","
                "\"Namespace\":\"*\",\"Dims\":{\"hostname\":\"vm0\",\"environment\":\"int\","
                "\"service\":\"mimo\",\"version\":\"1.0\"},"
                "\"TS\":\"2026-11-23T07:08:00.042\"}:0|g");
}

static void labels_cannot_break_out_of_the_json_name(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    labels.location = "east\"}:9|c\n";
    labels.account = "caf\xc3\xa9";
    expect_line(
        &labels, METRIC_HEARTBEAT, 1,
        "{\"Metric\":\"actuator.heartbeat\",\"Account\":\"caf\xc3\xa9\",\"Namespace\":\"*\","
        "\"Dims\":{\"hostname\":\"vm0\",\"location\":\"east\\\"}:9|c\\n\","
        "\"service\":\"mimo\",\"version\":\"1.0\"},"
        "\"TS\":\"2026-11-23T07:08:00.042\"}:1|c");
}

static void plain_form_is_name_value_and_kind(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    labels.format = STATSD_FORMAT_PLAIN;
    expect_line(&labels, METRIC_HEARTBEAT, 1, "actuator.heartbeat:1|c");
    expect_line(&labels, METRIC_QUEUE_LENGTH, INT64_MAX,
                "database.maintenancemanifests.queue.length:9223372036854775807|g");
    expect_line(&labels, METRIC_WORKERS_ACTIVE, 10, "mimo.actuator.workers.active.count:10|g");
}

static void prefix_is_of_the_plain_form_alone(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    labels.format = STATSD_FORMAT_PLAIN;
    labels.prefix = "mimo.vm0.";
    expect_line(&labels, METRIC_QUEUE_LENGTH, 3,
                "mimo.vm0.database.maintenancemanifests.queue.length:3|g");
    labels.format = STATSD_FORMAT_MDM;
    labels.location = "";
    expect_line(&labels, METRIC_HEARTBEAT, 1,
                "{\"Metric\":\"actuator.heartbeat\",\"Account\":\"*\",\"Namespace\":\"*\","
                "\"Dims\":{\"hostname\":\"vm0\",\"service\":\"mimo\",\"version\":\"1.0\"},"
                "\"TS\":\"2026-11-23T07:08:00.042\"}:1|c");
}

static void service_and_type_of_the_heartbeat_can_be_chosen(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    labels.service = "actuator";
    labels.location = "";
    labels.heartbeat_is_gauge = true;
    expect_line(&labels, METRIC_HEARTBEAT, 1,
                "{\"Metric\":\"actuator.heartbeat\",\"Account\":\"*\",\"Namespace\":\"*\","
                "\"Dims\":{\"hostname\":\"vm0\",\"service\":\"actuator\",\"version\":\"1.0\"},"
                "\"TS\":\"2026-11-23T07:08:00.042\"}:1|g");
    labels.format = STATSD_FORMAT_PLAIN;
    expect_line(&labels, METRIC_ATTEMPTS_STARTED, 2, "mimo.actuator.attempts.started:2|c");
}

static void label_that_is_not_utf8_is_refused_by_name(void **state)
{
    (void)state;
    struct metric_labels labels = labels_of_a_fleet();
    labels.location = "\xff";
    struct error error;
    assert_null(metric_line_format(&labels, METRIC_HEARTBEAT, 1, MORNING, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "location"));
}

static void expect_prefix(const char *setting, const char *hostname, const char *expected)
{
    char *prefix = metric_line_prefix(setting, hostname, 2);
    assert_string_equal(prefix, expected);
    free(prefix);
}

/* Red when the gauges of two actuators have one name unless somebody configures them apart. */
static void each_actuator_has_a_prefix_of_its_own_by_default(void **state)
{
    (void)state;
    expect_prefix("auto", "vm0", "mimo.vm0.2.");
    expect_prefix("auto", "vm-1.eastus:8|g", "mimo.vm-1_eastus_8_g.2.");
    expect_prefix("auto", "", "mimo.unknown.2.");
    expect_prefix("", "vm0", "");
    expect_prefix("automatic.", "vm0", "automatic.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heartbeat_in_mdm_form_is_the_example_of_the_specification),
        cmocka_unit_test(gauge_in_mdm_form_ends_in_g),
        cmocka_unit_test(empty_location_is_left_out_and_environment_stands_behind_it),
        cmocka_unit_test(labels_cannot_break_out_of_the_json_name),
        cmocka_unit_test(plain_form_is_name_value_and_kind),
        cmocka_unit_test(prefix_is_of_the_plain_form_alone),
        cmocka_unit_test(each_actuator_has_a_prefix_of_its_own_by_default),
        cmocka_unit_test(service_and_type_of_the_heartbeat_can_be_chosen),
        cmocka_unit_test(label_that_is_not_utf8_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
