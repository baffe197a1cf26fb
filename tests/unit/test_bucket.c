/* SPDX-License-Identifier: Apache-2.0 */
/* test_bucket.c - every cluster has its bucket for ever, and every bucket one actuator. */
#include "expect.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"

static void buckets_are_those_that_operators_compute_by_hand(void **state)
{
    char path[4096], line[1024];
    int cases = 0;

    (void)state;
    assert_non_null(getenv("MIMO_SOURCE"));
    snprintf(path, sizeof(path), "%s/tests/unit/data/buckets.tsv", getenv("MIMO_SOURCE"));
    cleanup_file FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char *tab = strchr(line, '\t');

        if (*line == '#')
            continue;
        assert_non_null(tab);
        *tab = '\0';
        assert_int_equal(bucket_of(line), atoi(tab + 1));
        cases++;
    }
    assert_true(cases >= 6);
}

static void long_names_and_odd_bytes_have_a_bucket_too(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'A', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    /* printf '%0999d' 0 | tr 0 a | sha256sum | cut -c63-64, and so on */
    assert_int_equal(bucket_of(text), 0x81);
    assert_int_equal(bucket_of(""), 0x55);
    assert_int_equal(bucket_of("\xc3\x84"), bucket_of("\xc3\x84"));
    assert_int_not_equal(bucket_of("\xc3\x84"), bucket_of("\xc3\xa4"));
}

static void letters_alone_count_alike_in_either_case(void **state)
{
    (void)state;
    for (int character = 1; character < 256 - 32; character++) {
        char text[] = {(char)character, '\0'}, other[] = {(char)(character + 32), '\0'};
        bool same = bucket_of(text) == bucket_of(other);

        if (character >= 'A' && character <= 'Z')
            assert_true(same);
        else if (strchr("@[", character)) /* beside the letters, and their hashes differ */
            assert_false(same);
    }
}

static void ranges_of_the_guide_are_kept(void **state)
{
    static const struct {
        int position, count, first, last;
    } cases[] = {
        {0, 1, 0, 255},  {0, 2, 0, 127},   {1, 2, 128, 255}, {0, 3, 0, 85},
        {1, 3, 86, 170}, {2, 3, 171, 255}, {0, 256, 0, 0},   {255, 256, 255, 255},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bucket_range range = bucket_range_of(cases[i].position, cases[i].count);

        assert_int_equal(range.first, cases[i].first);
        assert_int_equal(range.last, cases[i].last);
    }
}

static void any_number_of_actuators_covers_every_bucket_once_and_evenly(void **state)
{
    (void)state;
    for (int count = 1; count <= 300; count++) {
        int owners[BUCKET_COUNT] = {0};
        int next = 0;

        for (int position = 0; position < count; position++) {
            struct bucket_range range = bucket_range_of(position, count);
            int size = range.last - range.first + 1;

            assert_int_equal(range.first, next);
            assert_true(size == BUCKET_COUNT / count || size == BUCKET_COUNT / count + 1);
            for (int bucket = 0; bucket < BUCKET_COUNT; bucket++)
                owners[bucket] += bucket_range_contains(range, bucket);
            next = range.last + 1;
        }
        for (int bucket = 0; bucket < BUCKET_COUNT; bucket++)
            assert_int_equal(owners[bucket], 1);
    }
}

static void an_empty_range_contains_nothing(void **state)
{
    struct bucket_range range = bucket_range_of(299, 300);

    (void)state;
    assert_true(range.last < range.first);
    for (int bucket = -1; bucket <= BUCKET_COUNT; bucket++)
        assert_false(bucket_range_contains(range, bucket));
}

static void those_that_drain_have_no_share(void **state)
{
    (void)state;
    assert_true(bucket_mode_has_share("working"));
    assert_true(bucket_mode_has_share("paused"));
    assert_false(bucket_mode_has_share("draining"));
    assert_false(bucket_mode_has_share("drained"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_drain_have_no_share),
        cmocka_unit_test(buckets_are_those_that_operators_compute_by_hand),
        cmocka_unit_test(long_names_and_odd_bytes_have_a_bucket_too),
        cmocka_unit_test(letters_alone_count_alike_in_either_case),
        cmocka_unit_test(ranges_of_the_guide_are_kept),
        cmocka_unit_test(any_number_of_actuators_covers_every_bucket_once_and_evenly),
        cmocka_unit_test(an_empty_range_contains_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
