/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seal.c - sealing: what one key seals only its owner opens, whole and unchanged, and
 * nothing of it stays behind.
 */
#include "expect.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/cleanup.h"
#include "mimo/clock.h"
#include "mimo/io.h"
#include "mimo/seal.h"

static const char secret[] = "apiVersion: v1\nusers: [{user: {token: CORRECT-HORSE-BATTERY}}]\n";

struct fixture {
    char directory[64];
    char certificate_path[96];
    char key_path[96];
    struct seal_certificate *certificate;
    struct seal_key *key;
};

static void fail_on(int result, const struct error *error)
{
    if (result < 0)
        fail_msg("%s", error->message);
}

static int make(struct fixture *fixture, uid_t owner, struct error *error)
{
    int made = 0;
    int result = seal_make_pair(fixture->certificate_path, fixture->key_path, owner, (gid_t)-1,
                                &made, error);
    return result < 0 ? -1 : made;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error error;
    strcpy(fixture->directory, "/tmp/mimo-seal-XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->certificate_path, sizeof(fixture->certificate_path), "%s/seal.crt",
             fixture->directory);
    snprintf(fixture->key_path, sizeof(fixture->key_path), "%s/seal.key", fixture->directory);
    if (make(fixture, (uid_t)-1, &error) != 1 ||
        seal_certificate_load(fixture->certificate_path, &fixture->certificate, &error) < 0 ||
        seal_key_load(fixture->certificate_path, fixture->key_path, 0, &fixture->key, &error) < 0) {
        print_error("%s\n", error.message);
        return -1;
    }
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    seal_certificate_free(fixture->certificate);
    seal_key_free(fixture->key);
    remove_private_folder(fixture->directory);
    free(fixture);
    return 0;
}

static unsigned char *seal(struct fixture *fixture, const void *plain, size_t length,
                           size_t *ret_length)
{
    struct error error;
    unsigned char *sealed;
    fail_on(seal_close(fixture->certificate, plain, length, &sealed, ret_length, &error), &error);
    return sealed;
}

static void expect_not_opened(struct fixture *fixture, const void *sealed, size_t length)
{
    struct error error;
    unsigned char *plain;
    size_t plain_length;
    assert_int_equal(seal_open(fixture->key, sealed, length, &plain, &plain_length, &error), -1);
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_true(strlen(error.message) > 20);
}

static void what_is_sealed_is_opened_unchanged(void **state)
{
    struct fixture *fixture = *state;
    static const size_t lengths[] = {0, 1, 15, 16, 17, 4095, 4096, 4097, 262144};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct error error;
        size_t sealed_length, plain_length;
        cleanup_free unsigned char *data = malloc(lengths[i] + 1);
        memset(data, (int)i + 65, lengths[i] + 1);
        cleanup_free unsigned char *sealed = seal(fixture, data, lengths[i], &sealed_length);
        unsigned char *plain;
        fail_on(seal_open(fixture->key, sealed, sealed_length, &plain, &plain_length, &error),
                &error);
        assert_int_equal(plain_length, lengths[i]);
        assert_memory_equal(plain, data, plain_length);
        seal_wipe(plain, plain_length);
    }
}

static void the_form_is_auth_enveloped_data_with_aes_256_gcm(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    cleanup_free unsigned char *sealed = seal(fixture, secret, sizeof(secret), &length);
    const unsigned char *end = sealed;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &end, (long)length);
    assert_non_null(cms);
    assert_int_equal(OBJ_obj2nid(CMS_get0_type(cms)), NID_id_smime_ct_authEnvelopedData);
    CMS_ContentInfo_free(cms);
    /* The object identifiers as they stand in DER: aes256-GCM, and the agreement with SHA-256. */
    static const unsigned char gcm[] = {0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 1, 46};
    static const unsigned char agreement[] = {0x2b, 0x81, 0x04, 0x01, 11, 1};
    assert_non_null(memmem(sealed, length, gcm, sizeof(gcm)));
    assert_non_null(memmem(sealed, length, agreement, sizeof(agreement)));
    assert_null(memmem(sealed, length, "CORRECT", 7));
}

static void equal_texts_are_sealed_differently(void **state)
{
    struct fixture *fixture = *state;
    size_t a_length, b_length;
    cleanup_free unsigned char *a = seal(fixture, secret, sizeof(secret), &a_length);
    cleanup_free unsigned char *b = seal(fixture, secret, sizeof(secret), &b_length);
    assert_true(a_length != b_length || memcmp(a, b, a_length) != 0);
}

static void a_changed_bit_anywhere_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    cleanup_free unsigned char *sealed = seal(fixture, secret, sizeof(secret), &length);
    size_t opened = 0;
    for (size_t i = 0; i < length; i++) {
        struct error error;
        unsigned char *plain;
        size_t plain_length;
        sealed[i] ^= 0x10;
        /* Few bytes say the same either way, such as how the recipient is named; none may change
         * the text. */
        if (seal_open(fixture->key, sealed, length, &plain, &plain_length, &error) == 0) {
            assert_int_equal(plain_length, sizeof(secret));
            assert_memory_equal(plain, secret, plain_length);
            seal_wipe(plain, plain_length);
            opened++;
        } else {
            assert_int_equal(error.kind, ERROR_INVALID);
        }
        sealed[i] ^= 0x10;
    }
    print_message("%zu of %zu bytes do not matter\n", opened, length);
    assert_in_range(opened, 0, length / 4);
}

static void a_seal_that_is_cut_or_followed_by_more_is_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    cleanup_free unsigned char *sealed = seal(fixture, secret, sizeof(secret), &length);
    for (size_t cut = 0; cut < length; cut++)
        expect_not_opened(fixture, sealed, cut);
    cleanup_free unsigned char *longer = calloc(1, length + 1);
    memcpy(longer, sealed, length);
    expect_not_opened(fixture, longer, length + 1);
    expect_not_opened(fixture, "no seal at all", 14);
}

/* Makes another pair in a folder of its own and seals for it. */
static void a_seal_for_another_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    void *other_state;
    size_t length;
    assert_int_equal(setup(&other_state), 0);
    struct fixture *other = other_state;
    cleanup_free unsigned char *sealed = seal(other, secret, sizeof(secret), &length);
    expect_not_opened(fixture, sealed, length);
    struct error error;
    struct seal_key *mixed;
    assert_int_equal(seal_key_load(fixture->certificate_path, other->key_path, 0, &mixed, &error),
                     -1);
    assert_non_null(strstr(error.message, "does not belong to the certificate"));
    teardown(&other_state);
}

/* Writes the keys of both into one file, the other's first; returns its path. */
static void join_keys(const struct fixture *fixture, const struct fixture *other, char *path,
                      size_t size)
{
    cleanup_free char *ours = NULL;
    cleanup_free char *theirs = NULL;
    char both[8192];
    struct error error;
    fail_on(io_read_file(fixture->key_path, 4096, &ours, NULL, &error), &error);
    fail_on(io_read_file(other->key_path, 4096, &theirs, NULL, &error), &error);
    snprintf(both, sizeof(both), "%s%s", theirs, ours);
    snprintf(path, size, "%s/both.key", fixture->directory);
    fail_on(io_replace_file(path, both, strlen(both), 0400, &error), &error);
}

/* What the exchange of a pair stands on: a launcher that has both keys opens what either sealed. */
static void a_file_of_several_keys_opens_what_was_sealed_for_any(void **state)
{
    struct fixture *fixture = *state;
    void *other_state;
    assert_int_equal(setup(&other_state), 0);
    struct fixture *other = other_state;
    char path[128];
    join_keys(fixture, other, path, sizeof(path));
    const char *const certificates[] = {fixture->certificate_path, other->certificate_path, NULL};
    for (int i = 0; i < 3; i++) {
        struct seal_key *both;
        struct error error;
        fail_on(seal_key_load(certificates[i], path, 0, &both, &error), &error);
        struct fixture *const sealers[] = {fixture, other};
        for (int j = 0; j < 2; j++) {
            size_t length, plain_length;
            unsigned char *plain;
            cleanup_free unsigned char *sealed = seal(sealers[j], secret, sizeof(secret), &length);
            fail_on(seal_open(both, sealed, length, &plain, &plain_length, &error), &error);
            assert_int_equal(plain_length, sizeof(secret));
            assert_memory_equal(plain, secret, sizeof(secret));
            seal_wipe(plain, plain_length);
        }
        seal_key_free(both);
    }
    teardown(&other_state);
}

static void a_second_key_that_is_damaged_is_not_passed_over(void **state)
{
    struct fixture *fixture = *state;
    static const char damaged[] =
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n";
    cleanup_free char *key = NULL;
    char both[8192];
    struct error error;
    struct seal_key *loaded;
    fail_on(io_read_file(fixture->key_path, 4096, &key, NULL, &error), &error);
    snprintf(both, sizeof(both), "%s%s", key, damaged);
    fail_on(io_replace_file(fixture->key_path, both, strlen(both), 0400, &error), &error);
    assert_int_equal(
        seal_key_load(fixture->certificate_path, fixture->key_path, 0, &loaded, &error), -1);
    assert_non_null(strstr(error.message, fixture->key_path));
}

static void more_keys_than_there_is_room_for_are_refused(void **state)
{
    struct fixture *fixture = *state;
    cleanup_free char *key = NULL;
    char many[8192] = "";
    size_t length;
    struct error error;
    struct seal_key *loaded;
    fail_on(io_read_file(fixture->key_path, 4096, &key, &length, &error), &error);
    for (size_t i = 0; i <= SEAL_KEYS_MAXIMUM; i++)
        memcpy(many + i * length, key, length + 1);
    fail_on(io_replace_file(fixture->key_path, many, strlen(many), 0400, &error), &error);
    assert_int_equal(
        seal_key_load(fixture->certificate_path, fixture->key_path, 0, &loaded, &error), -1);
    assert_non_null(strstr(error.message, "more than 8 keys"));
}

static void a_seal_tells_whose_it_is_without_a_key(void **state)
{
    struct fixture *fixture = *state;
    void *other_state;
    size_t length;
    assert_int_equal(setup(&other_state), 0);
    struct fixture *other = other_state;
    cleanup_free unsigned char *sealed = seal(other, secret, sizeof(secret), &length);
    assert_true(seal_is_under(other->certificate, sealed, length));
    assert_false(seal_is_under(fixture->certificate, sealed, length));
    assert_false(seal_is_under(other->certificate, sealed, length - 1));
    assert_false(seal_is_under(other->certificate, secret, sizeof(secret)));
    teardown(&other_state);
}

/* Seals with another cipher for our own key, as somebody else who has the certificate could. */
static void another_cipher_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const EVP_CIPHER *ciphers[] = {EVP_aes_256_cbc(), EVP_aes_128_gcm()};
    FILE *file = fopen(fixture->certificate_path, "r");
    X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    STACK_OF(X509) *recipients = sk_X509_new_null();
    sk_X509_push(recipients, x509);
    for (size_t i = 0; i < 2; i++) {
        BIO *plain = BIO_new_mem_buf(secret, sizeof(secret));
        CMS_ContentInfo *cms = CMS_encrypt(recipients, plain, ciphers[i], CMS_BINARY);
        unsigned char *der = NULL;
        int length = i2d_CMS_ContentInfo(cms, &der);
        assert_true(length > 0);
        expect_not_opened(fixture, der, (size_t)length);
        OPENSSL_free(der);
        CMS_ContentInfo_free(cms);
        BIO_free(plain);
    }
    sk_X509_pop_free(recipients, X509_free);
}

static void the_pair_has_the_modes_and_the_life_it_needs(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char name[128];
    assert_int_equal(stat(fixture->key_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0400);
    assert_int_equal(stat(fixture->certificate_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    FILE *file = fopen(fixture->certificate_path, "r");
    X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    X509_NAME_oneline(X509_get_subject_name(x509), name, sizeof(name));
    assert_string_equal(name, "/CN=MIMO cluster credentials");
    int days, seconds;
    assert_int_equal(
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x509), X509_get0_notAfter(x509)), 1);
    assert_int_equal(days, 36525);
    assert_int_equal(X509_get_key_usage(x509), X509v3_KU_KEY_AGREEMENT);
    assert_int_equal(X509_verify(x509, X509_get0_pubkey(x509)), 1);
    X509_free(x509);
}

static void a_pair_that_is_there_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    cleanup_free char *before = NULL;
    cleanup_free char *after = NULL;
    fail_on(io_read_file(fixture->key_path, 65536, &before, NULL, &error), &error);
    assert_int_equal(make(fixture, (uid_t)-1, &error), 0);
    fail_on(io_read_file(fixture->key_path, 65536, &after, NULL, &error), &error);
    assert_string_equal(before, after);
}

static void half_a_pair_is_an_error_that_says_which(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    char aside[128];
    char expected[256];
    snprintf(aside, sizeof(aside), "%s/aside", fixture->directory);
    assert_int_equal(rename(fixture->key_path, aside), 0);
    assert_int_equal(make(fixture, (uid_t)-1, &error), -1);
    assert_int_equal(error.kind, ERROR_CONFLICT);
    snprintf(expected, sizeof(expected), "%s is missing", fixture->key_path);
    assert_non_null(strstr(error.message, expected));
    assert_int_equal(access(fixture->key_path, F_OK), -1);

    assert_int_equal(rename(aside, fixture->key_path), 0);
    assert_int_equal(rename(fixture->certificate_path, aside), 0);
    assert_int_equal(make(fixture, (uid_t)-1, &error), -1);
    snprintf(expected, sizeof(expected), "%s is missing", fixture->certificate_path);
    assert_non_null(strstr(error.message, expected));
}

static void a_pair_that_cannot_be_written_leaves_no_half(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    char key[96], certificate[96];
    int made;
    snprintf(key, sizeof(key), "%s/new.key", fixture->directory);
    snprintf(certificate, sizeof(certificate), "%s/none/new.crt", fixture->directory);
    assert_int_equal(seal_make_pair(certificate, key, (uid_t)-1, (gid_t)-1, &made, &error), -1);
    assert_non_null(strstr(error.message, certificate));
    assert_int_equal(access(key, F_OK), -1);
}

static void the_key_is_given_to_its_owner(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    const gid_t before = getegid(), ours = 65533;
    if (geteuid() != 0)
        skip();
    assert_int_equal(setegid(ours), 0);
    assert_int_equal(unlink(fixture->key_path), 0);
    assert_int_equal(unlink(fixture->certificate_path), 0);
    assert_int_equal(make(fixture, 65534, &error), 1);
    assert_int_equal(stat(fixture->key_path, &status), 0);
    assert_int_equal(status.st_uid, 65534);
    assert_int_equal(status.st_mode & 07777, 0400);
    assert_int_equal(stat(fixture->certificate_path, &status), 0);
    assert_int_equal(status.st_uid, 0);
    assert_int_equal(status.st_gid, ours);
    assert_int_equal(setegid(before), 0);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const mode_t modes[] = {0404, 0420, 0444, 0600 | 0002};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct error error;
        struct seal_key *key;
        assert_int_equal(chmod(fixture->key_path, modes[i]), 0);
        assert_int_equal(
            seal_key_load(fixture->certificate_path, fixture->key_path, 0, &key, &error), -1);
        assert_int_equal(error.kind, ERROR_DENIED);
        assert_non_null(strstr(error.message, fixture->key_path));
        assert_non_null(strstr(error.message, modes[i] & 0022 ? "writable" : "mode 0"));
    }
}

static void files_that_hold_something_else_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct seal_key *key;
    struct seal_certificate *certificate;
    static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
                                    "-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_int_equal(seal_certificate_load(fixture->key_path, &certificate, &error), -1);
    assert_non_null(strstr(error.message, fixture->key_path));
    assert_int_equal(seal_certificate_load("/nonexistent", &certificate, &error), -1);
    assert_int_equal(error.kind, ERROR_NOT_FOUND);
    assert_int_equal(seal_certificate_load(fixture->directory, &certificate, &error), -1);
    assert_non_null(strstr(error.message, "not a regular file"));
    unlink(fixture->key_path);
    fail_on(io_replace_file(fixture->key_path, encrypted, sizeof(encrypted) - 1, 0400, &error),
            &error);
    assert_int_equal(seal_key_load(fixture->certificate_path, fixture->key_path, 0, &key, &error),
                     -1);
    assert_non_null(strstr(error.message, "no private key"));
}

/* What is sealed under a stranger's certificate, the stranger can read. */
static void a_pair_of_a_stranger_is_refused(void **state)
{
    enum { STRANGER = 4711 };
    struct fixture *fixture = *state;
    struct error error;
    struct seal_certificate *certificate;
    struct seal_key *key;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(fixture->key_path, STRANGER, STRANGER), 0);
    assert_int_equal(seal_key_load(NULL, fixture->key_path, 0, &key, &error), -1);
    assert_non_null(strstr(error.message, "belongs to user 4711"));
    fail_on(seal_key_load(NULL, fixture->key_path, STRANGER, &key, &error), &error);
    seal_key_free(key);
    assert_int_equal(chown(fixture->certificate_path, STRANGER, STRANGER), 0);
    assert_int_equal(seal_certificate_load(fixture->certificate_path, &certificate, &error), -1);
    assert_non_null(strstr(error.message, "belongs to user 4711"));
}

static void a_certificate_for_another_kind_of_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct seal_certificate *certificate;
    EVP_PKEY *pkey = EVP_EC_gen("P-384");
    X509 *x509 = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, pkey);
    assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
    FILE *file = fopen(fixture->certificate_path, "w");
    PEM_write_X509(file, x509);
    fclose(file);
    assert_int_equal(seal_certificate_load(fixture->certificate_path, &certificate, &error), -1);
    assert_non_null(strstr(error.message, "not for a P-256 key"));
    X509_free(x509);
    EVP_PKEY_free(pkey);
}

/* Everything that is freed comes by here: none of it may hold the secret. OpenSSL is told to use
 * these, and what our own code frees is wiped by seal_wipe() or was never plain. */
static const char *watched;
static size_t leaks;

static void look_at(const void *memory)
{
    if (memory && watched &&
        memmem(memory, malloc_usable_size((void *)(uintptr_t)memory), watched, strlen(watched)))
        leaks++;
}

static void *watched_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *watched_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    look_at(memory); /* it may move, and leave a copy behind */
    return realloc(memory, size);
}

static void watched_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    look_at(memory);
    free(memory);
}

static void nothing_of_the_text_stays_in_freed_memory(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    unsigned char *plain;
    size_t length, plain_length;
    watched = "CORRECT-HORSE-BATTERY";
    leaks = 0;
    cleanup_free unsigned char *sealed = seal(fixture, secret, sizeof(secret), &length);
    assert_int_equal(leaks, 0);
    fail_on(seal_open(fixture->key, sealed, length, &plain, &plain_length, &error), &error);
    assert_int_equal(leaks, 0);
    seal_wipe(plain, plain_length);
    /* The watch itself works. */
    OPENSSL_free(OPENSSL_strdup(watched));
    assert_int_equal(leaks, 1);
    watched = NULL;
}

static void opening_is_quick(void **state)
{
    struct fixture *fixture = *state;
    enum { ROUNDS = 200 };
    struct error error;
    size_t length;
    char kubeconfig[8192];
    memset(kubeconfig, 'k', sizeof(kubeconfig));
    cleanup_free unsigned char *sealed = seal(fixture, kubeconfig, sizeof(kubeconfig), &length);
    struct monotonic start = clock_monotonic();
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char *plain;
        size_t plain_length;
        fail_on(seal_open(fixture->key, sealed, length, &plain, &plain_length, &error), &error);
        seal_wipe(plain, plain_length);
    }
    int64_t elapsed = clock_elapsed(start);
    print_message("%d us to open 8 KiB\n", (int)(elapsed * 1000 / ROUNDS));
    assert_in_range(elapsed, 0, 50 * ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_sealed_is_opened_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(the_form_is_auth_enveloped_data_with_aes_256_gcm, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(equal_texts_are_sealed_differently, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_bit_anywhere_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_seal_that_is_cut_or_followed_by_more_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_seal_for_another_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_several_keys_opens_what_was_sealed_for_any, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_key_that_is_damaged_is_not_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_keys_than_there_is_room_for_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_seal_tells_whose_it_is_without_a_key, setup, teardown),
        cmocka_unit_test_setup_teardown(another_cipher_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_pair_has_the_modes_and_the_life_it_needs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_pair_that_is_there_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_pair_is_an_error_that_says_which, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pair_that_cannot_be_written_leaves_no_half, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_key_is_given_to_its_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(files_that_hold_something_else_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_pair_of_a_stranger_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_for_another_kind_of_key_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_of_the_text_stays_in_freed_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_is_quick, setup, teardown),
    };
    if (!CRYPTO_set_mem_functions(watched_malloc, watched_realloc, watched_free))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
