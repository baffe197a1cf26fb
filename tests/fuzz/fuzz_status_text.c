/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_status_text.c - texts of workers and clusters, made fit to store and show. */
#include "fuzz.h"

#include "mimo/log.h"
#include "mimo/outcome.h"

/* The first byte is the size of the buffer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t room = (size_t)data[0] + 1;
    cleanup_free char *text = fuzz_text(data + 1, size - 1);
    cleanup_free char *buffer = malloc(room);
    cleanup_free char *again = malloc(room);
    PROMISE(buffer && again);

    status_text_copy(buffer, room, text);
    PROMISE(strlen(buffer) < room && text_is_clean(buffer));
    status_text_copy(again, room, buffer);
    PROMISE(strcmp(again, buffer) == 0);
    if (text_is_clean(text))
        PROMISE(strncmp(text, buffer, strlen(buffer)) == 0);

    log_escape(buffer, room, text);
    PROMISE(strlen(buffer) < room && text_is_clean(buffer));
    return 0;
}
