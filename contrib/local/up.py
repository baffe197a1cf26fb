#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""./bootstrap up: everything on this machine, in the foreground. See mimolocal/settings.py for the options.

Exit status: 0 when it ended because it was told to and everything ended cleanly, 1 otherwise.
"""

import sys

from mimolocal import settings
from mimolocal.adminapi import Unexpected
from mimolocal.layout import Refusal
from mimolocal.processes import Failure, Stop
from mimolocal.system import System, say


def main():
    system = System(settings.parse())
    status = 0
    try:
        system.start()
        say(f"everything answers; SIGTERM or Ctrl-C stops it. In another shell:\n\n    {system.advice()}\n")
        system.run()
    except Stop as stop:
        say(f"stopping ({stop})")
    except (Failure, Refusal, Unexpected, OSError) as problem:
        say(str(problem).rstrip())
        status = 1
    finally:
        if not system.stop():
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
