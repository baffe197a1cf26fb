/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_file.h - authentication by the token file, which has the SHA-256 of each token.
 *
 *     # name:role:SHA-256 of the token in hexadecimal
 *     admin:admin:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b
 *
 * Names are 1 to 64 letters, digits, ".", "_", "@", "-", and unique; they are the actors in the
 * audit trail. Errors name the line. A token is compared with every entry, in constant time. The
 * file must not be writable by others.
 */
#ifndef API_TOKEN_FILE_H
#define API_TOKEN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/auth/actor.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

enum { TOKEN_NAME_MAXIMUM = 64 };

struct token_table; /* the entries of a file */

/* If the file is missing, creates it with one entry "admin" of role admin, and writes the token
 * itself into admin.token in the same directory, readable by its owner alone. *ret_made is true
 * then. */
int token_file_prepare(const char *path, const struct identity *owner, bool *ret_made,
                       struct error *error);

/* Path of admin.token in the directory of `path`. The caller frees; NULL when out of memory. */
char *token_file_clear_path(const char *path);

/* `path` is for messages. */
int token_table_parse(const char *text, size_t length, const char *path,
                      struct token_table **ret_table, struct error *error);
/* The file may belong to `user` too, and to nobody else but root and this user (trusted_path.h). */
int token_table_load(const char *path, uid_t user, struct token_table **ret_table,
                     struct error *error);
void token_table_free(struct token_table *table);
size_t token_table_count(const struct token_table *table);

/* True, with *ret_actor filled in, if the token is in the table. */
bool token_table_find(const struct token_table *table, const char *token, struct actor *ret_actor);

#endif
