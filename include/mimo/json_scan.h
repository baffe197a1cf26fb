/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan.h - walking through JSON text without making a tree of it.
 *
 * For text that this product wrote itself: compact, and of ASCII alone. Whatever else JSON allows
 * (space between tokens, other characters, \u, objects of many members) makes a scan `bad`, which
 * is no error: then the caller parses the document. What is not JSON at all is bad as well, and so
 * is an object that has a member twice.
 *
 *     struct json_scan scan = json_scan_begin(text, length);
 *     struct json_piece name, value;
 *     json_scan_enter(&scan, '{');
 *     while (json_scan_member(&scan, &name))
 *         if (!json_scan_value(&scan, &value))        // or enter it
 *             break;
 *     if (!json_scan_ended(&scan)) ...                // bad, somewhere
 */
#ifndef MIMO_JSON_SCAN_H
#define MIMO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mimo/document.h"

enum json_kind {
    JSON_PIECE_STRING,
    JSON_PIECE_INTEGER,
    JSON_PIECE_OBJECT,
    JSON_PIECE_ARRAY,
    JSON_PIECE_OTHER, /* true, false, null, a number with a fraction or an exponent */
};

/* Borrowed from the text. */
struct json_piece {
    enum json_kind kind;
    const char *text; /* STRING: between the quotes */
    size_t length;
    int64_t integer; /* INTEGER */
    bool escaped;    /* STRING: it has escapes */
};

enum { JSON_SCAN_NAMES = 64 }; /* of members of the objects that a scan is in at a time */

struct json_name {
    const char *text;
    size_t length;
};

struct json_scan {
    const char *at;
    const char *end;
    int depth;
    bool fresh; /* just entered: no comma is due */
    bool bad;
    int name_count;
    int first_name[DOCUMENT_DEPTH_MAXIMUM]; /* of each level: where its names begin */
    struct json_name names[JSON_SCAN_NAMES];
};

struct json_scan json_scan_begin(const char *text, size_t length);

/* Steps into the object or array that comes next. */
void json_scan_enter(struct json_scan *scan, char bracket);

/* Steps to the next member's value. False at the object's end, which is stepped over, or bad. */
bool json_scan_member(struct json_scan *scan, struct json_piece *ret_name);

/* The same for an array's items. */
bool json_scan_item(struct json_scan *scan);

/* Steps over a value. False when bad. */
bool json_scan_value(struct json_scan *scan, struct json_piece *ret_value);

/* True when the text is walked through to its end and was plain all the way. */
bool json_scan_ended(const struct json_scan *scan);

/* True when the piece is a string without escapes that says `text`. */
bool json_piece_is(const struct json_piece *piece, const char *text);

#endif
