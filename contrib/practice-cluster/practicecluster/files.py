# SPDX-License-Identifier: Apache-2.0
"""Files that are complete or not there at all, and private from the beginning."""

import os
from pathlib import Path


def write_private(path, content):
    """Replace a file in one step; `content` is bytes or text. Only its owner can read it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.replace(temporary, path)
