/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_warm_up.c - what must have happened before the first fork into a sandbox.
 *
 * Libraries put off work to its first use: json-c reads a random number for its hash, OpenSSL
 * reads openssl.cnf and looks up its algorithms, the C library reads the time zone. In a sandbox
 * the first use would be a forbidden system call; done here once, every worker inherits it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kube/kube_private.h"
#include "mimo/cleanup.h"
#include "mimo/https.h"
#include "mimo/io.h"

/* The only static state of this module: read before the forks, and the same for every client. */
static char *system_ca;

const char *kube_system_ca(void)
{
    return system_ca;
}

int kube_set_system_ca(const char *pem, struct error *error)
{
    char *copy = pem ? strdup(pem) : NULL;
    if (pem && !copy)
        return error_set_memory(error);
    free(system_ca);
    system_ca = copy;
    return 0;
}

static int read_system_ca(struct error *error)
{
    cleanup_free char *pem = NULL;
    struct error problem;
    if (io_read_file(HTTPS_SYSTEM_CA, HTTPS_SYSTEM_CA_MAXIMUM, &pem, NULL, &problem) == 0)
        return kube_set_system_ca(pem, error);
    if (problem.kind == ERROR_NOT_FOUND)
        return kube_set_system_ca(NULL, error);
    return error_set(error, problem.kind, "%s", problem.message);
}

int kube_warm_up(struct error *error)
{
    tzset();
    document_warm_up();
    if (https_warm_up(error) < 0)
        return -1;
    return read_system_ca(error);
}
