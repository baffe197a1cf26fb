/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_token_file.c - the token file of the Admin API, and a token that is looked for in it. */
#include "fuzz.h"

#include "api/auth/token_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token_table *table;
    struct error error;
    struct actor actor;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_free char *token = fuzz_text(data, size);
    if (token_table_parse(copy, size, "/etc/mimo/tokens", &table, &error) < 0) {
        promise_error(&error);
        PROMISE(strstr(error.message, "/etc/mimo/tokens"));
        return 0;
    }
    PROMISE(token_table_count(table) <= size);
    PROMISE(!token_table_find(table, token, &actor)); /* the file is not a token of its own */
    token_table_free(table);
    return 0;
}
