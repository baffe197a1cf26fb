# SPDX-License-Identifier: Apache-2.0
"""The examples of contrib/tasks.d, put where a system looks for tasks of the operator's own."""

import shutil

from mimolocal.settings import TOP

SOURCE = TOP / "contrib" / "tasks.d"
INSTALLED = "/etc/mimo/tasks.d" # what their files say


def install(name, directory):
    """Program and file of an example, as they stand but for the directory. What others may write would not be trusted."""
    shutil.copy(SOURCE / name, directory)
    text = (SOURCE / f"{name}.conf").read_text(encoding="utf-8").replace(INSTALLED, str(directory))
    configuration = directory / f"{name}.conf"
    configuration.write_text(text, encoding="utf-8")
    for path in (directory / name, configuration):
        path.chmod(path.stat().st_mode & ~0o022)
