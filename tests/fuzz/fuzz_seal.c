/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_seal.c - sealed credentials (CMS) as the store has them: whoever can write there can send
 * anything.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mimo/io.h"
#include "mimo/seal.h"
#include "mimo/trusted_path.h"

static struct seal_key *key;
static struct seal_certificate *certificate;
static const char secret[] = "a kubeconfig";

/* The key as a file that nobody else can read, which a file of the tree is not. */
static void copy_key(const char *from, char *to, size_t size)
{
    cleanup_free char *text = NULL;
    struct error error;
    size_t length = 0;
    int file = memfd_create("key", MFD_CLOEXEC);
    PROMISE(file >= 0 && io_read_file(from, 4096, &text, &length, &error) == 0);
    PROMISE(write(file, text, length) == (ssize_t)length && fchmod(file, 0400) == 0);
    snprintf(to, size, "/proc/self/fd/%d", file);
}

/* The pair that the seeds are sealed under, beside this file; where that is comes with the
 * environment. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct error error;
    const char *source = getenv("MIMO_SOURCE");
    char certificate_path[4096], key_path[4096], copy_path[64];
    PROMISE(source);
    snprintf(certificate_path, sizeof(certificate_path), "%s/tests/fuzz/seal.crt", source);
    snprintf(key_path, sizeof(key_path), "%s/tests/fuzz/seal.key", source);
    copy_key(key_path, copy_path, sizeof(copy_path));
    if (seal_certificate_load(certificate_path, &certificate, &error) < 0 ||
        seal_key_load(certificate_path, copy_path, TRUSTED_PATH_NO_USER, &key, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *copy = fuzz_copy(data, size);
    unsigned char *plain = NULL;
    size_t length = 0;
    struct error error;
    (void)seal_is_under(certificate, copy, size);
    if (seal_open(key, copy, size, &plain, &length, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    /* Sealed under this certificate, whole and unchanged: nobody but the seeds' maker did that. */
    PROMISE(length == sizeof(secret) - 1 && memcmp(plain, secret, length) == 0);
    seal_wipe(plain, length);
    return 0;
}
