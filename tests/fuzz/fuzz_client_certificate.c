/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_client_certificate.c - the certificates that a TLS client shows, in DER: callers of the
 * Admin API send what they like.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/auth/client_certificate.h"
#include "mimo/trusted_path.h"

static const char clients[] = "operator:CN=deploy,O=Fuzzing only\n";
static struct client_table *table;

/* The authority of the seeds; its key was thrown away. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct error error;
    const char *source = getenv("MIMO_SOURCE");
    char ca_path[4096], clients_path[64];
    PROMISE(source);
    snprintf(ca_path, sizeof(ca_path), "%s/tests/fuzz/client_ca.crt", source);
    int file = memfd_create("clients", MFD_CLOEXEC);
    PROMISE(file >= 0 && fchmod(file, 0600) == 0);
    PROMISE(write(file, clients, sizeof(clients) - 1) == sizeof(clients) - 1);
    snprintf(clients_path, sizeof(clients_path), "/proc/self/fd/%d", file);
    if (client_table_load(ca_path, clients_path, TRUSTED_PATH_NO_USER, &table, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    return 0;
}

/* The first byte times eight is the length of the first certificate, if that leaves a second. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct actor actor = {.role = ROLE_NONE};
    struct error reason = {0};
    if (size < 2)
        return 0;
    size_t first = (size_t)data[0] * 8;
    bool alone = first == 0 || first >= size - 1;
    if (alone)
        first = size - 1;
    size_t second = size - 1 - first;
    cleanup_free char *first_copy = fuzz_copy(data + 1, first);
    cleanup_free char *second_copy = fuzz_copy(data + 1 + first, second);
    const gnutls_datum_t shown[] = {
        {(unsigned char *)first_copy, (unsigned)first},
        {(unsigned char *)second_copy, (unsigned)second},
    };
    if (client_table_find(table, shown, alone ? 1 : 2, &actor, &reason) < 0) {
        promise_error(&reason);
        PROMISE(actor.role == ROLE_NONE);
    } else { /* the authority made one certificate */
        PROMISE(actor.role == ROLE_OPERATOR);
        PROMISE(strcmp(actor.name, "cert:CN=deploy,O=Fuzzing only") == 0);
    }
    return 0;
}
