/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_schemas.h - the schemas that routes.c names. */
#ifndef API_OPENAPI_SCHEMAS_H
#define API_OPENAPI_SCHEMAS_H

#include <json-c/json_object.h>

/* {name: schema}. New reference; NULL without memory. */
struct json_object *openapi_schemas(void);

#endif
