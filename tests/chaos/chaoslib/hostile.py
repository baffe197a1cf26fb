# SPDX-License-Identifier: Apache-2.0
"""Tasks whose programs do not want to end: one for each act of tests/chaos/hostile_program.c."""

import shutil

ACTS = ("fork", "session", "stop", "ignore", "pipe", "memory", "descriptors", "forge")
TASKS = {act: f"00000000-0000-4000-a000-{number:012d}" for number, act in enumerate(ACTS)}
NAME = "hostile-program"
CONFIGURATION = """[task]
id = {id}
name = Hostile {act}
short_name = hostile-{act}
summary = leaves behind what it can
parameters = yes
[sandbox]
memory = 256M
processes = 24
[step {act}]
program = {program} {act}
"""


def install(rig):
    """Before the system starts."""
    directory = rig.system / "tasks.d"
    directory.mkdir(mode=0o755, exist_ok=True)
    program = directory / NAME
    shutil.copy(rig.build / "tests" / "chaos" / "hostile_program", program)
    program.chmod(0o755)
    for act, identifier in TASKS.items():
        path = directory / f"{act}.conf"
        path.write_text(CONFIGURATION.format(id=identifier, act=act, program=program))
        path.chmod(0o644)
