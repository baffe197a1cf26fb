/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_fixture.h - a manifest and the usual things that happen to it, for its tests.
 */
#ifndef MIMO_TEST_MANIFEST_FIXTURE_H
#define MIMO_TEST_MANIFEST_FIXTURE_H

#include "expect.h"
#include "mimo/bucket.h"
#include "mimo/cleanup.h"
#include "mimo/document.h"
#include "mimo/manifest.h"

#define CLUSTER                                                                                    \
    "/subscriptions/60bf318d-6914-4105-a3b5-d0d2c10388c8/resourcegroups/rg/providers/"             \
    "microsoft.redhatopenshift/openshiftclusters/c"
#define TASK     "b41749fc-af26-4ab7-b5a1-e03f3ee4cba6"
#define SCHEDULE "55555555-5555-4555-8555-555555555555"
#define OWNER    "11111111-1111-4111-8111-111111111111"
#define OTHER    "22222222-2222-4222-8222-222222222222"

enum { NOW = 1795417680, WEEK = 7 * 86400, LEASE = 3600 };

static const struct backoff backoff = {.first = 90000, .maximum = 900000};
static const struct backoff no_backoff = {.first = 0, .maximum = 0};

/* Half of the range of jitter: none at all. */
static const uint32_t NO_JITTER = UINT32_MAX / 2 + 1;

static inline struct manifest make(void)
{
    struct manifest_request request = {.cluster = CLUSTER, .task = TASK};
    struct manifest manifest;
    struct error error;

    expect_success(manifest_create(&manifest, &request, NOW, &error), &error);
    return manifest;
}

static inline void claim(struct manifest *manifest, int64_t now)
{
    struct error error;

    expect_success(manifest_claim(manifest, OWNER, now, LEASE, &error), &error);
}

static inline void end_with(struct manifest *manifest, enum outcome_kind kind, const char *text,
                            const struct backoff *pause, int64_t now)
{
    struct outcome outcome = {.kind = kind};
    struct attempt_usage usage = {.max_rss_kib = 5000, .cpu_ms = 250};
    struct error error;

    strcpy(outcome.status_text, text);
    expect_success(manifest_end_attempt(manifest, &outcome, &usage, pause, now, NO_JITTER, &error),
                   &error);
}

static inline struct json_object *attempt_at(struct manifest *manifest, size_t index)
{
    return document_item(document_get(manifest_document(manifest), "attempts"), index);
}

/* Through the store and back: what is not in the document is lost. */
static inline void store_and_read(struct manifest *manifest)
{
    cleanup_free char *text = document_format(manifest_document(manifest));
    struct error error;
    cleanup_json struct json_object *document = document_parse(text, strlen(text), &error);

    manifest_free(manifest);
    expect_success(manifest_read(manifest, document, &error), &error);
}

#endif
