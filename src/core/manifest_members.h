/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_members.h - the plain members of a manifest's document, for the two ways of reading
 * it. */
#ifndef MIMO_CORE_MANIFEST_MEMBERS_H
#define MIMO_CORE_MANIFEST_MEMBERS_H

#include <stddef.h>

#include "core/member.h"

extern const struct member manifest_members[];
extern const size_t manifest_member_count;

#endif
