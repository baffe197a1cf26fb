/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_clock.c - times and durations as text. */
#include "fuzz.h"

#include "mimo/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = fuzz_text(data, size);
    char buffer[CLOCK_TEXT_SIZE];
    struct error error;
    int64_t time = 0, again = 0;
    if (clock_parse(text, &time, &error) < 0) {
        promise_error(&error);
    } else {
        PROMISE(time >= 0 && time <= CLOCK_MAXIMUM);
        PROMISE(clock_parse(clock_format(buffer, time), &again, &error) == 0 && again == time);
    }
    if (clock_parse_duration(text, &time, &error) < 0) {
        promise_error(&error);
    } else {
        PROMISE(time >= 0);
        PROMISE(strlen(clock_format_duration(buffer, time)) < sizeof(buffer));
    }
    return 0;
}
