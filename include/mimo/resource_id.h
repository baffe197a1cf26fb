/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource_id.h - Azure resource IDs of clusters.
 *
 *   /subscriptions/{sub}/resourceGroups/{rg}
 *       /providers/Microsoft.RedHatOpenShift/openShiftClusters/{name}     (one line)
 *
 * IDs are compared and stored in lower case. The subscription is a UUID; group and name follow
 * Azure's naming rules (letters, digits, "-", "_", ".", "(", ")"; at most 90 characters, no "." at
 * the end).
 */
#ifndef MIMO_RESOURCE_ID_H
#define MIMO_RESOURCE_ID_H

#include <stddef.h>

#include "mimo/error.h"

enum { RESOURCE_ID_SIZE = 384, RESOURCE_NAME_SIZE = 91 };

/* Checks `text` and writes the lower-cased ID into `buffer` (RESOURCE_ID_SIZE bytes). */
int resource_id_normalize(const char *text, char *buffer, struct error *error);

/* The cluster's name: the text after the last slash. Points into `id`. */
const char *resource_id_name(const char *id);

/* Writes the subscription of a normalized ID, the partition key of clusters, into `buffer` (37
 * bytes). */
void resource_id_subscription(const char *id, char *buffer);

#endif
