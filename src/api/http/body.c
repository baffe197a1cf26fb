/* SPDX-License-Identifier: Apache-2.0 */
/* body.c - refuses unknown members, so that a misspelt member does not mean the default. */
#include "api/http/body.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mimo/document.h"

static bool is_listed(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static int refuse_member(const char *name, const char *const *taken, struct answer *answer)
{
    char known[512] = "";
    for (; *taken; taken++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", *taken);
    }
    return answer_refuse(answer, API_INVALID_PARAMETER, name,
                         "there is no member \"%.128s\"; members are %s", name, known);
}

int body_check_members(const struct json_object *body, const char *const *taken,
                       const char *const *ignored, struct answer *answer)
{
    const char *name;
    struct json_object *value;
    document_foreach_member(body, name, value) {
        if (!is_listed(name, taken) && !is_listed(name, ignored))
            return refuse_member(name, taken, answer);
    }
    return 0;
}
