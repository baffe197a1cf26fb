/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_landlock.c - Landlock domains of launcher and workers. */
#include "config.h"

#include "launcher/sandbox.h"

#define NO_SCOPES "only seccomp keeps workers from signalling others"
#define NO_PORTS  "workers may connect to any TCP port; " NO_SCOPES
#define NO_DOMAIN NO_PORTS " and from files"

/* What a worker could do without what a later ABI brought. */
static const char *const gaps[CONFINEMENT_ABI_MAXIMUM + 1] = {
    [0] = NO_DOMAIN, [1] = NO_PORTS,  [2] = NO_PORTS, [3] = NO_PORTS,
    [4] = NO_SCOPES, [5] = NO_SCOPES, [6] = NULL,     [7] = NULL,
};

const char *sandbox_landlock_gaps(int abi)
{
    return gaps[abi];
}

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
