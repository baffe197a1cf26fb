/* SPDX-License-Identifier: Apache-2.0 */
/* file_give.h - gives a file that root has just created to the user who reads it. */
#ifndef API_FILE_GIVE_H
#define API_FILE_GIVE_H

#include "mimo/error.h"
#include "mimo/privileges.h"

/* Changes the owner of `path`. Other users may be able to write to its directory, so the file is
 * checked first: it must be a regular file of this user with one name, not a link that replaced
 * it. */
int file_give(const char *path, const struct identity *owner, struct error *error);

#endif
