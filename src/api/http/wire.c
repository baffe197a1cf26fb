/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - the rules for valid requests. Sources: RFC 9110, RFC 9112; the list of malformed
 * requests in docs/admin-api.md.
 */
#include "api/http/wire.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WIRE_FIELD_NAME(constant, name) [constant] = name,
static const char *const field_names[WIRE_FIELD_COUNT] = {WIRE_FIELDS(WIRE_FIELD_NAME)};
#undef WIRE_FIELD_NAME

enum { HTTP_VERSION_LENGTH = 8 }; /* "HTTP/1.1" */

void wire_begin(struct wire *wire, const char *method, const char *target_start,
                const char *version, const char *target)
{
    *wire = (struct wire){.target = target};
    wire->http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    wire->gap = method + strlen(method) + 1 != target_start ||
                target_start + strlen(target) + 1 != version ||
                strlen(version) != HTTP_VERSION_LENGTH;
    wire->next = version + HTTP_VERSION_LENGTH + 2;
}

/* token of RFC 9110 5.6.2 */
static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) &&
            (text[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", text[i])))
            return false;
    return length > 0;
}

static bool has_control_character(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return true;
    }
    return false;
}

void wire_field(struct wire *wire, const char *name, size_t name_length, const char *value,
                size_t value_length)
{
    size_t line = name_length + 1 + value_length;
    if (line > wire->longest)
        wire->longest = line;
    wire->count++;
    if (name != wire->next)
        wire->gap = true;
    wire->next = value + value_length + 2; /* its CR LF */

    if (!is_token(name, name_length))
        wire->problem = "a header field's name is not a token (RFC 9110, 5.6.2)";
    else if (has_control_character(value, value_length))
        wire->problem = "a header field's value contains a control character";
    for (int i = 0; i < WIRE_FIELD_COUNT; i++) {
        if (strcasecmp(name, field_names[i]) != 0)
            continue;
        if (wire->fields[i])
            wire->repeated = field_names[i];
        wire->fields[i] = value;
    }
}

static int hexadecimal(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int wire_decode(const char *text, size_t length, bool plus, char *buffer, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            if (length - i < 3 || hexadecimal(text[i + 1]) < 0 || hexadecimal(text[i + 2]) < 0)
                return -1;
            byte = hexadecimal(text[i + 1]) * 16 + hexadecimal(text[i + 2]);
            i += 2;
        } else if (byte == '+' && plus) {
            byte = ' ';
        }
        if (byte == '\0' || used + 1 >= size)
            return -1;
        buffer[used++] = (char)byte;
    }
    buffer[used] = '\0';
    return 0;
}

/* True if a segment is "." or "..", however it or its slashes are escaped. Such paths are refused,
 * not merged. */
static bool has_dot_segment(const char *path, size_t length)
{
    char decoded[WIRE_TARGET_MAXIMUM + 1];
    if (wire_decode(path, length, false, decoded, sizeof(decoded)) < 0)
        return false;
    for (const char *segment = decoded; *segment;) {
        size_t end = strcspn(segment, "/");
        if (end > 0 && end <= 2 && strspn(segment, ".") == end)
            return true;
        segment += end + (segment[end] == '/');
    }
    return false;
}

static const char *problem_of_target(const char *target)
{
    for (const char *at = target; *at; at++) {
        if (*at <= ' ' || *at > '~')
            return "the request target contains a byte that has to be percent-encoded";
        if (*at == '#')
            return "the request target contains a fragment (\"#\")";
        if (*at != '%')
            continue;
        if (hexadecimal(at[1]) < 0 || hexadecimal(at[2]) < 0)
            return "the request target contains a broken percent-escape";
        if (at[1] == '0' && at[2] == '0')
            return "the request target contains an escaped NUL (%00)";
    }
    if (has_dot_segment(target, strcspn(target, "?")))
        return "the path contains a \".\" or \"..\" segment; paths are not merged here";
    return NULL;
}

static int check_target(const struct wire *wire, const char *method, struct answer *answer)
{
    if (strlen(wire->target) > WIRE_TARGET_MAXIMUM)
        return answer_refuse(answer, API_TARGET_TOO_LONG, NULL,
                             "the request target has %zu bytes; at most %d are allowed",
                             strlen(wire->target), WIRE_TARGET_MAXIMUM);
    if (wire->target[0] != '/') {
        /* "*" belongs to OPTIONS; whether that method is served is not decided here */
        if (strcmp(method, "OPTIONS") == 0 && strcmp(wire->target, "*") == 0)
            return 0;
        return answer_refuse(answer, API_MALFORMED_REQUEST, NULL,
                             "the request target must begin with \"/\"; this is not a proxy");
    }
    const char *problem = problem_of_target(wire->target);
    if (problem)
        return answer_refuse(answer, API_MALFORMED_REQUEST, NULL, "%s", problem);
    return 0;
}

/* Length of a value without the white space behind it, which libmicrohttpd leaves. */
static size_t trimmed_length(const char *value)
{
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        length--;
    return length;
}

static bool value_is(const char *value, const char *expected)
{
    size_t length = trimmed_length(value);
    return length == strlen(expected) && strncasecmp(value, expected, length) == 0;
}

/* Host = uri-host [ ":" port ]: whatever else it is, it has none of these characters. */
bool wire_is_host(const char *value)
{
    size_t length = trimmed_length(value);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)value[i]) && !strchr(".-_:[]", value[i]))
            return false;
    return length > 0 && length < 256;
}

enum { LENGTH_DIGITS_MAXIMUM = 18 }; /* as many always fit into 64 bits */

/* libmicrohttpd has refused values that are not numbers already; this check does not depend on
 * that. */
static bool is_length(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    size_t blanks = strspn(value + digits, " \t");
    return digits >= 1 && digits <= LENGTH_DIGITS_MAXIMUM && value[digits + blanks] == '\0';
}

static int check_body_headers(const struct wire *wire, struct answer *answer)
{
    const char *coding = wire->fields[WIRE_TRANSFER_ENCODING];
    const char *expect = wire->fields[WIRE_EXPECT];
    const char *length = wire->fields[WIRE_CONTENT_LENGTH];
    if (length && !is_length(length))
        return answer_refuse(answer, API_MALFORMED_REQUEST, "Content-Length",
                             "Content-Length must be a number of at most %d digits",
                             LENGTH_DIGITS_MAXIMUM);
    if (coding) {
        if (wire->fields[WIRE_CONTENT_LENGTH])
            return answer_refuse(answer, API_MALFORMED_REQUEST, "Transfer-Encoding",
                                 "Content-Length and Transfer-Encoding cannot be used together");
        if (wire->http_1_0)
            return answer_refuse(answer, API_MALFORMED_REQUEST, "Transfer-Encoding",
                                 "HTTP/1.0 has no Transfer-Encoding");
        if (value_is(coding, "chunked,chunked") || value_is(coding, "chunked, chunked"))
            return answer_refuse(answer, API_MALFORMED_REQUEST, "Transfer-Encoding",
                                 "\"chunked\" may be applied once");
        /* libmicrohttpd compares the untrimmed value; anything else would be read as an endless
         * body */
        if (strcasecmp(coding, "chunked") != 0)
            return answer_refuse(answer, API_NOT_IMPLEMENTED, "Transfer-Encoding",
                                 "the only supported transfer coding is \"chunked\"");
    }
    if (expect && !value_is(expect, "100-continue"))
        return answer_refuse(answer, API_EXPECTATION_FAILED, "Expect",
                             "the only supported expectation is \"100-continue\"");
    return 0;
}

static int check_sizes(const struct wire *wire, size_t block, struct answer *answer)
{
    if (wire->count > WIRE_HEADERS_MAXIMUM)
        return answer_refuse(answer, API_HEADERS_TOO_LARGE, NULL,
                             "%zu header fields; at most %d are allowed", wire->count,
                             WIRE_HEADERS_MAXIMUM);
    if (wire->longest > WIRE_HEADER_LINE_MAXIMUM)
        return answer_refuse(answer, API_HEADERS_TOO_LARGE, NULL,
                             "a header field has %zu bytes; at most %d are allowed", wire->longest,
                             WIRE_HEADER_LINE_MAXIMUM);
    if (block > WIRE_HEADER_BLOCK_MAXIMUM)
        return answer_refuse(answer, API_HEADERS_TOO_LARGE, NULL,
                             "the header block has %zu bytes; at most %d are allowed", block,
                             WIRE_HEADER_BLOCK_MAXIMUM);
    return 0;
}

int wire_check(const struct wire *wire, const char *method, size_t block, struct answer *answer)
{
    answer->close = true; /* more invalid data may follow */
    if (check_target(wire, method, answer) < 0 || check_sizes(wire, block, answer) < 0)
        return -1;
    if (wire->problem)
        return answer_refuse(answer, API_MALFORMED_REQUEST, NULL, "%s", wire->problem);
    if (wire->repeated)
        return answer_refuse(answer, API_MALFORMED_REQUEST, wire->repeated,
                             "header field %s was given more than once", wire->repeated);
    if (!wire->strict_library && (wire->gap || wire->next + 2 != method + block))
        return answer_refuse(answer, API_MALFORMED_REQUEST, NULL,
                             "the header block has a bare line feed, a folded line, a NUL or more "
                             "than one space where one belongs");
    const char *host = wire->fields[WIRE_HOST];
    if (host ? !wire_is_host(host) : !wire->http_1_0)
        return answer_refuse(answer, API_MALFORMED_REQUEST, "Host",
                             "exactly one header field Host with a host name is required");
    if (check_body_headers(wire, answer) < 0)
        return -1;
    answer->close = false;
    return 0;
}

bool wire_has_body(const struct wire *wire, long long *ret_length)
{
    const char *length = wire->fields[WIRE_CONTENT_LENGTH];
    long long value = wire->fields[WIRE_TRANSFER_ENCODING] ? -1 : length ? atoll(length) : 0;
    if (ret_length)
        *ret_length = value;
    return value != 0;
}
