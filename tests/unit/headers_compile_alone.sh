#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone and twice over, so that it may be included first, last and anywhere.
set -u
: "${MIMO_SOURCE:?must name the top of the sources}"
flags=$(pkg-config --cflags json-c) || exit 1

passed=0
failed=0
for header in "$MIMO_SOURCE"/include/mimo/*.h; do
    name=mimo/$(basename "$header")
    # shellcheck disable=SC2086 # flags are words
    # A definition follows, for a file without any is not ISO C.
    if printf '#include "%s"\n#include "%s"\nint main(void);\n' "$name" "$name" |
        ${CC:-cc} -std=gnu17 -I"$MIMO_SOURCE/include" $flags -Wall -Wextra -Werror -fsyntax-only -x c -; then
        passed=$((passed + 1))
    else
        echo "does not compile alone: $name" >&2
        failed=$((failed + 1))
    fi
done
echo "$passed headers compile alone, $failed do not"
[ "$failed" -eq 0 ] && [ "$passed" -gt 20 ]
