/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - answers, and the form of errors. */
#include "api/http/answer.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/http/budget.h"
#include "mimo/document.h"
#include "mimo/log.h"
#include "mimo/outcome.h"

enum { TARGET_SIZE = 256 };

#define API_ERROR_ROW(constant, status, code) [constant] = {status, code},
static const struct {
    int status;
    const char *code;
} error_table[] = {API_ERRORS(API_ERROR_ROW)};
#undef API_ERROR_ROW

int api_error_status(enum api_error error)
{
    return error_table[error].status;
}

const char *api_error_code(enum api_error error)
{
    return error_table[error].code;
}

static void drop_text(struct answer *answer)
{
    free(answer->text.text);
    answer->text = (struct text_buffer){0};
}

void answer_set(struct answer *answer, int status, struct json_object *body)
{
    json_object_put(answer->body);
    drop_text(answer);
    answer->status = status;
    answer->body = body;
    answer->shared_text = NULL;
}

void answer_set_text(struct answer *answer, int status, struct text_buffer *text)
{
    struct text_buffer taken = *text;
    *text = (struct text_buffer){0};
    if (taken.failed) {
        free(taken.text);
        answer_no_memory(answer);
        return;
    }
    answer_set(answer, status, NULL);
    answer->text = taken;
}

void answer_set_shared(struct answer *answer, int status, const char *text)
{
    answer_set(answer, status, NULL);
    answer->shared_text = text;
}

void answer_set_view(struct answer *answer, int status, struct json_object *body)
{
    if (!body) {
        answer_no_memory(answer);
        return;
    }
    answer_set(answer, status, body);
}

int answer_refuse(struct answer *answer, enum api_error error, const char *target,
                  const char *format, ...)
{
    /* Messages contain text of clients, which may be cut in the middle of a character. */
    char raw[ERROR_MESSAGE_SIZE], message[ERROR_MESSAGE_SIZE], name[TARGET_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof(raw), format, arguments);
    va_end(arguments);
    status_text_copy(message, sizeof(message), raw);
    status_text_copy(name, sizeof(name), target ? target : "");

    struct json_object *body =
        document_pack("{s:{s:s, s:s, s:s*}}", "error", "code", error_table[error].code, "message",
                      message, "target", target ? name : NULL);
    answer_set(answer, error_table[error].status, body);
    answer->retry_later = error == API_UNAVAILABLE;
    return -1;
}

int answer_busy(struct answer *answer)
{
    return answer_refuse(answer, API_UNAVAILABLE, NULL,
                         "slow clients use all of the %d MiB for requests and answers; try again "
                         "in a few seconds",
                         BUDGET_BYTES / 1024 / 1024);
}

int answer_no_memory(struct answer *answer)
{
    return answer_refuse(answer, API_UNAVAILABLE, NULL,
                         "out of memory; try again in a few seconds");
}

int answer_store_unavailable(struct answer *answer, const struct error *error)
{
    log_warning("store: %s", error->message);
    return answer_refuse(answer, API_UNAVAILABLE, NULL,
                         "the store does not answer; try again in a few seconds");
}

int answer_error(struct answer *answer, enum api_error refusal, const char *target,
                 const struct error *error)
{
    if (!error_may_pass(error->kind))
        return answer_refuse(answer, refusal, target, "%s", error->message);
    log_warning("a request could not be judged: %s", error->message);
    return answer_refuse(answer, API_UNAVAILABLE, NULL, "%s; try again in a few seconds",
                         error->message);
}

int answer_internal(struct answer *answer, const char *what, const struct error *error)
{
    log_error("%s: %s", what, error->message);
    if (error->kind == ERROR_MEMORY)
        return answer_no_memory(answer);
    return answer_refuse(answer, API_INTERNAL, NULL, "%s: %s", what, error->message);
}

int answer_unreadable(struct answer *answer, const char *kind, const char *id,
                      const struct error *error)
{
    struct error named = *error;
    error_prefix(&named, "%s %s", kind, id);
    return answer_internal(answer, "the stored document is damaged", &named);
}

void answer_free(struct answer *answer)
{
    json_object_put(answer->body);
    drop_text(answer);
    *answer = (struct answer){0};
}
