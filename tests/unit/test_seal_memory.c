/* SPDX-License-Identifier: Apache-2.0 */
/* test_seal_memory.c - a seal is opened with memory for its text, or not at all. */
#include <string.h>

#include "expect.h"
#include "mimo/cleanup.h"
#include "mimo/seal.h"

/* The linker puts this in front of the C library's. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static size_t refused_size;

void *__wrap_malloc(size_t size)
{
    return size > 0 && size == refused_size ? NULL : __real_malloc(size);
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
    char folder[PRIVATE_PATH_SIZE], certificate_path[PRIVATE_PATH_SIZE + 16],
        key_path[PRIVATE_PATH_SIZE + 16];
    struct seal_certificate *certificate;
    struct seal_key *key;
    unsigned char *sealed;
    size_t length;
    int made;
    struct error error;
    (void)state;
    make_private_folder(folder);
    snprintf(certificate_path, sizeof(certificate_path), "%s/seal.crt", folder);
    snprintf(key_path, sizeof(key_path), "%s/seal.key", folder);
    expect_success(seal_make_pair(certificate_path, key_path, (uid_t)-1, (gid_t)-1, &made, &error),
                   &error);
    expect_success(seal_certificate_load(certificate_path, &certificate, &error), &error);
    expect_success(seal_key_load(certificate_path, key_path, 0, &key, &error), &error);
    expect_success(seal_close(certificate, secret, sizeof(secret), &sealed, &length, &error),
                   &error);
    assert_int_equal(open_without_memory(key, sealed, length, &error), -1);
    assert_true(error_may_pass(error.kind));
    free(sealed);
    seal_certificate_free(certificate);
    seal_key_free(key);
    remove_private_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_for_the_text_nothing_is_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
