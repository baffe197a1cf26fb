/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_of_memory.h - memory that runs out at a chosen allocation.
 *
 * Each scenario runs again and again: its first allocation fails, then its second, and so on, until
 * none does. The linker puts the functions below in front of the C library's: the test is linked
 * with -Wl,--wrap=malloc,--wrap=calloc,... of those that the code under test uses. One file of a
 * program may include this.
 */
#ifndef MIMO_TEST_OUT_OF_MEMORY_H
#define MIMO_TEST_OUT_OF_MEMORY_H

#include "expect.h"

#ifdef WITH_SANITIZERS
/* json-c 0.16 loses the name of a member that it cannot add because the object cannot grow. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:json_object_object_add_ex\n";
}
#endif

/* How many allocations still work; negative: all. */
static long remaining = -1;

/* Those behind the one that fails work again. */
static bool only_one_fails;
static bool has_failed;

static inline bool is_exhausted(void)
{
    if (remaining != 0) {
        remaining -= remaining > 0;
        return false;
    }
    has_failed = true;
    remaining = only_one_fails ? -1 : 0;
    return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return is_exhausted() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return is_exhausted() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *data, size_t size);
void *__wrap_realloc(void *data, size_t size);
void *__wrap_realloc(void *data, size_t size)
{
    return is_exhausted() ? NULL : __real_realloc(data, size);
}

void *__real_reallocarray(void *data, size_t count, size_t size);
void *__wrap_reallocarray(void *data, size_t count, size_t size);
void *__wrap_reallocarray(void *data, size_t count, size_t size)
{
    return is_exhausted() ? NULL : __real_reallocarray(data, count, size);
}

char *__real_strndup(const char *text, size_t length);
char *__wrap_strndup(const char *text, size_t length);
char *__wrap_strndup(const char *text, size_t length)
{
    return is_exhausted() ? NULL : __real_strndup(text, length);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return is_exhausted() ? NULL : __real_strdup(text);
}

/* Runs `act` with ever more memory until it succeeds. It answers 0 or -1, and checks by itself that
 * a failure changed nothing. At least `least` runs must have failed, else nothing was tested. */
static inline void exhaust(int (*act)(void), int least)
{
    int result = -1;
    int failures = 0;

    for (long allowed = 0; result < 0; allowed++) {
        assert_true(allowed < 10000);
        remaining = allowed;
        result = act();
        remaining = -1;
        failures += result < 0;
    }
    assert_true(failures >= least);
}

/* The same, but one allocation alone fails in each run: what comes behind it must not make up for an
 * error that was overlooked. Runs may succeed all the same. */
static inline void fail_each(int (*act)(void), int least)
{
    int failures = 0;

    only_one_fails = has_failed = true;
    for (long allowed = 0; has_failed; allowed++) {
        assert_true(allowed < 10000);
        has_failed = false;
        remaining = allowed;
        failures += act() < 0;
        remaining = -1;
    }
    only_one_fails = false;
    assert_true(failures >= least);
}

#endif
