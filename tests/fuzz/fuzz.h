/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what the fuzzers share.
 *
 * Each fuzz_TARGET.c has one function, LLVMFuzzerTestOneInput()
 * (https://llvm.org/docs/LibFuzzer.html), which hands the bytes to one parser and then holds what
 * came of it against what the parser promises. A promise that is broken ends the process, as a
 * fault of memory does under the sanitizers: libFuzzer keeps the input that led there.
 */
#ifndef MIMO_TESTS_FUZZ_H
#define MIMO_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/error.h"
#include "mimo/text.h"

#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What every failure owes its reader: a kind, and a message that can be shown as it is. */
static inline void promise_error(const struct error *error)
{
    PROMISE(error->kind > ERROR_NONE && error->kind <= ERROR_SYSTEM);
    PROMISE(error->message[0] != '\0');
    PROMISE(memchr(error->message, '\0', sizeof(error->message)));
    PROMISE(text_is_clean(error->message));
}

/* The input as a text: for parsers that take no length. The caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    PROMISE(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* The input in memory of exactly its size, so that a read behind its end is seen. */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    PROMISE(copy);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

#endif
