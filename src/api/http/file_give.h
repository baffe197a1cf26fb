/* SPDX-License-Identifier: Apache-2.0 */
/* file_give.h - giving a file, made as root a moment ago, to the user that will read it. */
#ifndef API_FILE_GIVE_H
#define API_FILE_GIVE_H

#include "mimo/error.h"
#include "mimo/privileges.h"

/* Changes the owner of `path`. Others than root may write to its folder, so the file is looked at
 * first: it must be a regular file of ours with one name, not a link that was put in its place. */
int file_give(const char *path, const struct identity *owner, struct error *error);

#endif
