# SPDX-License-Identifier: Apache-2.0
"""Logs of programs that run."""


def whole_lines(path):
    """The text of a log up to its last whole line: what is being written at this moment may be half of a line."""
    text = path.read_text(errors="replace")
    return text[:text.rfind("\n") + 1]
