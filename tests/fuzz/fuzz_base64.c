/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_base64.c - bytes as text, and back. */
#include "fuzz.h"

#include "mimo/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = fuzz_text(data, size);
    cleanup_free unsigned char *bytes = NULL;
    cleanup_free unsigned char *from_lines = NULL;
    cleanup_free unsigned char *back = NULL;
    cleanup_free char *encoded = NULL;
    cleanup_free char *encoded_input = NULL;
    size_t length = 0, length_of_lines = 0, length_back = 0;
    struct error error;

    /* One spelling for each content. */
    bool decoded = base64_decode(text, &bytes, &length, &error) == 0;
    if (decoded) {
        PROMISE(bytes[length] == '\0');
        PROMISE(base64_encode(bytes, length, &encoded, &error) == 0 && strcmp(encoded, text) == 0);
    } else {
        promise_error(&error);
    }
    if (base64_decode_lines(text, &from_lines, &length_of_lines, &error) == 0)
        PROMISE(!decoded || (length_of_lines == length && memcmp(from_lines, bytes, length) == 0));
    else
        PROMISE(!decoded);

    PROMISE(base64_encode(data, size, &encoded_input, &error) == 0);
    PROMISE(base64_decode(encoded_input, &back, &length_back, &error) == 0);
    PROMISE(length_back == size && (size == 0 || memcmp(back, data, size) == 0));
    return 0;
}
