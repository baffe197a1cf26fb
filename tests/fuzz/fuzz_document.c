/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_document.c - JSON: the scanner of document_parse_value() and json-c's tokener come to one
 * verdict.
 */
#include "fuzz.h"

#include <json-c/json_tokener.h>

/* What json-c takes and document_parse_value() refuses, by the words of the refusal. */
static bool is_refused_on_purpose(const struct error *error)
{
    static const char *const words[] = {
        "duplicate member", "\\u0000",       "surrogate", "UTF-8",         "64 bits",
        "too large",        "nested deeper", "more than", "where a digit", "byte 0x",
        "'N' where",        "'I' where",     "'-' where"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(error->message, words[i]))
            return true;
    /* "01" */
    const char *unexpected = strstr(error->message, "' where ");
    return unexpected && unexpected[-1] >= '0' && unexpected[-1] <= '9';
}

/* json-c's tokener is lax about single numbers: documents are objects. */
static bool is_container(const char *text, size_t size)
{
    size_t blanks = 0;

    while (blanks < size && memchr(" \t\r\n", text[blanks], 4))
        blanks++;
    return blanks < size && (text[blanks] == '{' || text[blanks] == '[');
}

/* json-c's verdict. */
static bool json_c_takes(const char *text, size_t size, struct json_object **ret_value)
{
    struct json_tokener *tokener = json_tokener_new_ex(2 * DOCUMENT_DEPTH_MAXIMUM);
    PROMISE(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS |
                                        JSON_TOKENER_VALIDATE_UTF8);
    /* a number or a word at the end is whole when a blank follows */
    cleanup_free char *copy = malloc(size + 1);
    PROMISE(copy);
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = ' ';
    *ret_value = json_tokener_parse_ex(tokener, copy, (int)size + 1);
    bool good = json_tokener_get_error(tokener) == json_tokener_success;
    for (size_t i = json_tokener_get_parse_end(tokener); good && i < size; i++)
        good = strchr(" \t\r\n", copy[i]) && copy[i];
    json_tokener_free(tokener);
    return good;
}

/* What is written is read back as the same value, in every form. */
static void check_text(const struct json_object *value, char *text)
{
    cleanup_free char *taken = text;
    struct json_object *again;
    struct error error;
    PROMISE(text);
    PROMISE(document_parse_value(text, strlen(text), &again, &error) == 0);
    PROMISE(document_equal(value, again));
    json_object_put(again);
}

static void check_value(struct json_object *value)
{
    cleanup_json struct json_object *copy = document_copy(value);
    PROMISE(copy && document_equal(copy, value));
    PROMISE(document_depth(value) <= DOCUMENT_DEPTH_MAXIMUM);
    check_text(value, document_format(value));
    check_text(value, document_format_sorted(value));
    check_text(value, document_format_indented(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct json_object *value, *theirs;
    cleanup_free char *copy = fuzz_copy(data, size);
    int result = document_parse_value(copy, size, &value, &error);
    bool taken = json_c_takes(copy, size, &theirs);
    if (result == 0) {
        PROMISE(taken && document_equal(value, theirs));
        if (value)
            check_value(value);
    } else {
        promise_error(&error);
        PROMISE(!taken || !is_container(copy, size) || is_refused_on_purpose(&error));
    }
    json_object_put(value);
    json_object_put(theirs);
    return 0;
}
