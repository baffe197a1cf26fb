/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_file.c - what is written reads back the same, and the shipped file is made of the
 * table. */
#include "config/config_table.h"
#include "config_fixture.h"
#include "mimo/cleanup.h"
#include "mimo/io.h"

static void what_is_dumped_reads_back_the_same(void **state)
{
    struct config config, again;
    cleanup_free char *first = NULL, *second = NULL;

    (void)state;
    load(
        &config,
        "[actuator]\npoll_interval = 90s\nlease_ttl = 2h\ntask_timeout = 5400s\nretry_backoff = 0\n"
        "membership_interval = 1500ms\nassignment = static\npractice_tasks = yes\n"
        "[sandbox]\nmemory = 33554433\nfile_size = 3M\n"
        "[metrics]\nlocation = a#b \"c\"\nenvironment =\n"
        "[log]\nlevel = warning\n");
    first = dump(&config);
    assert_non_null(strstr(first, "\npoll_interval = 90s\n"));
    assert_non_null(strstr(first, "\nlease_ttl = 2h\n"));
    assert_non_null(strstr(first, "\ntask_timeout = 90m\n"));
    assert_non_null(strstr(first, "\nretry_backoff = 0\n"));
    assert_non_null(strstr(first, "\nmembership_interval = 1500ms\n"));
    assert_non_null(strstr(first, "\nmemory = 33554433\n"));
    assert_non_null(strstr(first, "\nfile_size = 3M\n"));
    assert_non_null(strstr(first, "\nauth = token-file\n"));
    assert_non_null(strstr(first, "\n[log]\nlevel = warning\nformat = auto\n"));

    load(&again, first);
    second = dump(&again);
    assert_string_equal(first, second);
    assert_string_equal(again.metrics_location, "a#b \"c\"");
    config_free(&config);
    config_free(&again);
}

static char *example(void)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    config_write_example(stream);
    fclose(stream);
    return text;
}

static void the_shipped_file_is_the_one_made_of_the_table(void **state)
{
    cleanup_free char *made = example();
    cleanup_free char *shipped = NULL;
    struct config config, defaults;
    struct error error;
    char path[4096];

    (void)state;
    if (strcmp(SYSCONFDIR LOCALSTATEDIR RUNSTATEDIR, "/etc/var/run") != 0)
        skip(); /* configured for other places than the file names */
    assert_non_null(getenv("MIMO_SOURCE"));
    snprintf(path, sizeof(path), "%s/etc/mimo.conf", getenv("MIMO_SOURCE"));
    expect_success(io_read_file(path, 100000, &shipped, NULL, &error), &error);
    if (strcmp(made, shipped) != 0)
        fail_msg("etc/mimo.conf is not what mimod --example-config writes: write it anew");

    expect_success(config_load(&config, path, NULL, &error), &error);
    load(&defaults, "");
    cleanup_free char *one = dump(&config);
    cleanup_free char *other = dump(&defaults);
    assert_string_equal(one, other);
    config_free(&config);
    config_free(&defaults);
}

/* Takes the mark off every key, as an operator would. */
static void the_shipped_defaults_are_the_defaults(void **state)
{
    cleanup_free char *text = example();
    struct config config, defaults;
    char *to = text;

    (void)state;
    for (const char *from = text; *from; from++) {
        bool key =
            *from == '#' && from[1] >= 'a' && from[1] <= 'z' && (from == text || from[-1] == '\n');

        if (!key)
            *to++ = *from;
    }
    *to = '\0';
    load(&config, text);
    cleanup_free char *one = dump(&config);
    load(&defaults, "");
    cleanup_free char *other = dump(&defaults);
    assert_string_equal(one, other);
    assert_non_null(strstr(text, "\nmax_workers = 10\n"));
    config_free(&config);
    config_free(&defaults);
}

static void every_row_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_row_count(); i++) {
        const struct config_row *row = config_row_at(i);

        assert_int_equal(config_row_number(row), i);
        assert_ptr_equal(config_row_find(row->section, row->name, NULL), row);
        assert_true(row->smallest <= row->largest);
        assert_true(strlen(row->help) > 0);
        assert_true(strlen(row->name) + strlen(row->otherwise) + 3 < 197);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_is_dumped_reads_back_the_same),
        WITH_FOLDER(the_shipped_file_is_the_one_made_of_the_table),
        WITH_FOLDER(the_shipped_defaults_are_the_defaults),
        WITH_FOLDER(every_row_is_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
