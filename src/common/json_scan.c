/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.c - walking through JSON text without making a tree of it. */
#include "mimo/json_scan.h"

#include <string.h>

enum { DIGITS_MAXIMUM = 18 }; /* as many always fit into 64 bits */

static bool fail(struct json_scan *scan)
{
    scan->bad = true;
    return false;
}

struct json_scan json_scan_begin(const char *text, size_t length)
{
    return (struct json_scan){.at = text, .end = text + length};
}

bool json_scan_ended(const struct json_scan *scan)
{
    return !scan->bad && scan->depth == 0 && scan->at == scan->end;
}

bool json_piece_is(const struct json_piece *piece, const char *text)
{
    return piece->kind == JSON_PIECE_STRING && !piece->escaped && strlen(text) == piece->length &&
           memcmp(piece->text, text, piece->length) == 0;
}

static char next_byte(const struct json_scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct json_scan *scan, char byte)
{
    if (next_byte(scan) != byte)
        return fail(scan);
    scan->at++;
    return true;
}

void json_scan_enter(struct json_scan *scan, char bracket)
{
    if (scan->bad || !take(scan, bracket))
        return;
    scan->fresh = true;
    if (scan->depth == DOCUMENT_DEPTH_MAXIMUM)
        fail(scan);
    else
        scan->first_name[scan->depth++] = scan->name_count;
}

/* True when there is a next member or item, whose first byte is the next one. */
static bool has_next(struct json_scan *scan, char closing)
{
    bool fresh = scan->fresh;

    scan->fresh = false;
    if (scan->bad)
        return false;
    if (next_byte(scan) != closing)
        return fresh || take(scan, ',');
    scan->at++;
    scan->name_count = scan->first_name[--scan->depth];
    return false;
}

/* Bytes within a string that are more than themselves: its end, escapes, and what is not plain. */
static const bool is_special[256] = {
    [0 ... ' ' - 1] = true, ['"'] = true, ['\\'] = true, ['~' + 1 ... 255] = true};

static bool scan_string(struct json_scan *scan, struct json_piece *piece)
{
    if (!take(scan, '"'))
        return false;
    const char *at = scan->at;
    *piece = (struct json_piece){.kind = JSON_PIECE_STRING, .text = at};
    for (; at < scan->end && *at != '"'; at++) {
        if (!is_special[(unsigned char)*at])
            continue;
        if (*at != '\\')
            return fail(scan);
        piece->escaped = true;
        if (++at == scan->end || *at == '\0' || !strchr("\"\\/bfnrt", *at))
            return fail(scan);
    }
    if (at == scan->end)
        return fail(scan);
    piece->length = (size_t)(at - piece->text);
    scan->at = at + 1;
    return true;
}

/* A name that did not come in this object before. One with escapes may be another's spelling. */
static bool is_new_name(struct json_scan *scan, const struct json_piece *name)
{
    if (name->escaped || scan->name_count == JSON_SCAN_NAMES)
        return fail(scan);
    for (int i = scan->first_name[scan->depth - 1]; i < scan->name_count; i++)
        if (scan->names[i].length == name->length &&
            memcmp(scan->names[i].text, name->text, name->length) == 0)
            return fail(scan);
    scan->names[scan->name_count++] = (struct json_name){name->text, name->length};
    return true;
}

bool json_scan_member(struct json_scan *scan, struct json_piece *ret_name)
{
    return has_next(scan, '}') && scan_string(scan, ret_name) && is_new_name(scan, ret_name) &&
           take(scan, ':');
}

bool json_scan_item(struct json_scan *scan)
{
    return has_next(scan, ']');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool scan_digits(struct json_scan *scan, int64_t *ret_value)
{
    const char *start = scan->at;

    *ret_value = 0;
    while (is_digit(next_byte(scan))) {
        if (scan->at - start == DIGITS_MAXIMUM)
            return fail(scan);
        *ret_value = *ret_value * 10 + (*scan->at++ - '0');
    }
    return scan->at > start || fail(scan);
}

static bool scan_number(struct json_scan *scan, struct json_piece *piece)
{
    int64_t ignored;
    bool negative = next_byte(scan) == '-';

    *piece = (struct json_piece){.kind = JSON_PIECE_INTEGER, .text = scan->at};
    scan->at += negative;
    const char *digits = scan->at;
    if (!scan_digits(scan, &piece->integer) || (*digits == '0' && scan->at > digits + 1))
        return fail(scan);
    if (negative)
        piece->integer = -piece->integer;
    if (next_byte(scan) == '.') {
        scan->at++;
        piece->kind = JSON_PIECE_OTHER;
        if (!scan_digits(scan, &ignored))
            return false;
    }
    if (next_byte(scan) == 'e' || next_byte(scan) == 'E')
        return fail(scan); /* may be beyond what a parser takes */
    piece->length = (size_t)(scan->at - piece->text);
    return true;
}

static bool scan_word(struct json_scan *scan, struct json_piece *piece)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, words[i], length) != 0)
            continue;
        *piece = (struct json_piece){.kind = JSON_PIECE_OTHER, .text = scan->at, .length = length};
        scan->at += length;
        return true;
    }
    return fail(scan);
}

static bool scan_container(struct json_scan *scan, struct json_piece *piece)
{
    bool object = next_byte(scan) == '{';
    const char *start = scan->at;
    struct json_piece inner;

    json_scan_enter(scan, *start);
    while (object ? json_scan_member(scan, &inner) : json_scan_item(scan))
        if (!json_scan_value(scan, &inner))
            return false;
    *piece = (struct json_piece){.kind = object ? JSON_PIECE_OBJECT : JSON_PIECE_ARRAY,
                                 .text = start,
                                 .length = (size_t)(scan->at - start)};
    return !scan->bad;
}

bool json_scan_value(struct json_scan *scan, struct json_piece *ret_value)
{
    char first = next_byte(scan);

    if (scan->bad)
        return false;
    if (first == '"')
        return scan_string(scan, ret_value);
    if (first == '{' || first == '[')
        return scan_container(scan, ret_value);
    if (first == '-' || is_digit(first))
        return scan_number(scan, ret_value);
    return scan_word(scan, ret_value);
}
