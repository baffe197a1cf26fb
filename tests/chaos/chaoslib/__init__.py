# SPDX-License-Identifier: Apache-2.0
"""The parts of `./bootstrap chaos`: a system is made to fail in every way that one machine allows, what happens
is written down by the processes themselves and by observers, and a checker reads all of it afterwards.

    rig.py        the system under test: `up` with three actuators that are started again when they end
    fleet.py      clusters, manifests, and a client that creates, cancels and deletes
    faults.py     what is done to it
    restores.py   the store is put back
    hostile.py    tasks whose programs do not want to end
    observer.py   what is seen from outside: processes in /proc, documents through the Admin API
    logs.py       what the programs say of themselves
    history.py    all of that as lines of JSON
    checker.py    what must hold of every history
    rounds.py     which faults make up a round
"""

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
if str(TOP / "contrib" / "local") not in sys.path:
    sys.path.insert(0, str(TOP / "contrib" / "local"))
