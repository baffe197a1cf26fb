/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_config.c - the configuration file. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mimo/config.h"

static char path[32];
static int file;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("config", MFD_CLOEXEC);
    PROMISE(file >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    return 0;
}

static int load(struct config *config, const void *text, size_t size, struct error *error)
{
    PROMISE(ftruncate(file, 0) == 0 && pwrite(file, text, size, 0) == (ssize_t)size);
    return config_load(config, path, NULL, error);
}

static char *dump(const struct config *config, size_t *ret_size)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, ret_size);
    PROMISE(stream);
    config_dump(config, stream);
    PROMISE(fclose(stream) == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config, again;
    struct error error;
    size_t length, length_again;
    if (load(&config, data, size, &error) < 0) {
        promise_error(&error);
        return 0;
    }
    PROMISE(config.actuator_max_workers >= 1 && config.actuator_max_workers <= 1000);

    /* What is in force can be written out and read again, and is the same. */
    cleanup_free char *text = dump(&config, &length);
    PROMISE(load(&again, text, length, &error) == 0);
    cleanup_free char *text_again = dump(&again, &length_again);
    PROMISE(length == length_again && memcmp(text, text_again, length) == 0);
    config_free(&again);
    config_free(&config);
    return 0;
}
