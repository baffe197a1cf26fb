/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_landlock.c - Landlock domains of launcher and workers. */
#include "launcher/sandbox.h"

int sandbox_deny_other_files(int abi, const struct confinement_path *paths, size_t count,
                             struct error *error)
{
    const struct confinement_domain domain = {.paths = paths, .path_count = count};
    return confinement_enter_domain(abi, &domain, error);
}

int sandbox_deny_files(int abi, struct error *error)
{
    return sandbox_deny_other_files(abi, NULL, 0, error);
}

int sandbox_enter_program_domain(int abi, const uint16_t *ports, size_t port_count,
                                 struct error *error)
{
    const struct confinement_domain domain = {
        .ports = ports,
        .port_count = port_count,
        .limit_connect = true,
        .deny_bind = true,
        .scoped = true,
        .any_file = true,
    };
    return confinement_enter_domain(abi, &domain, error);
}

int sandbox_enter_domain(int abi, const uint16_t *ports, size_t port_count, struct error *error)
{
    const struct confinement_domain domain = {
        .ports = ports,
        .port_count = port_count,
        .limit_connect = true,
        .deny_bind = true,
        .scoped = true,
    };
    return confinement_enter_domain(abi, &domain, error);
}
