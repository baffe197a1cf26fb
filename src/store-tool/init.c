/* SPDX-License-Identifier: Apache-2.0 */
/* init.c - mimo-store init: creates the store and the key pair that seals cluster credentials. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mimo/cleanup.h"
#include "mimo/directory.h"
#include "mimo/io.h"
#include "mimo/privileges.h"
#include "mimo/seal.h"
#include "store-tool/tool.h"

enum { PAIR_DIRECTORY_MODE = 0755 };

static int make_store(const char *uri, struct error *error)
{
    struct error missing;
    struct store *store;
    if (store_open(uri, &store, &missing) == 0) {
        store_close(store);
        printf("store %s exists already\n", uri);
        return 0;
    }
    if (store_initialize(uri, error) < 0)
        return -1;
    printf("created store %s\n", uri);
    return 0;
}

/* Gives the key to the launcher's user, which alone reads it. Only root can change the owner. */
static struct identity find_key_owner(const char *user, const char *key_path)
{
    struct identity owner = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    struct error error;
    if (privileges_can_change() && privileges_find_user(user, &owner, &error) < 0)
        tool_complain("%s; %s still belongs to root: chown it to actuator.launcher_user before "
                      "mimod starts",
                      error.message, key_path);
    return owner;
}

static int make_directory_of(const char *path, struct error *error)
{
    cleanup_free char *directory = directory_of(path);
    if (!directory)
        return error_set_memory(error);
    return io_make_directory(directory, PAIR_DIRECTORY_MODE, error);
}

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int make_pair(const struct config *config, struct error *error)
{
    const char *certificate = config->clusters_seal_certificate;
    const char *key = config->clusters_seal_key;
    struct identity owner = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    int made;
    if (make_directory_of(certificate, error) < 0 || make_directory_of(key, error) < 0)
        return -1;
    if (!is_there(key))
        owner = find_key_owner(config->actuator_launcher_user, key);
    if (seal_make_pair(certificate, key, owner.uid, owner.gid, &made, error) < 0)
        return -1;
    printf(made ? "created seal certificate %s and key %s\n"
                : "seal certificate %s and key %s exist already\n",
           certificate, key);
    return 0;
}

/* If one fails, the other is still created. */
int tool_init(const struct tool *tool)
{
    int status = EXIT_SUCCESS;
    struct error error;
    if (make_store(tool->uri, &error) < 0)
        status = tool_fail(&error);
    if (make_pair(tool->config, &error) < 0)
        status = tool_fail(&error);
    return status;
}
