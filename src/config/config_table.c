/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_table.c - the rows of config_keys.h as data: kinds of values, finding, setting,
 * writing.
 */
#include "config/config_table.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mimo/clock.h"
#include "mimo/ini_file.h"
#include "mimo/log.h"
#include "mimo/text.h"

enum { FORMATTED_SIZE = 64, ALLOWED_SIZE = 256 };

/* A kind of value. `read` returns false for text that is not a value of this kind. `write` and
 * `allowed` write to a stream: the value as in the file, and a description of the allowed
 * values. */
struct config_kind {
    bool (*read)(const struct config_row *row, const char *text, void *field);
    void (*write)(const struct config_row *row, const void *field, FILE *stream);
    void (*allowed)(const struct config_row *row, FILE *stream);
    bool owned; /* the field is memory */
    size_t size;
};

/* TEXT. What inih would not give back as it was written is refused. */

static bool read_text(const struct config_row *row, const char *text, void *field)
{
    char **place = field;
    char *copy;

    (void)row;
    if (!text_is_clean(text) || *text == ';' || strstr(text, " ;") || *text == ' ' ||
        (*text && text[strlen(text) - 1] == ' '))
        return false;
    copy = strdup(text);
    if (!copy)
        return false;
    free(*place);
    *place = copy;
    return true;
}

static void write_text(const struct config_row *row, const void *field, FILE *stream)
{
    (void)row;
    fputs(*(char *const *)field, stream);
}

static void allow_text(const struct config_row *row, FILE *stream)
{
    (void)row;
    fputs("a text of one line without control characters, \" ;\", or blanks at its ends", stream);
}

/* INTEGER */

/* Digits only, optionally a sign; *rest is left behind them. */
static bool read_digits(const char *text, const char **rest, int64_t *ret_number)
{
    bool negative = *text == '-';
    const char *digit = text + negative;
    int64_t number = 0;

    if (!isdigit((unsigned char)*digit))
        return false;
    for (; isdigit((unsigned char)*digit); digit++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *digit - '0', &number))
            return false;
    }
    *rest = digit;
    *ret_number = negative ? -number : number;
    return true;
}

static bool store_bounded(const struct config_row *row, int64_t number, void *field)
{
    if (number < row->smallest || number > row->largest)
        return false;
    *(int64_t *)field = number;
    return true;
}

static bool read_integer(const struct config_row *row, const char *text, void *field)
{
    const char *rest;
    int64_t number;

    return read_digits(text, &rest, &number) && *rest == '\0' && store_bounded(row, number, field);
}

static void write_integer(const struct config_row *row, const void *field, FILE *stream)
{
    (void)row;
    fprintf(stream, "%" PRId64, *(const int64_t *)field);
}

static void allow_integer(const struct config_row *row, FILE *stream)
{
    fprintf(stream, "a whole number from %" PRId64 " to %" PRId64, row->smallest, row->largest);
}

/* DURATION and BYTES are numbers with units; written with the largest unit that divides them. */

struct unit {
    const char *name;
    int64_t size;
};

static const struct unit time_units[] = {{"d", DAY},    {"h", HOUR}, {"m", MINUTE},
                                         {"s", SECOND}, {"ms", 1},   {NULL, 0}};
static const struct unit byte_units[] = {{"G", GIB}, {"M", MIB}, {"K", KIB}, {"", 1}, {NULL, 0}};

static void write_with_unit(const struct unit *units, int64_t number, FILE *stream)
{
    if (number == 0) {
        fputs("0", stream);
        return;
    }
    while (number % units->size != 0)
        units++;
    fprintf(stream, "%" PRId64 "%s", number / units->size, units->name);
}

static bool read_duration(const struct config_row *row, const char *text, void *field)
{
    int64_t milliseconds;

    return clock_parse_duration(text, &milliseconds, NULL) == 0 &&
           store_bounded(row, milliseconds, field);
}

static void write_duration(const struct config_row *row, const void *field, FILE *stream)
{
    (void)row;
    write_with_unit(time_units, *(const int64_t *)field, stream);
}

static void allow_duration(const struct config_row *row, FILE *stream)
{
    fputs("a duration from ", stream);
    write_with_unit(time_units, row->smallest, stream);
    fputs(" to ", stream);
    write_with_unit(time_units, row->largest, stream);
    fputs(", in ms, s, m, h or d", stream);
}

static bool read_bytes(const struct config_row *row, const char *text, void *field)
{
    const char *rest;
    int64_t number;

    if (!read_digits(text, &rest, &number))
        return false;
    for (const struct unit *unit = byte_units; unit->name; unit++) {
        if (strcmp(unit->name, rest) == 0)
            return !__builtin_mul_overflow(number, unit->size, &number) &&
                   store_bounded(row, number, field);
    }
    return false;
}

static void write_bytes(const struct config_row *row, const void *field, FILE *stream)
{
    (void)row;
    write_with_unit(byte_units, *(const int64_t *)field, stream);
}

static void allow_bytes(const struct config_row *row, FILE *stream)
{
    fputs("a size from ", stream);
    write_with_unit(byte_units, row->smallest, stream);
    fputs(" to ", stream);
    write_with_unit(byte_units, row->largest, stream);
    fputs(", such as 4096, 64K, 256M or 1G", stream);
}

/* BOOLEAN */

static bool read_boolean(const struct config_row *row, const char *text, void *field)
{
    bool yes = strcmp(text, "yes") == 0;

    (void)row;
    if (!yes && strcmp(text, "no") != 0)
        return false;
    *(bool *)field = yes;
    return true;
}

static void write_boolean(const struct config_row *row, const void *field, FILE *stream)
{
    (void)row;
    fputs(*(const bool *)field ? "yes" : "no", stream);
}

static void allow_boolean(const struct config_row *row, FILE *stream)
{
    (void)row;
    fputs("yes or no", stream);
}

/* CHOICE and CHOICES: words of a list, numbered from 0 */

/* Number of the word of `length` bytes at `text` in `words`, or -1. */
static int word_number(const char *words, const char *text, size_t length)
{
    for (int number = 0; *words; number++) {
        size_t size = strcspn(words, " ");

        if (size == length && memcmp(words, text, size) == 0)
            return number;
        words += size + strspn(words + size, " ");
    }
    return -1;
}

/* Writes the words whose bit is set in `set`, with `between` between them, `last` before the last
 * one. */
static void write_words(const char *words, unsigned set, const char *between, const char *last,
                        FILE *stream)
{
    for (unsigned number = 0; *words && set; number++) {
        size_t size = strcspn(words, " ");

        if (set & 1u << number) {
            set &= ~(1u << number);
            fprintf(stream, "%.*s%s", (int)size, words,
                    set == 0                 ? ""
                    : (set & (set - 1)) == 0 ? last
                                             : between);
        }
        words += size + strspn(words + size, " ");
    }
}

static unsigned all_words(const char *words)
{
    unsigned set = 1;

    for (; *words; words++) {
        if (*words == ' ')
            set = set << 1 | 1;
    }
    return set;
}

static bool read_choice(const struct config_row *row, const char *text, void *field)
{
    int number = word_number(row->words, text, strlen(text));

    if (number < 0)
        return false;
    *(int *)field = number;
    return true;
}

static void write_choice(const struct config_row *row, const void *field, FILE *stream)
{
    write_words(row->words, 1u << *(const int *)field, "", "", stream);
}

static void allow_choice(const struct config_row *row, FILE *stream)
{
    write_words(row->words, all_words(row->words), ", ", " or ", stream);
}

static bool read_choices(const struct config_row *row, const char *text, void *field)
{
    unsigned set = 0;

    for (text += strspn(text, " ,"); *text; text += strspn(text, " ,")) {
        size_t length = strcspn(text, " ,");
        int number = word_number(row->words, text, length);

        if (number < 0)
            return false;
        set |= 1u << number;
        text += length;
    }
    if (set == 0)
        return false;
    *(unsigned *)field = set;
    return true;
}

static void write_choices(const struct config_row *row, const void *field, FILE *stream)
{
    write_words(row->words, *(const unsigned *)field, " ", " ", stream);
}

static void allow_choices(const struct config_row *row, FILE *stream)
{
    fputs("one or more of ", stream);
    write_words(row->words, all_words(row->words), ", ", ", ", stream);
}

static const struct config_kind kind_text = {read_text, write_text, allow_text, true,
                                             sizeof(char *)};
static const struct config_kind kind_integer = {read_integer, write_integer, allow_integer, false,
                                                sizeof(int64_t)};
static const struct config_kind kind_duration = {read_duration, write_duration, allow_duration,
                                                 false, sizeof(int64_t)};
static const struct config_kind kind_bytes = {read_bytes, write_bytes, allow_bytes, false,
                                              sizeof(int64_t)};
static const struct config_kind kind_boolean = {read_boolean, write_boolean, allow_boolean, false,
                                                sizeof(bool)};
static const struct config_kind kind_choice = {read_choice, write_choice, allow_choice, false,
                                               sizeof(int)};
static const struct config_kind kind_choices = {read_choices, write_choices, allow_choices, false,
                                                sizeof(unsigned)};

#define ROW(section, key, kind, words, otherwise, smallest, largest, help)                         \
    {#section, #key,    &(kind), offsetof(struct config, section##_##key), words, otherwise,       \
     smallest, largest, help},
#define ROW_TEXT(section, key, otherwise, help)                                                    \
    ROW(section, key, kind_text, NULL, otherwise, 0, 0, help)
#define ROW_INTEGER(section, key, otherwise, smallest, largest, help)                              \
    ROW(section, key, kind_integer, NULL, otherwise, smallest, largest, help)
#define ROW_DURATION(section, key, otherwise, smallest, largest, help)                             \
    ROW(section, key, kind_duration, NULL, otherwise, smallest, largest, help)
#define ROW_BYTES(section, key, otherwise, smallest, largest, help)                                \
    ROW(section, key, kind_bytes, NULL, otherwise, smallest, largest, help)
#define ROW_BOOLEAN(section, key, otherwise, help)                                                 \
    ROW(section, key, kind_boolean, NULL, otherwise, 0, 0, help)
#define ROW_CHOICE(section, key, words, otherwise, help)                                           \
    ROW(section, key, kind_choice, words, otherwise, 0, 0, help)
#define ROW_CHOICES(section, key, words, otherwise, help)                                          \
    ROW(section, key, kind_choices, words, otherwise, 0, 0, help)

static const struct config_row rows[] = {CONFIG_KEYS(ROW_TEXT, ROW_INTEGER, ROW_DURATION, ROW_BYTES,
                                                     ROW_BOOLEAN, ROW_CHOICE, ROW_CHOICES)};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

size_t config_row_count(void)
{
    return ROW_COUNT;
}

const struct config_row *config_row_at(size_t number)
{
    assert(number < ROW_COUNT);
    return &rows[number];
}

size_t config_row_number(const struct config_row *row)
{
    return (size_t)(row - rows);
}

static void *field_of(const struct config_row *row, struct config *config)
{
    return (char *)config + row->offset;
}

static const void *const_field_of(const struct config_row *row, const struct config *config)
{
    return (const char *)config + row->offset;
}

enum { WORD_MAXIMUM = 40 };

/* Edit distance of two words (Levenshtein), with one row of its table. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAXIMUM + 1];
    size_t length = strlen(b);

    if (length > WORD_MAXIMUM || strlen(a) > WORD_MAXIMUM)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t replaced = diagonal + (a[i] != b[j]);
            size_t shorter = row[j] < row[j + 1] ? row[j] : row[j + 1];

            diagonal = row[j + 1];
            row[j + 1] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[length];
}

/* The key that was perhaps meant: of the section, one that differs in at most 3 letters; else one
 * of this very name in another section; else NULL. */
static const struct config_row *guess(const char *section, const char *name)
{
    const struct config_row *best = NULL;
    size_t nearest = 4;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool here = strcmp(rows[i].section, section) == 0;
        size_t apart = here ? distance(name, rows[i].name) : nearest;

        if (apart < nearest) {
            nearest = apart;
            best = &rows[i];
        } else if (!best && strcmp(rows[i].name, name) == 0) {
            best = &rows[i];
        }
    }
    return best;
}

static bool section_exists(const char *section)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].section, section) == 0)
            return true;
    }
    return false;
}

/* "store, actuator, ...": the sections in the order of the table. */
static void list_sections(char *buffer, size_t size)
{
    FILE *stream = fmemopen(buffer, size, "w");
    const char *last = "";

    *buffer = '\0';
    if (!stream)
        return;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].section, last) != 0)
            fprintf(stream, "%s%s", *last ? ", " : "", rows[i].section);
        last = rows[i].section;
    }
    fclose(stream);
}

const struct config_row *config_row_find(const char *section, const char *name, struct error *error)
{
    char shown_section[64], shown_name[64], sections[ALLOWED_SIZE];
    const struct config_row *meant;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    log_escape(shown_section, sizeof(shown_section), section);
    log_escape(shown_name, sizeof(shown_name), name);
    meant = guess(section, name);
    list_sections(sections, sizeof(sections));
    if (meant)
        error_set(error, ERROR_INVALID, "unknown key %s.%s; did you mean %s.%s?", shown_section,
                  shown_name, meant->section, meant->name);
    else if (*section == '\0')
        error_set(error, ERROR_INVALID, "key \"%s\" comes before any [section]", shown_name);
    else if (!section_exists(section))
        error_set(error, ERROR_INVALID, "unknown section \"%s\"; there are: %s", shown_section,
                  sections);
    else
        error_set(error, ERROR_INVALID, "unknown key %s.%s; mimo.conf(5) lists all", shown_section,
                  shown_name);
    return NULL;
}

/* "many" is not a whole number from 1 to 1000 */
static int refuse(const struct config_row *row, const char *value, struct error *error)
{
    char shown[FORMATTED_SIZE];
    char allowed[ALLOWED_SIZE] = "";
    FILE *stream = fmemopen(allowed, sizeof(allowed), "w");

    if (stream) {
        row->kind->allowed(row, stream);
        fclose(stream);
    }
    return error_set(error, ERROR_INVALID, "\"%s\" is not %s",
                     log_escape(shown, sizeof(shown), value), allowed);
}

int config_row_set(const struct config_row *row, struct config *config, const char *value,
                   struct error *error)
{
    if (row->kind->read(row, value, field_of(row, config)))
        return 0;
    refuse(row, value, error);
    return error_prefix(error, "%s.%s", row->section, row->name);
}

int config_parse_value(enum config_value kind, const char *text, int64_t smallest, int64_t largest,
                       int64_t *ret_value, struct error *error)
{
    static const struct config_kind *const kinds[] = {
        [CONFIG_VALUE_INTEGER] = &kind_integer,
        [CONFIG_VALUE_DURATION] = &kind_duration,
        [CONFIG_VALUE_BYTES] = &kind_bytes,
        [CONFIG_VALUE_BOOLEAN] = &kind_boolean,
    };
    const struct config_row row = {.kind = kinds[kind], .smallest = smallest, .largest = largest};
    union {
        int64_t number;
        bool boolean;
    } value;

    if (!row.kind->read(&row, text, &value))
        return refuse(&row, text, error);
    *ret_value = kind == CONFIG_VALUE_BOOLEAN ? value.boolean : value.number;
    return 0;
}

void config_row_free(const struct config_row *row, struct config *config)
{
    if (row->kind->owned)
        free(*(char **)field_of(row, config));
}

bool config_row_equals(const struct config_row *row, const struct config *a, const struct config *b)
{
    const void *field_a = const_field_of(row, a);
    const void *field_b = const_field_of(row, b);

    if (row->kind->owned)
        return strcmp(*(char *const *)field_a, *(char *const *)field_b) == 0;
    return memcmp(field_a, field_b, row->kind->size) == 0;
}

void config_row_swap(const struct config_row *row, struct config *a, struct config *b)
{
    unsigned char kept[sizeof(int64_t)];
    void *field_a = field_of(row, a);
    void *field_b = field_of(row, b);

    assert(row->kind->size <= sizeof(kept));
    memcpy(kept, field_a, row->kind->size);
    memcpy(field_a, field_b, row->kind->size);
    memcpy(field_b, kept, row->kind->size);
}

/* Writes the heading of a section when `row` is its first one. */
static void write_section(const struct config_row *row, const char *before, FILE *stream)
{
    if (row == rows || strcmp(row->section, row[-1].section) != 0)
        fprintf(stream, "%s[%s]\n", row == rows ? "" : before, row->section);
}

/* With blanks where the line has room for them: what was read without can be read again. */
static const char *separator_of(const struct config_row *row, const void *field)
{
    size_t length = strlen(row->name) + strlen(" = ");
    if (row->kind == &kind_text)
        length += strlen(*(char *const *)field);
    return length <= INI_FILE_LINE_MAXIMUM ? " = " : "=";
}

void config_dump(const struct config *config, FILE *stream)
{
    for (const struct config_row *row = rows; row < rows + ROW_COUNT; row++) {
        const void *field = const_field_of(row, config);
        write_section(row, "\n", stream);
        fprintf(stream, "%s%s", row->name, separator_of(row, field));
        row->kind->write(row, field, stream);
        fputc('\n', stream);
    }
}

void config_write_example(FILE *stream)
{
    fputs("# Configuration of MIMO, read by all its programs. See mimo.conf(5).\n"
          "#\n"
          "# Every key is listed with its default: remove the # before a key to set it. Comments\n"
          "# go on separate lines. Files " CONFIG_DEFAULT_PATH ".d/*.conf are read\n"
          "# after this one and may override it. Check a change with: mimod --check-config\n"
          "\n",
          stream);
    for (const struct config_row *row = rows; row < rows + ROW_COUNT; row++) {
        write_section(row, "\n\n", stream);
        fprintf(stream, "\n# %s\n", row->help);
        if (row->kind != &kind_text) {
            fputs("# (", stream);
            row->kind->allowed(row, stream);
            fputs(")\n", stream);
        }
        fprintf(stream, "#%s =%s%s\n", row->name, *row->otherwise ? " " : "", row->otherwise);
    }
}
