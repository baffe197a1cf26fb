/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ctl_texts.c - manifests, clusters and workers as people see them: cell by cell, and the lines
 * around the tables.
 */
#include <locale.h>

#include "ctl/output/cluster_text.h"
#include "ctl/output/manifest_text.h"
#include "ctl/output/task_names.h"
#include "ctl/output/workers_text.h"
#include "json_text.h"
#include "mimo/cleanup.h"

enum { NOW = 1800000000 };

static struct output output;

static int set_up(void **state)
{
    (void)state;
    output = (struct output){.form = OUTPUT_TABLE, .now = NOW};
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* The text of the column with this heading in the present form. */
static const char *cell_of(const struct listing *listing, const char *heading,
                           const struct json_object *item, struct cell *cell)
{
    *cell = (struct cell){.text = ""};
    for (size_t i = 0; i < listing->column_count; i++) {
        const struct column *column = &listing->columns[i];
        bool shown = column->place == IN_BOTH ||
                     column->place == (output.form == OUTPUT_WIDE ? IN_WIDE : IN_TABLE);
        if (!shown || strcmp(column->heading, heading) != 0)
            continue;
        if (column->fill)
            column->fill(&output, item, listing->context, cell);
        else
            snprintf(cell->text, sizeof(cell->text), "%s", document_string(item, column->path, ""));
        return cell->text;
    }
    fail_msg("there is no column %s", heading);
    return NULL;
}

struct expected {
    const char *item;
    const char *heading;
    const char *text;
    enum colour colour;
};

static void expect_cells(const struct listing *listing, const struct expected *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_json struct json_object *item = json_of_text(cells[i].item);
        static struct cell cell;
        const char *text = cell_of(listing, cells[i].heading, item, &cell);
        if (strcmp(text, cells[i].text) != 0 || cell.colour != cells[i].colour)
            fail_msg("%s of %s is \"%s\" in colour %d", cells[i].heading, cells[i].item, text,
                     (int)cell.colour);
    }
}

#define EXPECT_CELLS(listing, cells)                                                               \
    expect_cells(listing, cells, sizeof(cells) / sizeof((cells)[0]))

/* ---- manifests ---- */

static void cells_of_a_manifest(void **state)
{
    (void)state;
    static const struct expected cells[] = {
        {"{\"id\":\"01234567-89ab\"}", "ID", "01234567"},
        {"{\"state\":\"Pending\"}", "STATE", "Pending"},
        {"{\"state\":\"InProgress\"}", "STATE", "InProgress", COLOUR_BLUE},
        {"{\"state\":\"Completed\"}", "STATE", "Completed", COLOUR_GREEN},
        {"{\"state\":\"Failed\"}", "STATE", "Failed", COLOUR_RED},
        {"{\"state\":\"RetriesExceeded\"}", "STATE", "RetriesExceeded", COLOUR_RED},
        {"{\"state\":\"TimedOut\"}", "STATE", "TimedOut", COLOUR_YELLOW},
        {"{\"state\":\"Cancelled\"}", "STATE", "Cancelled", COLOUR_DIM},
        {"{\"state\":\"Later\"}", "STATE", "Later"},
        {"{\"clusterResourceID\":\"/subscriptions/a/resourceGroups/b/providers/c/d/name\"}",
         "CLUSTER", "name"},
        {"{\"dequeues\":2}", "ATTEMPTS", "2/5"},
        {"{\"dequeues\":3}", "ATTEMPTS", "3/5", COLOUR_YELLOW},
        {"{}", "ATTEMPTS", "0/5"},
        /* When a manifest is due: the later of two times */
        {"{\"state\":\"Pending\",\"runAfter\":1800000060}", "WHEN", "in 1m"},
        {"{\"state\":\"Pending\",\"runAfter\":1800000060,\"nextAttempt\":1800000120}", "WHEN",
         "in 2m"},
        {"{\"state\":\"Pending\",\"runAfter\":1800000120,\"nextAttempt\":1800000060}", "WHEN",
         "in 2m"},
        {"{\"state\":\"Pending\",\"runAfter\":1800000000}", "WHEN", "due now"},
        {"{\"state\":\"Pending\",\"runAfter\":1799999940}", "WHEN", "due 1m ago"},
        {"{\"state\":\"InProgress\",\"createdAt\":1,\"startedAt\":1799999700}", "WHEN", "for 5m"},
        {"{\"state\":\"Failed\",\"finishedAt\":1799999940}", "WHEN", "1m ago"},
        {"{\"state\":\"Failed\",\"finishedAt\":1800000600}", "WHEN", "now"}, /* another clock */
        {"{\"state\":\"Failed\"}", "WHEN", ""},
        /* Status */
        {"{\"statusText\":\"well\"}", "STATUS", "well"},
        {"{\"statusText\":\"\",\"progress\":{\"step\":2,\"steps\":3,\"name\":\"two\"}}", "STATUS",
         "[2/3] two"},
        {"{\"statusText\":\"on\",\"progress\":{\"step\":2,\"steps\":3,\"name\":\"two\"}}", "STATUS",
         "[2/3] two: on"},
    };
    EXPECT_CELLS(&manifest_listing, cells);
}

static void cells_of_a_manifest_in_the_wide_form(void **state)
{
    (void)state;
    static const struct expected cells[] = {
        {"{\"id\":\"01234567-89ab\"}", "ID", "01234567-89ab"},
        {"{\"clusterResourceID\":\"/a/b\"}", "CLUSTER", "/a/b"},
        {"{\"runAfter\":1800000000}", "RUN AFTER", "2027-01-15T08:00:00Z"},
        {"{\"runBefore\":1800000060}", "RUN BEFORE", "2027-01-15T08:01:00Z"},
        {"{\"finishedAt\":1800003600}", "FINISHED", "2027-01-15T09:00:00Z"},
        {"{\"finishedAt\":0}", "FINISHED", ""},
        {"{}", "RUN AFTER", ""},
        {"{\"leaseOwner\":\"0123\"}", "LEASE OF", "0123"},
        {"{\"leaseOwner\":\"0123\",\"leaseOwnerName\":\"actuator 1\"}", "LEASE OF", "actuator 1"},
        {"{}", "LEASE OF", ""},
    };
    output.form = OUTPUT_WIDE;
    EXPECT_CELLS(&manifest_listing, cells);
}

static void tasks_have_their_short_names(void **state)
{
    (void)state;
    cleanup_json struct json_object *tasks =
        json_of_text("[{\"id\":\"aa-1\",\"shortName\":\"one\"},{\"id\":\"bb-2\"}]");
    assert_string_equal(task_names_find(tasks, "aa-1"), "one");
    assert_string_equal(task_names_find(tasks, "AA-1"), "one");
    assert_string_equal(task_names_find(tasks, "bb-2"), "bb-2");
    assert_string_equal(task_names_find(tasks, "cc-3"), "cc-3");
    assert_string_equal(task_names_find(NULL, "cc-3"), "cc-3");
}

static void elapsed_is_the_wait_or_the_run(void **state)
{
    (void)state;
    static const struct {
        const char *manifest;
        int64_t seconds;
    } cases[] = {
        {"{\"state\":\"Pending\",\"createdAt\":1799999990,\"startedAt\":1799999999}", 10},
        {"{\"state\":\"InProgress\",\"createdAt\":1799999990,\"startedAt\":1799999997}", 3},
        {"{\"state\":\"InProgress\",\"createdAt\":1799999990}", 10},
        {"{\"state\":\"InProgress\",\"startedAt\":1799999997,\"finishedAt\":1799999998}", 3},
        {"{\"state\":\"Failed\",\"startedAt\":1799999990,\"finishedAt\":1799999997}", 7},
        {"{\"state\":\"Failed\",\"startedAt\":1799999990}", 10},
        {"{\"state\":\"Failed\",\"startedAt\":1799999990,\"finishedAt\":1799999980}", 0},
        {"{\"state\":\"Pending\",\"createdAt\":1800000010}", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_json struct json_object *manifest = json_of_text(cases[i].manifest);
        assert_int_equal(manifest_text_elapsed(manifest, NOW), cases[i].seconds);
    }
}

static void manifests_are_counted_by_state(void **state)
{
    (void)state;
    char text[64], small[12];
    cleanup_json struct json_object *none = json_of_text("[]");
    cleanup_json struct json_object *some = json_of_text(
        "[{\"state\":\"Failed\"},{\"state\":\"Completed\"},{\"state\":\"Failed\"},{\"state\":"
        "\"Odd\"}]");
    assert_string_equal(manifest_text_counts(none, text, sizeof(text)), "");
    assert_string_equal(manifest_text_counts(some, text, sizeof(text)), "1 Completed, 2 Failed");
    assert_string_equal(manifest_text_counts(some, small, sizeof(small)), "1 Completed"); /* cut */
}

/* ---- clusters ---- */

static void cells_of_a_cluster(void **state)
{
    (void)state;
    static const struct expected cells[] = {
        {"{\"properties\":{\"provisioningState\":\"Succeeded\"}}", "STATE", "Succeeded",
         COLOUR_GREEN},
        {"{\"properties\":{\"provisioningState\":\"Failed\"}}", "STATE", "Failed", COLOUR_RED},
        {"{\"properties\":{\"provisioningState\":\"AdminUpdating\"}}", "STATE", "AdminUpdating",
         COLOUR_BLUE},
        {"{\"properties\":{\"provisioningState\":\"Updating\"}}", "STATE", "Updating",
         COLOUR_YELLOW},
        {"{}", "LEASE OF", ""},
        {"{\"leaseExpiry\":1800000060}", "LEASE OF", ""},
        {"{\"leaseOwner\":\"o\",\"leaseManifest\":\"0123456789\",\"leaseExpiry\":1800000060}",
         "LEASE OF", "manifest 01234567, ends in 1m"},
        {"{\"leaseOwner\":\"o\",\"leaseManifest\":\"m\",\"leaseExpiry\":1800000000}", "LEASE OF",
         "manifest m, ends now"},
        {"{\"leaseOwner\":\"o\",\"leaseExpiry\":1799999940}", "LEASE OF",
         "manifest ?, ended 1m ago"},
    };
    EXPECT_CELLS(&cluster_listing, cells);
}

/* ---- what is written ---- */

/* Standard output of `write`; the caller frees it. */
static char *written(void (*write)(void))
{
    char *text = NULL;
    size_t size = 0;
    FILE *before = stdout;
    stdout = open_memstream(&text, &size);
    assert_non_null(stdout);
    write();
    fclose(stdout);
    stdout = before;
    return text;
}

static const char *answers_text;

static void write_workers(void)
{
    cleanup_json struct json_object *answers = json_of_text(answers_text);
    workers_text_write(&output, answers);
}

static void expect_workers(const char *answers, const char *expected)
{
    answers_text = answers;
    cleanup_free char *text = written(write_workers);
    assert_string_equal(text, expected);
}

#define WORKER                                                                                        \
    "{\"pid\":7,\"slot\":1,\"task\":\"Flags\",\"clusterResourceID\":\"/a/b\",\"step\":2,\"steps\":3," \
    "\"stepName\":\"two\",\"runMilliseconds\":65000,\"rssKiB\":1536,\"attempt\":1,\"manifestID\":"    \
    "\"0123456789\"}"
#define TABLE                                                                                      \
    "PID  SLOT  TASK   CLUSTER  STEP     RUN    RSS   ATTEMPT  MANIFEST\n"                         \
    "7    1     Flags  b        2/3 two  1m05s  1.5M  1        01234567\n"

static void one_actuator_at_work_needs_no_heading(void **state)
{
    (void)state;
    expect_workers("[{\"actuator\":{},\"workers\":[" WORKER "]}]", TABLE);
    expect_workers("[{\"actuator\":{},\"workers\":[{\"pid\":8}]}]",
                   "PID  SLOT  TASK  CLUSTER  STEP  RUN  RSS   ATTEMPT  MANIFEST\n"
                   "8    -     -     -        -     0s   0.0M  -        -\n");
}

static void several_actuators_have_headings(void **state)
{
    (void)state;
    expect_workers(
        "[{\"actuator\":{\"index\":0,\"hostname\":\"vm0\",\"version\":\"1\",\"pid\":5,\"startedAt\":"
        "1799989200,\"ready\":true,\"buckets\":[0,85],\"workersActive\":1,\"maxWorkers\":10},"
        "\"workers\":[" WORKER "]},"
        "{\"actuator\":{\"index\":1,\"startedAt\":1800000100,\"notReady\":[\"no store\",5],"
        "\"buckets\":[0,-1],\"mode\":\"paused\"},\"workers\":[" WORKER "]}]",
        "Actuator 0:       on vm0 (mimod 1, pid 5, up 3h): ready; buckets 0-85; 1 of 10 workers\n" TABLE
        "\n"
        "Actuator 1:       on ? (mimod ?, pid 0, up 0s): not ready: no store; ?; no buckets; 0 of 0 "
        "workers; paused\n" TABLE);
}

static void a_mode_that_is_a_reason_is_said_once(void **state)
{
    (void)state;
    expect_workers(
        "[{\"actuator\":{\"mode\":\"paused\",\"notReady\":[\"paused\"],\"buckets\":[3,3]},"
        "\"workers\":[" WORKER "]}]",
        "Actuator 0:       on ? (mimod ?, pid 0, up 0s): not ready: paused; buckets 3-3; "
        "0 of 0 workers\n" TABLE);
}

static void an_actuator_that_does_not_work_as_usual_says_so(void **state)
{
    (void)state;
    expect_workers("[{\"actuator\":{\"mode\":\"drained\",\"buckets\":[3,3]},\"workers\":[" WORKER
                   "]}]",
                   "Actuator 0:       on ? (mimod ?, pid 0, up 0s): not ready; buckets 3-3; 0 of 0 "
                   "workers; drained\n" TABLE);
}

static void write_fields(void)
{
    output_field(&output, "Short", COLOUR_RED, "%s", "one\ntwo");
    output_field(&output, "Empty", COLOUR_NONE, "%s", "");
    output_field(&output, "Long", COLOUR_NONE, "%s", "one two three four five six seven");
}

static void fields_are_aligned_and_wrapped_on_terminals(void **state)
{
    (void)state;
    static const struct {
        struct output output;
        const char *text;
    } cases[] = {
        {{.width = 0},
         "Short:            one?two\n"
         "Long:             one two three four five six seven\n"},
        {{.width = 36, .colour = true},
         "Short:            \033[31mone?two\033[0m\n"
         "Long:             one two three four\n"
         "                  five six seven\n"},
        {{.width = 35},
         "Short:            one?two\n"
         "Long:             one two three four five six seven\n"},
        {{.width = 36, .form = OUTPUT_WIDE},
         "Short:            one?two\n"
         "Long:             one two three four five six seven\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        output = cases[i].output;
        cleanup_free char *text = written(write_fields);
        assert_string_equal(text, cases[i].text);
    }
}

#define WITH_OUTPUT(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_OUTPUT(cells_of_a_manifest),
        WITH_OUTPUT(cells_of_a_manifest_in_the_wide_form),
        WITH_OUTPUT(tasks_have_their_short_names),
        WITH_OUTPUT(elapsed_is_the_wait_or_the_run),
        WITH_OUTPUT(manifests_are_counted_by_state),
        WITH_OUTPUT(cells_of_a_cluster),
        WITH_OUTPUT(one_actuator_at_work_needs_no_heading),
        WITH_OUTPUT(several_actuators_have_headings),
        WITH_OUTPUT(an_actuator_that_does_not_work_as_usual_says_so),
        WITH_OUTPUT(a_mode_that_is_a_reason_is_said_once),
        WITH_OUTPUT(fields_are_aligned_and_wrapped_on_terminals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
