/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.h - which actuator runs the manifests of which cluster.
 *
 * Every cluster belongs to one of 256 buckets, which never changes. The live actuators divide the
 * buckets into contiguous ranges, in the order of their index. Pure. To check by hand:
 *     printf %s "$ID" | tr A-Z a-z | sha256sum | cut -c63-64        (hexadecimal)
 */
#ifndef MIMO_BUCKET_H
#define MIMO_BUCKET_H

#include <stdbool.h>

enum { BUCKET_COUNT = 256 };

/* The buckets first..last; empty when last < first. */
struct bucket_range {
    int first;
    int last;
};

/* SHA-256 of the lower-cased resource ID modulo 256: the digest's last byte. */
int bucket_of(const char *cluster_resource_id);

/* The range of the actuator at `position` among `count` live ones: the first 256 mod count ranges
 * have one more bucket. With more actuators than buckets, the last ones get an empty range. */
struct bucket_range bucket_range_of(int position, int count);

/* Whether an actuator divides the buckets with the others, by the mode of its membership record.
 * One that is draining or drained has given its own away. */
bool bucket_mode_has_share(const char *mode);

bool bucket_range_contains(struct bucket_range range, int bucket);

#endif
