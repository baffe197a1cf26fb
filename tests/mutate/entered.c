/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entered.c - linked into a unit test program to note which functions of one object it enters.
 *
 * The object is compiled with -finstrument-functions. The notes are a shared mapping, so that children note as well, in
 * whatever sandbox they are and however they end: a byte for every 16 bytes of code.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NOTES_SIZE = 1 << 20 };

extern const char __executable_start;
static unsigned char *notes;

void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);

__attribute__((constructor)) static void open_notes(void)
{
    const char *path = getenv("MIMO_MUTATE_NOTES");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapping = mmap(NULL, NOTES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapping != MAP_FAILED)
        notes = mapping;
}

void __cyg_profile_func_enter(void *function, void *caller)
{
    (void)caller;
    size_t place = (size_t)((const char *)function - &__executable_start) / 16;
    if (notes && place < NOTES_SIZE)
        notes[place] = 1;
}

void __cyg_profile_func_exit(void *function, void *caller)
{
    (void)function;
    (void)caller;
}
