/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_text.c - the view of a manifest whose document is text. */
#include <limits.h>
#include <string.h>

#include "core/manifest_members.h"
#include "mimo/manifest.h"

/* Members of a document that are shown unchanged, in the order of a view. */
enum { COPIED_PROGRESS, COPIED_PARAMETERS, COPIED_ATTEMPTS, COPIED_COUNT };
static const char *const copied_names[COPIED_COUNT] = {"progress", "parameters", "attempts"};

struct reading {
    struct json_scan scan;
    struct manifest *manifest;
    struct member_text members;
    struct json_piece state;
    struct json_piece cluster;
    struct json_piece copied[COPIED_COUNT]; /* text NULL: not there */
};

/* A piece that may come once. */
static bool take_once(struct json_piece *place, const struct json_piece *value, enum json_kind kind)
{
    if (place->text || value->kind != kind)
        return false;
    *place = *value;
    return true;
}

/* An entry of the history; its number may be the latest. */
static bool read_attempt(struct reading *reading)
{
    struct json_piece name, value;
    int64_t number = 0;

    json_scan_enter(&reading->scan, '{');
    while (json_scan_member(&reading->scan, &name)) {
        if (!json_scan_value(&reading->scan, &value))
            return false;
        if (json_piece_is(&name, "number"))
            number = value.kind == JSON_PIECE_INTEGER ? value.integer : 0;
    }
    if (reading->scan.bad || number < 1 || number >= INT_MAX)
        return false;
    if (number > reading->manifest->attempt)
        reading->manifest->attempt = (int)number;
    return true;
}

static bool read_attempts(struct reading *reading)
{
    struct json_piece *attempts = &reading->copied[COPIED_ATTEMPTS];
    const char *start = reading->scan.at;

    json_scan_enter(&reading->scan, '[');
    while (json_scan_item(&reading->scan))
        if (!read_attempt(reading))
            return false;
    struct json_piece all = {
        .kind = JSON_PIECE_ARRAY, .text = start, .length = (size_t)(reading->scan.at - start)};
    return !reading->scan.bad && take_once(attempts, &all, JSON_PIECE_ARRAY);
}

/* The object maintenanceManifest. */
static bool read_inner(struct reading *reading)
{
    struct json_piece name, value;

    json_scan_enter(&reading->scan, '{');
    while (json_scan_member(&reading->scan, &name)) {
        bool taken = json_scan_value(&reading->scan, &value);

        if (taken && json_piece_is(&name, "state"))
            taken = take_once(&reading->state, &value, JSON_PIECE_STRING);
        else if (taken && json_piece_is(&name, copied_names[COPIED_PARAMETERS]))
            taken = take_once(&reading->copied[COPIED_PARAMETERS], &value, JSON_PIECE_OBJECT);
        else if (taken)
            taken = member_text_take(&reading->members, "maintenanceManifest.", &name, &value);
        if (!taken)
            return false;
    }
    return !reading->scan.bad;
}

static bool read_member(struct reading *reading, const struct json_piece *name)
{
    struct json_piece value;

    if (json_piece_is(name, "maintenanceManifest"))
        return read_inner(reading);
    if (json_piece_is(name, copied_names[COPIED_ATTEMPTS]))
        return read_attempts(reading);
    if (!json_scan_value(&reading->scan, &value))
        return false;
    if (json_piece_is(name, "clusterResourceID"))
        return take_once(&reading->cluster, &value, JSON_PIECE_STRING);
    if (json_piece_is(name, copied_names[COPIED_PROGRESS]))
        return take_once(&reading->copied[COPIED_PROGRESS], &value, JSON_PIECE_OBJECT);
    return member_text_take(&reading->members, "", name, &value);
}

static bool read_document(struct reading *reading)
{
    struct json_piece name;

    json_scan_enter(&reading->scan, '{');
    while (json_scan_member(&reading->scan, &name))
        if (!read_member(reading, &name))
            return false;
    return json_scan_ended(&reading->scan) && member_text_is_complete(&reading->members);
}

/* A copy that ends in NUL; false when it does not fit. */
static bool copy_piece(const struct json_piece *piece, char *buffer, size_t size)
{
    if (!piece->text || piece->escaped || piece->length >= size)
        return false;
    memcpy(buffer, piece->text, piece->length);
    buffer[piece->length] = '\0';
    return true;
}

static bool finish(struct reading *reading)
{
    struct manifest *manifest = reading->manifest;
    char state[32];
    char cluster[RESOURCE_ID_SIZE];
    struct error ignored;

    if (manifest->attempt < manifest->dequeues)
        manifest->attempt = manifest->dequeues;
    return copy_piece(&reading->state, state, sizeof(state)) &&
           manifest_state_parse(state, &manifest->state) &&
           copy_piece(&reading->cluster, cluster, sizeof(cluster)) &&
           resource_id_normalize(cluster, manifest->cluster, &ignored) == 0;
}

bool manifest_view_text(const char *text, size_t length, struct manifest *ret_manifest,
                        struct text_buffer *view)
{
    struct reading reading = {.scan = json_scan_begin(text, length), .manifest = ret_manifest};

    *ret_manifest = (struct manifest){0};
    reading.members = member_text_begin(manifest_members, manifest_member_count, ret_manifest);
    if (!read_document(&reading) || !finish(&reading))
        return false;

    text_buffer_reserve(view, length + RESOURCE_ID_SIZE);
    text_buffer_add(view, "{\"clusterResourceID\":");
    text_buffer_add_json_string(view, ret_manifest->cluster);
    text_buffer_add(view, ",\"state\":");
    text_buffer_add_json_string(view, manifest_state_name(ret_manifest->state));
    member_text_show_all(manifest_members, manifest_member_count, ret_manifest, view);
    for (int i = 0; i < COPIED_COUNT; i++) {
        if (!reading.copied[i].text)
            continue;
        text_buffer_add(view, ",\"");
        text_buffer_add(view, copied_names[i]);
        text_buffer_add(view, "\":");
        text_buffer_add_bytes(view, reading.copied[i].text, reading.copied[i].length);
    }
    return true;
}
