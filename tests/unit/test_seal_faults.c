/* SPDX-License-Identifier: Apache-2.0 */
/* test_seal_faults.c - seals and their pair where memory or the file system fails. */
#include <string.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/directory.h"
#include "mimo/seal.h"

/* The linker puts these in front of the C library's and our own. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_directory_sync_of(const char *path, struct error *error);
int __wrap_directory_sync_of(const char *path, struct error *error);

static size_t refused_size;
static const char *refused_path;

void *__wrap_malloc(size_t size)
{
    return size > 0 && size == refused_size ? NULL : __real_malloc(size);
}

int __wrap_directory_sync_of(const char *path, struct error *error)
{
    return path == refused_path ? error_set(error, ERROR_SYSTEM, "the disk is gone")
                                : __real_directory_sync_of(path, error);
}

static struct {
    char folder[PRIVATE_PATH_SIZE];
    char certificate[PRIVATE_PATH_SIZE + 16];
    char key[PRIVATE_PATH_SIZE + 16];
} place;

static int make_pair(const char *key, struct error *error)
{
    int made;
    return seal_make_pair(place.certificate, key, (uid_t)-1, (gid_t)-1, &made, error);
}

static int set_up(void **state)
{
    (void)state;
    make_private_folder(place.folder);
    snprintf(place.certificate, sizeof(place.certificate), "%s/seal.crt", place.folder);
    snprintf(place.key, sizeof(place.key), "%s/seal.key", place.folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_private_folder(place.folder);
    return 0;
}

static int open_without_memory(const struct seal_key *key, const void *sealed, size_t length,
                               struct error *error)
{
    unsigned char *plain;
    size_t plain_length;
    refused_size = length;
    int result = seal_open(key, sealed, length, &plain, &plain_length, error);
    refused_size = 0;
    return result;
}

static void without_memory_for_the_text_nothing_is_opened(void **state)
{
    static const char secret[] = "users: [{user: {token: CORRECT-HORSE-BATTERY}}]\n";
    struct seal_certificate *certificate;
    struct seal_key *key;
    unsigned char *sealed;
    size_t length;
    struct error error;
    (void)state;
    expect_success(make_pair(place.key, &error), &error);
    expect_success(seal_certificate_load(place.certificate, &certificate, &error), &error);
    expect_success(seal_key_load(place.certificate, place.key, 0, &key, &error), &error);
    expect_success(seal_close(certificate, secret, sizeof(secret), &sealed, &length, &error),
                   &error);
    assert_int_equal(open_without_memory(key, sealed, length, &error), -1);
    assert_true(error_may_pass(error.kind));
    free(sealed);
    seal_certificate_free(certificate);
    seal_key_free(key);
}

static void a_pair_whose_folder_is_not_on_disk_is_not_made(void **state)
{
    const char *const paths[] = {place.key, place.certificate};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct error error;
        refused_path = paths[i];
        int result = make_pair(place.key, &error);
        refused_path = NULL;
        assert_int_equal(result, -1);
        unlink(place.key);
        unlink(place.certificate);
    }
}

/* A key below a file is not a key that is missing. */
static void a_key_that_cannot_be_looked_for_is_not_missing(void **state)
{
    char below[sizeof(place.key) + 8];
    struct error error;
    (void)state;
    expect_success(make_pair(place.key, &error), &error);
    snprintf(below, sizeof(below), "%s/key", place.key);
    assert_int_equal(make_pair(below, &error), -1);
    assert_int_equal(error.kind, ERROR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_memory_for_the_text_nothing_is_opened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pair_whose_folder_is_not_on_disk_is_not_made, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_cannot_be_looked_for_is_not_missing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
