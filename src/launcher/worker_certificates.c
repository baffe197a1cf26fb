/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_certificates.c - certificates from a directory: read before the sandbox closes, handed to
 * the task within it.
 *
 * The launcher holds the directory open, and by Landlock no other file. Its child, just forked and
 * still its user, reads the files of the names in its order, each checked to be a name and nothing
 * else (launcher_channel.c): no symbolic link, no device, a bounded size. It interprets nothing of
 * them; that is left to the task, inside.
 *
 * Certificates in a Key Vault are read by the task's own worker, inside (azure.h).
 */
#include <stdio.h>

#include "launcher/worker.h"
#include "mimo/document.h"
#include "mimo/io.h"
#include "mimo/task.h"

static void read_certificate(const struct workplace *workplace, const char *name,
                             struct worker_certificate *certificate)
{
    char file[LAUNCH_CERTIFICATE_SIZE + sizeof ".pem"];
    char *bytes = NULL;
    snprintf(file, sizeof(file), "%s.pem", name);
    if (workplace->certificates < 0)
        error_set(&certificate->error, ERROR_NOT_FOUND,
                  "the directory did not exist when the launcher started: restart mimod");
    else if (io_read_file_at(workplace->certificates, file, CERTIFICATE_DATA_MAXIMUM, &bytes,
                             &certificate->data.length, &certificate->error) == 0)
        certificate->data.bytes = (unsigned char *)bytes;
}

void worker_read_certificates(struct worker *worker)
{
    const struct launcher_launch *order = worker->order;
    bool is_in_vault = !worker->workplace->certificate_directory;
    for (uint32_t i = 0; i < order->certificate_count && !is_in_vault; i++)
        read_certificate(worker->workplace, order->certificates[i], &worker->certificates[i]);
}

/* Only failures that may pass are worth another attempt. */
static struct step_result refuse(const struct worker *worker, const char *name,
                                 const struct error *error)
{
    const char *directory = worker->workplace->certificate_directory;
    if (error->kind == ERROR_NOT_FOUND)
        return step_terminal("404 certificate %s not found: put %s.pem, its key and chain, into %s "
                             "(%s)",
                             name, name, directory, error->message);
    if (error->kind == ERROR_DENIED)
        return step_terminal("forbidden: certificate %s in %s: %s: make it readable for the user "
                             "of the launcher (actuator.launcher_user)",
                             name, directory, error->message);
    return step_failed(error->kind, "certificate %s in %s: %s", name, directory, error->message);
}

struct step_result worker_take_certificate(struct task_context *context, size_t position,
                                           struct certificate_data *ret_data)
{
    struct worker *worker = context->environment;
    if (position >= worker->order->certificate_count)
        return step_terminal(
            "the order has no certificate %zu: check that mimod and mimo-launcher are of the same "
            "build and use the same configuration",
            position);
    if (!worker->workplace->certificate_directory)
        return key_vault_read(document_get(context->job->settings, "azure"),
                              context->job->endpoints, &worker->workplace->azure,
                              worker->order->certificates[position], ret_data);
    struct worker_certificate *certificate = &worker->certificates[position];
    if (certificate->error.kind != ERROR_NONE)
        return refuse(worker, worker->order->certificates[position], &certificate->error);
    *ret_data = certificate->data;
    certificate->data = (struct certificate_data){0};
    return step_succeeded();
}
