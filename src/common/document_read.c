/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_read.c - text to tree: a scanner that holds JSON to the letter of RFC 8259, and
 * builds json-c's objects.
 *
 * json-c's own tokener (0.16) is not used: it keeps the last of two members of one name, cuts names
 * at NUL, turns lone surrogates into U+FFFD and numbers beyond 64 bits into the largest one, and
 * without memory it follows a NULL pointer. tests/fuzz/fuzz_document.c holds the two to one verdict
 * on everything else.
 */
#include "mimo/document.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/text.h"
#include "mimo/text_buffer.h"

enum { NUMBER_LENGTH_MAXIMUM = 512 }; /* of one with a fraction or an exponent */

struct reader {
    const char *text;
    const char *at;
    const char *end;
    int depth;                 /* containers that the reader is in */
    struct text_buffer string; /* the string or number that was read last, terminated */
    struct error *error;
};

static int read_value(struct reader *reader, struct json_object **ret_value);

/* ---- failures ---- */

/* Lines and columns count from 1, columns in characters. */
static int fail_at(struct reader *reader, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail_at(struct reader *reader, const char *place, const char *format, ...)
{
    size_t line = 1, column = 1;
    va_list arguments;

    va_start(arguments, format);
    error_set_arguments(reader->error, ERROR_INVALID, format, arguments);
    va_end(arguments);
    for (const char *at = reader->text; at < place; at++) {
        line += *at == '\n';
        column = *at == '\n' ? 1 : column + (((unsigned char)*at & 0xc0) != 0x80);
    }
    return error_prefix(reader->error, "line %zu, column %zu", line, column);
}

static int out_of_memory(struct reader *reader)
{
    return error_set_memory(reader->error);
}

static int fail_unexpected(struct reader *reader, const char *wanted)
{
    unsigned char byte = reader->at < reader->end ? (unsigned char)*reader->at : 0;

    if (reader->end - reader->at >= 3 && memcmp(reader->at, "\xef\xbb\xbf", 3) == 0)
        return fail_at(reader, reader->at, "a byte order mark where %s is expected", wanted);
    if (reader->at == reader->end)
        return fail_at(reader, reader->at, "the text ends where %s is expected", wanted);
    if (byte > ' ' && byte < 0x7f)
        return fail_at(reader, reader->at, "'%c' where %s is expected", byte, wanted);
    return fail_at(reader, reader->at, "byte 0x%02x where %s is expected", byte, wanted);
}

/* ---- tokens ---- */

static char next_byte(const struct reader *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static int take(struct reader *reader, char byte, const char *wanted)
{
    if (next_byte(reader) != byte)
        return fail_unexpected(reader, wanted);
    reader->at++;
    return 0;
}

/* ---- strings ---- */

/* Bytes within a string that stand for more than themselves: its end, escapes, controls, and the
 * beginnings of characters beyond ASCII. */
static const bool is_special[256] = {
    [0 ... ' ' - 1] = true, ['"'] = true, ['\\'] = true, [0x80 ... 255] = true};

static int read_four_digits(struct reader *reader, unsigned *ret_value)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        char byte = next_byte(reader);
        const char *digits = "0123456789abcdef";
        const char *digit =
            byte ? strchr(digits, byte >= 'A' && byte <= 'F' ? byte | 0x20 : byte) : NULL;

        if (!digit)
            return fail_unexpected(reader, "a hexadecimal digit");
        value = 16 * value + (unsigned)(digit - digits);
        reader->at++;
    }
    *ret_value = value;
    return 0;
}

static void add_character(struct text_buffer *buffer, unsigned code)
{
    char bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

    for (size_t i = length; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(first[length] | code);
    text_buffer_add_bytes(buffer, bytes, length);
}

/* Behind "\u", whose backslash is at `start`. */
static int read_code(struct reader *reader, const char *start)
{
    unsigned code, low;

    if (read_four_digits(reader, &code) < 0)
        return -1;
    if (code == 0)
        return fail_at(reader, start, "\\u0000 is not allowed");
    if (code >= 0xd800 && code <= 0xdfff) {
        if (code >= 0xdc00 || reader->end - reader->at < 2 || memcmp(reader->at, "\\u", 2) != 0)
            return fail_at(reader, start, "half of a surrogate pair");
        reader->at += 2;
        if (read_four_digits(reader, &low) < 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return fail_at(reader, start, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    add_character(&reader->string, code);
    return 0;
}

static int read_escape(struct reader *reader)
{
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const char *start = reader->at++;
    char letter = next_byte(reader);

    for (const char *pair = letters; *pair; pair += 2) {
        if (letter != pair[0])
            continue;
        text_buffer_add_bytes(&reader->string, pair + 1, 1);
        reader->at++;
        return 0;
    }
    if (letter != 'u')
        return fail_unexpected(reader, "one of \"\\/bfnrtu");
    reader->at++;
    return read_code(reader, start);
}

/* Steps over a character beyond ASCII. */
static int skip_character(struct reader *reader)
{
    char bytes[5] = "";
    size_t left = (size_t)(reader->end - reader->at);

    memcpy(bytes, reader->at, left < 4 ? left : 4);
    size_t length = text_character(bytes);
    if (length == 0)
        return fail_at(reader, reader->at, "byte 0x%02x is not UTF-8", (unsigned char)bytes[0]);
    reader->at += length;
    return 0;
}

/* Reads into reader->string. */
static int read_string(struct reader *reader)
{
    if (take(reader, '"', "'\"'") < 0)
        return -1;
    text_buffer_cut(&reader->string, 0);
    const char *start = reader->at;
    for (;;) {
        while (reader->at < reader->end && !is_special[(unsigned char)*reader->at])
            reader->at++;
        unsigned char byte = (unsigned char)next_byte(reader);
        if (byte >= 0x80) {
            if (skip_character(reader) < 0)
                return -1;
            continue;
        }
        text_buffer_add_bytes(&reader->string, start, (size_t)(reader->at - start));
        if (byte == '"')
            break;
        if (byte != '\\')
            return fail_unexpected(reader, "the end of a string");
        if (read_escape(reader) < 0)
            return -1;
        start = reader->at;
    }
    reader->at++;
    return reader->string.failed ? out_of_memory(reader) : 0;
}

/* ---- numbers and words ---- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int skip_digits(struct reader *reader)
{
    if (!is_digit(next_byte(reader)))
        return fail_unexpected(reader, "a digit");
    while (is_digit(next_byte(reader)))
        reader->at++;
    return 0;
}

static int make_integer(struct reader *reader, const char *start, struct json_object **ret_value)
{
    bool negative = *start == '-';
    int64_t value = 0;

    for (const char *at = start + negative; at < reader->at; at++) {
        int digit = *at - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return fail_at(reader, start, "the integer does not fit into 64 bits");
    }
    *ret_value = json_object_new_int64(value);
    return *ret_value ? 0 : out_of_memory(reader);
}

/* The text is kept, so that the number is written again as it came. */
static int make_real(struct reader *reader, const char *start, struct json_object **ret_value)
{
    size_t length = (size_t)(reader->at - start);

    if (length > NUMBER_LENGTH_MAXIMUM)
        return fail_at(reader, start, "the number has more than %d characters",
                       NUMBER_LENGTH_MAXIMUM);
    text_buffer_cut(&reader->string, 0);
    text_buffer_add_bytes(&reader->string, start, length);
    if (reader->string.failed)
        return out_of_memory(reader);
    double value = strtod(reader->string.text, NULL);
    if (isinf(value))
        return fail_at(reader, start, "the number is too large");
    *ret_value = json_object_new_double_s(value, reader->string.text);
    return *ret_value ? 0 : out_of_memory(reader);
}

static int read_number(struct reader *reader, struct json_object **ret_value)
{
    const char *start = reader->at;
    bool real = false;

    reader->at += *start == '-';
    if (next_byte(reader) == '0')
        reader->at++;
    else if (skip_digits(reader) < 0)
        return -1;
    if (next_byte(reader) == '.') {
        real = true;
        reader->at++;
        if (skip_digits(reader) < 0)
            return -1;
    }
    if (next_byte(reader) == 'e' || next_byte(reader) == 'E') {
        real = true;
        reader->at++;
        reader->at += next_byte(reader) == '+' || next_byte(reader) == '-';
        if (skip_digits(reader) < 0)
            return -1;
    }
    return real ? make_real(reader, start, ret_value) : make_integer(reader, start, ret_value);
}

/* `word` begins with the next byte. */
static int read_word(struct reader *reader, const char *word, struct json_object **ret_value)
{
    size_t length = strlen(word);

    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return fail_unexpected(reader, "a value");
    reader->at += length;
    *ret_value = NULL;
    if (*word == 'n')
        return 0;
    *ret_value = json_object_new_boolean(*word == 't');
    return *ret_value ? 0 : out_of_memory(reader);
}

/* ---- containers ---- */

/* Steps into a container. */
static int enter(struct reader *reader)
{
    if (reader->depth == DOCUMENT_DEPTH_MAXIMUM)
        return error_set(reader->error, ERROR_TOO_LARGE,
                         "document is nested deeper than the %d levels allowed",
                         DOCUMENT_DEPTH_MAXIMUM);
    reader->depth++;
    reader->at++;
    skip_blanks(reader);
    return 0;
}

/* Behind a member or an item: 1 when another follows, 0 at the container's end, -1. */
static int read_separator(struct reader *reader, char closing)
{
    skip_blanks(reader);
    if (next_byte(reader) == closing) {
        reader->at++;
        reader->depth--;
        return 0;
    }
    if (take(reader, ',', closing == '}' ? "',' or '}'" : "',' or ']'") < 0)
        return -1;
    skip_blanks(reader);
    return 1;
}

static int read_member(struct reader *reader, struct json_object *object)
{
    const char *start = reader->at;
    struct lh_table *table = json_object_get_object(object);
    struct json_object *value = NULL;

    if (read_string(reader) < 0)
        return -1;
    const char *text = reader->string.text;
    unsigned long hash = lh_get_hash(table, text);
    if (lh_table_lookup_entry_w_hash(table, text, hash))
        return fail_at(reader, start, "duplicate member \"%.64s\"", text);
    char *name = strdup(text);
    if (!name)
        return out_of_memory(reader);
    /* The place is taken first, so that the tree owns the name and the value whatever happens. */
    if (lh_table_insert_w_hash(table, name, NULL, hash, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0) {
        free(name);
        return out_of_memory(reader);
    }
    struct lh_entry *entry = table->tail;
    skip_blanks(reader);
    if (take(reader, ':', "':'") < 0)
        return -1;
    skip_blanks(reader);
    if (read_value(reader, &value) < 0)
        return -1;
    lh_entry_set_val(entry, value);
    return 0;
}

static int read_object(struct reader *reader, struct json_object **ret_value)
{
    struct json_object *object = json_object_new_object();
    int more = 1;

    if (!object)
        return out_of_memory(reader);
    if (enter(reader) < 0) {
        more = -1;
    } else if (next_byte(reader) == '}') {
        more = read_separator(reader, '}');
    }
    while (more > 0)
        more = read_member(reader, object) < 0 ? -1 : read_separator(reader, '}');
    if (more < 0)
        json_object_put(object);
    else
        *ret_value = object;
    return more;
}

static int read_item(struct reader *reader, struct json_object *array)
{
    struct json_object *item = NULL;

    if (read_value(reader, &item) < 0)
        return -1;
    if (json_object_array_add(array, item) < 0) {
        json_object_put(item);
        return out_of_memory(reader);
    }
    return 0;
}

static int read_array(struct reader *reader, struct json_object **ret_value)
{
    struct json_object *array = json_object_new_array();
    int more = 1;

    if (!array)
        return out_of_memory(reader);
    if (enter(reader) < 0) {
        more = -1;
    } else if (next_byte(reader) == ']') {
        more = read_separator(reader, ']');
    }
    while (more > 0)
        more = read_item(reader, array) < 0 ? -1 : read_separator(reader, ']');
    if (more < 0)
        json_object_put(array);
    else
        *ret_value = array;
    return more;
}

static int read_value(struct reader *reader, struct json_object **ret_value)
{
    switch (next_byte(reader)) {
    case '{':
        return read_object(reader, ret_value);
    case '[':
        return read_array(reader, ret_value);
    case '"':
        if (read_string(reader) < 0)
            return -1;
        *ret_value = json_object_new_string_len(reader->string.text, (int)reader->string.length);
        return *ret_value ? 0 : out_of_memory(reader);
    case 't':
        return read_word(reader, "true", ret_value);
    case 'f':
        return read_word(reader, "false", ret_value);
    case 'n':
        return read_word(reader, "null", ret_value);
    case '-':
    case '0' ... '9':
        return read_number(reader, ret_value);
    default:
        return fail_unexpected(reader, "a value");
    }
}

/* A byte order mark of UTF-16. */
static bool is_other_encoding(const char *text, size_t length)
{
    return length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

int document_parse_value(const char *text, size_t length, struct json_object **ret_value,
                         struct error *error)
{
    struct reader reader = {.text = text, .at = text, .end = text + length, .error = error};
    struct json_object *value = NULL;
    int result;

    *ret_value = NULL;
    if (length > DOCUMENT_SIZE_MAXIMUM)
        return error_set(error, ERROR_TOO_LARGE,
                         "document of %zu bytes is larger than the %d allowed", length,
                         DOCUMENT_SIZE_MAXIMUM);
    skip_blanks(&reader);
    result = is_other_encoding(text, length) ? fail_at(&reader, text, "UTF-16, where JSON is UTF-8")
                                             : read_value(&reader, &value);
    skip_blanks(&reader);
    if (result == 0 && reader.at < reader.end)
        result = fail_unexpected(&reader, "the end of the text");
    free(reader.string.text);
    if (result < 0)
        json_object_put(value);
    else
        *ret_value = value;
    return result;
}

struct json_object *document_parse(const char *text, size_t length, struct error *error)
{
    struct json_object *document;

    if (document_parse_value(text, length, &document, error) < 0)
        return NULL;
    if (document_is_object(document))
        return document;
    json_object_put(document);
    error_set(error, ERROR_INVALID, "document is not a JSON object");
    return NULL;
}
