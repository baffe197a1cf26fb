# SPDX-License-Identifier: Apache-2.0
"""DIR/env: shell variables by which others find the system. It is complete or not there at all."""

import os
import shlex


def write(path, variables):
    """Replace the file in one step. It holds a token: only its owner can read it."""
    lines = [f"{name}={_quoted(value)}\n" for name, value in variables.items()]
    lines.append(f"export {' '.join(variables)}\n")
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)
    os.replace(temporary, path)


def _quoted(value):
    return "'" + str(value).replace("'", "'\"'\"'") + "'"


def read(path):
    """{name: value}"""
    words = shlex.split(path.read_text(encoding="utf-8"))
    return dict(word.split("=", 1) for word in words if "=" in word)
