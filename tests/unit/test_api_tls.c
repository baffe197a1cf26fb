/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_tls.c - the certificate of the first start, and exchanging certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "api/http/tls.h"
#include "mimo/trusted_path.h"

struct fixture {
    char directory[64];
    char certificate[128];
    char key[128];
    char other_certificate[128];
    char other_key[128];
    struct error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    strcpy(fixture->directory, "/tmp/mimo-tls-XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->certificate, sizeof(fixture->certificate), "%s/api.crt", fixture->directory);
    snprintf(fixture->key, sizeof(fixture->key), "%s/api.key", fixture->directory);
    snprintf(fixture->other_certificate, sizeof(fixture->other_certificate), "%s/other.crt",
             fixture->directory);
    snprintf(fixture->other_key, sizeof(fixture->other_key), "%s/other.key", fixture->directory);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    tls_close();
    unlink(fixture->certificate);
    unlink(fixture->key);
    unlink(fixture->other_certificate);
    unlink(fixture->other_key);
    rmdir(fixture->directory);
    free(fixture);
    return 0;
}

static void make(struct fixture *fixture, const char *certificate, const char *key)
{
    bool made = false;
    assert_int_equal(tls_prepare(certificate, key, NULL, &made, &fixture->error), 0);
    assert_true(made);
}

static void the_first_start_makes_a_certificate_for_this_machine(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    bool made;
    make(fixture, fixture->certificate, fixture->key);
    assert_int_equal(stat(fixture->key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);

    FILE *file = fopen(fixture->certificate, "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(certificate);
    assert_int_equal(X509_check_host(certificate, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "::1", 0), 1);
    assert_int_equal(X509_check_host(certificate, "example.com", 0, 0, NULL), 0);
    assert_int_equal(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
    int days, seconds;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)), 1);
    assert_in_range(days, 3649, 3650);
    X509_free(certificate);

    assert_int_equal(tls_prepare(fixture->certificate, fixture->key, NULL, &made, &fixture->error),
                     0);
    assert_false(made);
}

static void one_file_alone_is_an_error_that_says_which(void **state)
{
    struct fixture *fixture = *state;
    bool made;
    make(fixture, fixture->certificate, fixture->key);
    unlink(fixture->key);
    assert_int_equal(tls_prepare(fixture->certificate, fixture->key, NULL, &made, &fixture->error),
                     -1);
    assert_non_null(strstr(fixture->error.message, "TLS key /"));
    assert_non_null(strstr(fixture->error.message, "is missing"));
    unlink(fixture->certificate);
    make(fixture, fixture->certificate, fixture->key);
    unlink(fixture->certificate);
    assert_int_equal(tls_prepare(fixture->certificate, fixture->key, NULL, &made, &fixture->error),
                     -1);
    assert_non_null(strstr(fixture->error.message, "TLS certificate /"));
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    struct fixture *fixture = *state;
    make(fixture, fixture->certificate, fixture->key);
    make(fixture, fixture->other_certificate, fixture->other_key);
    assert_int_equal(
        tls_open(fixture->certificate, fixture->other_key, TRUSTED_PATH_NO_USER, &fixture->error),
        -1);
    assert_non_null(strstr(fixture->error.message, "does not belong to"));
}

static gnutls_pcert_st *chain_in_force(void)
{
    gnutls_pcert_st *chain;
    gnutls_ocsp_data_st *ocsp;
    gnutls_privkey_t key;
    unsigned int chain_length, ocsp_length, flags;
    assert_int_equal(
        tls_retrieve(NULL, NULL, &chain, &chain_length, &ocsp, &ocsp_length, &key, &flags), 0);
    assert_int_equal(chain_length, 1);
    assert_non_null(key);
    return chain;
}

static void a_reload_exchanges_or_keeps_the_certificate(void **state)
{
    struct fixture *fixture = *state;
    bool changed;
    make(fixture, fixture->certificate, fixture->key);
    make(fixture, fixture->other_certificate, fixture->other_key);
    assert_int_equal(
        tls_open(fixture->certificate, fixture->key, TRUSTED_PATH_NO_USER, &fixture->error), 0);
    const gnutls_pcert_st *first = chain_in_force();
    assert_int_equal(tls_reload(fixture->certificate, fixture->key, TRUSTED_PATH_NO_USER, &changed,
                                &fixture->error),
                     0);
    assert_false(changed);
    assert_ptr_equal(chain_in_force(), first);
    assert_int_equal(tls_reload(fixture->certificate, fixture->other_key, TRUSTED_PATH_NO_USER,
                                &changed, &fixture->error),
                     -1);
    assert_ptr_equal(chain_in_force(), first);
    assert_int_equal(tls_reload(fixture->other_certificate, fixture->other_key,
                                TRUSTED_PATH_NO_USER, &changed, &fixture->error),
                     0);
    assert_true(changed);
    assert_ptr_not_equal(chain_in_force(), first);
}

static void the_priorities_are_understood(void **state)
{
    (void)state;
    gnutls_priority_t priorities;
    const char *where = NULL;
    int status = gnutls_priority_init(&priorities, TLS_PRIORITIES, &where);
    if (status < 0)
        fail_msg("%s at %s", gnutls_strerror(status), where);
    gnutls_priority_deinit(priorities);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_start_makes_a_certificate_for_this_machine,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_file_alone_is_an_error_that_says_which, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_key_of_another_certificate_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_exchanges_or_keeps_the_certificate, set_up,
                                        tear_down),
        cmocka_unit_test(the_priorities_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
