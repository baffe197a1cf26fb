/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest_text.c - a view made of a document's text is that which is made of the document. */
#include "json_text.h"

#include <stdio.h>
#include <time.h>

#include "manifest_fixture.h"
#include "mimo/document.h"

/* What both ways make of a text; NULL where they say that it is none, or not plain. */
static struct json_object *view_by_document(const char *text, struct manifest *manifest)
{
    struct error error;
    cleanup_json struct json_object *document = document_parse(text, strlen(text), &error);

    if (!document || manifest_read(manifest, document, &error) < 0)
        return NULL;
    struct json_object *view = manifest_view(manifest);
    assert_non_null(view);
    return view;
}

static char *view_by_text(const char *text, struct manifest *manifest)
{
    struct text_buffer view = {0};

    text_buffer_add(&view, "before");
    if (!manifest_view_text(text, strlen(text), manifest, &view)) {
        assert_string_equal(view.text, "before");
        free(view.text);
        return NULL;
    }
    text_buffer_add(&view, "}");
    assert_false(view.failed);
    memmove(view.text, view.text + strlen("before"), view.length + 1 - strlen("before"));
    return view.text;
}

/* True when the text was plain; then both views and all fields are the same. */
static bool compare(const char *text)
{
    struct manifest by_document = {0};
    struct manifest by_text;
    cleanup_free char *quick = view_by_text(text, &by_text);

    if (!quick)
        return false;
    cleanup_json struct json_object *view = view_by_document(text, &by_document);
    if (!view)
        fail_msg("only one way takes: %s", text);
    struct error error;
    cleanup_json struct json_object *shown = document_parse(quick, strlen(quick), &error);
    cleanup_free char *expected = document_format(view);
    if (strcmp(quick, expected) != 0) /* only fractions may be spelt in several ways */
        assert_true(document_equal(shown, view));
    assert_null(by_text.document);
    by_text.document = by_document.document;
    assert_memory_equal(&by_text, &by_document, offsetof(struct manifest, status_text));
    assert_string_equal(by_text.status_text, by_document.status_text);
    assert_int_equal(by_text.bucket, by_document.bucket);
    assert_int_equal(by_text.attempt, by_document.attempt);
    assert_int_equal(by_text.dequeues, by_document.dequeues);
    assert_int_equal(manifest_due_at(&by_text), manifest_due_at(&by_document));
    assert_int_equal(by_text.run_before, by_document.run_before);
    manifest_free(&by_document);
    return true;
}

static char *text_of(struct manifest *manifest)
{
    char *text = document_format(manifest_document(manifest));

    assert_non_null(text);
    return text;
}

static void every_stage_of_a_manifest_is_shown_alike(void **state)
{
    struct manifest manifest = make();

    (void)state;
    for (int stage = 0; stage < 6; stage++) {
        if (stage == 1 || stage == 3)
            claim(&manifest, NOW + stage);
        if (stage == 2)
            end_with(&manifest, OUTCOME_TRANSIENT, "no \"route\" to host", &backoff, NOW + 10);
        if (stage == 4)
            manifest_set_progress(&manifest, 1, 3, "Wait", "step 1");
        if (stage == 5)
            end_with(&manifest, OUTCOME_SUCCEEDED, "done", &no_backoff, NOW + 20);
        cleanup_free char *text = text_of(&manifest);
        /* statusText with quotes is the one that is left to the other way */
        assert_int_equal(compare(text), stage != 2);
    }
    manifest_free(&manifest);
}

static void parameters_and_unknown_members_do_not_disturb(void **state)
{
    struct manifest manifest = make();

    (void)state;
    document_set(
        manifest.document, "maintenanceManifest.parameters",
        document_pack("{s:[i,f,b,n,s,{s:s}]}", "list", -3, 1.5, 1, "\"\\/\n", "state", "x"));
    document_set(manifest.document, "unknown", document_pack("{s:i}", "priority", 9));
    document_add(manifest.document, "maintenanceManifest.priority", json_object_new_int64(5));
    document_set(manifest.document, "maintenanceManifest.more", json_object_new_boolean(true));
    cleanup_free char *text = text_of(&manifest);
    assert_true(compare(text));
    manifest_free(&manifest);
}

static void what_is_not_plain_is_left_to_the_document(void **state)
{
    static const struct {
        const char *path;
        const char *json;
    } cases[] = {
        {"id", "7"},
        {"id", "\"x\""},
        {"id", "\"\""},
        {"id", "null"},
        {"bucket", "256"},
        {"bucket", "\"1\""},
        {"createdAt", "-1"},
        {"createdAt", "1.5"},
        {"nextAttempt", "null"},
        {"leaseOwner", "\"x\""},
        {"clusterResourceID", "\"/x\""},
        {"clusterResourceID", "3"},
        {"progress", "[]"},
        {"attempts", "{}"},
        {"attempts", "[1]"},
        {"attempts", "[{}]"},
        {"attempts", "[{\"number\":0}]"},
        {"attempts", "[{\"number\":\"1\"}]"},
        {"attempts", "[{\"number\":2147483647}]"},
        {"maintenanceManifest", "[]"},
        {"maintenanceManifest.state", "\"Unheard\""},
        {"maintenanceManifest.state", "1"},
        {"maintenanceManifest.statusText", "\"\\u00fc\""},
        {"maintenanceManifest.priority", "1000001"},
        {"maintenanceManifest.parameters", "\"x\""},
        {"maintenanceManifest.parameters", "null"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct manifest manifest = make();
        json_put_path(manifest.document, cases[i].path, cases[i].json);
        cleanup_free char *text = document_format(manifest.document);
        if (compare(text))
            fail_msg("taken for plain: %s = %s", cases[i].path, cases[i].json);
        manifest_free(&manifest);
    }
}

static void a_member_that_comes_twice_is_left_to_the_document(void **state)
{
    static const char *const members[] = {
        "\"id\":\"" OWNER "\"",
        "\"clusterResourceID\":\"" CLUSTER "\"",
        "\"progress\":{}",
        "\"attempts\":[]",
        "\"maintenanceManifest\":{}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct manifest manifest = make();
        manifest_set_progress(&manifest, 1, 3, "Wait", NULL);
        document_set(manifest.document, "attempts", json_object_new_array());
        cleanup_free char *text = text_of(&manifest);
        cleanup_free char *doubled = NULL;
        assert_true(asprintf(&doubled, "{%s,%s", members[i], text + 1) > 0);
        struct manifest ignored;
        cleanup_free char *view = view_by_text(doubled, &ignored);
        /* a second object of the same name is found by what stands in it */
        assert_true(view == NULL || strstr(members[i], ":{}"));
        manifest_free(&manifest);
    }
}

/* Changes a few bytes at random: what this way takes, the other takes and shows alike. */
static void damaged_text_is_never_shown_otherwise(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    struct manifest manifest = make();
    static const char bytes[] = "{}[]\",:0123456789-aeE.\\ntrufls \x01\x80";
    int taken = 0;

    (void)state;
    print_message("seed %u\n", seed);
    srandom(seed);
    claim(&manifest, NOW);
    manifest_set_progress(&manifest, 1, 3, "Wait", "step 1");
    cleanup_free char *text = text_of(&manifest);
    for (int round = 0; round < 20000; round++) {
        cleanup_free char *damaged = strdup(text);
        for (long changes = 1 + random() % 3; changes > 0; changes--)
            damaged[random() % (long)strlen(text)] = bytes[random() % (long)(sizeof(bytes) - 1)];
        taken += compare(damaged);
    }
    assert_true(taken > 0);
    manifest_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_of_a_manifest_is_shown_alike),
        cmocka_unit_test(parameters_and_unknown_members_do_not_disturb),
        cmocka_unit_test(what_is_not_plain_is_left_to_the_document),
        cmocka_unit_test(a_member_that_comes_twice_is_left_to_the_document),
        cmocka_unit_test(damaged_text_is_never_shown_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
