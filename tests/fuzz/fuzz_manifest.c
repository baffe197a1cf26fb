/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_manifest.c - a manifest as the store has it: other producers write there as well. */
#include "fuzz.h"

#include "mimo/document.h"
#include "mimo/manifest.h"
#include "mimo/text_buffer.h"

/* The short way to the view says the same as the long one, or stands back. */
static void check_short_way(const char *text, size_t size, struct manifest *manifest)
{
    struct manifest quick;
    cleanup_text_buffer struct text_buffer view = {0};
    if (manifest_view_text(text, size, &quick, &view)) {
        PROMISE(manifest);
        cleanup_json struct json_object *slow = manifest_view(manifest);
        text_buffer_add(&view, "}");
        PROMISE(slow && !view.failed);
        struct error error;
        cleanup_json struct json_object *parsed = document_parse(view.text, view.length, &error);
        PROMISE(parsed && document_equal(parsed, slow));
        PROMISE(quick.state == manifest->state && strcmp(quick.id, manifest->id) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest, again;
    struct error error;
    cleanup_free char *copy = fuzz_copy(data, size);
    cleanup_json struct json_object *document = document_parse(copy, size, &error);
    if (!document || manifest_read(&manifest, document, &error) < 0) {
        promise_error(&error);
        check_short_way(copy, size, NULL);
        return 0;
    }
    check_short_way(copy, size, &manifest);
    PROMISE(strlen(manifest.id) == UUID_SIZE - 1 && strlen(manifest.task) == UUID_SIZE - 1);
    PROMISE(manifest.dequeues >= 0 && manifest.attempt >= 0);
    PROMISE(text_is_clean(manifest.status_text));

    struct json_object *written = manifest_document(&manifest);
    PROMISE(written && manifest_read(&again, written, &error) == 0);
    PROMISE(again.state == manifest.state && again.attempt == manifest.attempt &&
            again.run_after == manifest.run_after && again.priority == manifest.priority);
    cleanup_json struct json_object *view = manifest_view(&again);
    cleanup_json struct json_object *first_view = manifest_view(&manifest);
    PROMISE(view && document_equal(view, first_view));
    manifest_free(&again);
    manifest_free(&manifest);
    return 0;
}
