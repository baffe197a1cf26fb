/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_file.h - logging in with tokens, of which a file has the SHA-256.
 *
 *     # name:role:SHA-256 of the token in hexadecimal
 *     admin:admin:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b
 *
 * Names are 1 to 64 letters, digits, ".", "_", "@", "-", each once; they become the actor of the
 * audit trail. Lines that cannot be understood are errors that name the line. A token is compared
 * with every entry, in constant time. The file must not be writable by others.
 */
#ifndef API_TOKEN_FILE_H
#define API_TOKEN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/auth/actor.h"
#include "mimo/error.h"
#include "mimo/privileges.h"

enum { TOKEN_NAME_MAXIMUM = 64 };

struct token_table; /* what a file said */

/* At first start, when the file is missing: writes it with one entry "admin" of role admin, and its
 * token in clear, readable by its owner alone, into admin.token beside it. *ret_made tells. */
int token_file_prepare(const char *path, const struct identity *owner, bool *ret_made,
                       struct error *error);

/* Path of the file with the clear token, beside `path`. The caller frees; NULL without memory. */
char *token_file_clear_path(const char *path);

/* `path` is for messages. */
int token_table_parse(const char *text, size_t length, const char *path,
                      struct token_table **ret_table, struct error *error);
/* The file may belong to `user` too, and to nobody else but root and this user (trusted_path.h). */
int token_table_load(const char *path, uid_t user, struct token_table **ret_table,
                     struct error *error);
void token_table_free(struct token_table *table);
size_t token_table_count(const struct token_table *table);

/* True, with *ret_actor filled, when the token is one of the table. */
bool token_table_find(const struct token_table *table, const char *token, struct actor *ret_actor);

#endif
