/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unconfined.c - what makes mimo-api a program that a search for leaks can look into at its end: it
 * stays dumpable and may trace itself. Linked in place of these two functions; all else is the
 * program as it is installed.
 */
#include "api/confine.h"
#include "mimo/privileges.h"

int __wrap_privileges_harden(struct error *error);
int __wrap_confine_api(const struct config *config, struct error *error);

int __wrap_privileges_harden(struct error *error)
{
    (void)error;
    return 0;
}

int __wrap_confine_api(const struct config *config, struct error *error)
{
    (void)config;
    (void)error;
    return 0;
}
