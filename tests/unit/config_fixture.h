/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_fixture.h - a private folder with a configuration file, for the tests of the
 * configuration.
 */
#ifndef MIMO_TEST_CONFIG_FIXTURE_H
#define MIMO_TEST_CONFIG_FIXTURE_H

#include "expect.h"
#include "mimo/config.h"

static struct {
    char folder[PRIVATE_PATH_SIZE];
    char path[PRIVATE_PATH_SIZE + 16];
    char drop_ins[PRIVATE_PATH_SIZE + 32];
} fixture;

static inline int set_up(void **state)
{
    (void)state;
    make_private_folder(fixture.folder);
    snprintf(fixture.path, sizeof(fixture.path), "%s/mimo.conf", fixture.folder);
    snprintf(fixture.drop_ins, sizeof(fixture.drop_ins), "%s.d", fixture.path);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    remove_private_folder(fixture.folder);
    return 0;
}

/* A text file of this content is read; it must be good. */
static inline void load(struct config *config, const char *content)
{
    struct error error;

    write_file(fixture.path, content);
    expect_success(config_load(config, fixture.path, NULL, &error), &error);
}

/* The whole message, without the path of the file in front. */
static inline void expect_wrong(const char *content, const char *expected)
{
    struct config config;
    struct error error;

    write_file(fixture.path, content);
    assert_int_equal(config_load(&config, fixture.path, NULL, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_int_equal(strncmp(error.message, fixture.path, strlen(fixture.path)), 0);
    assert_string_equal(error.message + strlen(fixture.path), expected);
    assert_null(config.store_uri); /* nothing is owned */
}

static inline char *dump(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    config_dump(config, stream);
    fclose(stream);
    return text;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
