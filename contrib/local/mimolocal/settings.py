# SPDX-License-Identifier: Apache-2.0
"""The command line of `up`."""

import argparse
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
OVERRIDE = re.compile(r"[a-z_]+\.[a-z_]+=.*", re.DOTALL)

DESCRIPTION = """\
Starts practice clusters, a store, the Admin API and actuators with all their
files in DIR, and keeps them running in the foreground until SIGTERM or Ctrl-C.
They use only loopback and free ports, so that several systems can run side by
side. Once everything answers, DIR/env sets shell variables with the addresses:

    . DIR/env && mimoctl manifest list
"""


def parse(arguments=None):
    parser = argparse.ArgumentParser(prog="./bootstrap up", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", type=Path, help="created if it is missing; a second run continues "
                        "with the documents of the first")
    parser.add_argument("--instances", metavar="N", type=_count(0, 32), default=1,
                        help="number of actuators; 0 starts only Admin API and store (default: %(default)s)")
    parser.add_argument("--clusters", metavar="N", type=_count(0, 5000), default=3,
                        help="number of practice clusters; 0 for none (default: %(default)s)")
    parser.add_argument("--load", metavar="FILE", type=Path,
                        help="load this dump of mimo-store first; practice clusters are then not registered")
    parser.add_argument("--store", metavar="URI",
                        help="use this store instead of one in DIR; practice clusters are then not registered")
    parser.add_argument("--set", metavar="SECTION.KEY=VALUE", dest="overrides", action="append", default=[],
                        type=_override, help="set a configuration key; takes precedence over the values of `up`")
    parser.add_argument("--restart", action="store_true",
                        help="restart an actuator or Admin API that has ended after 100 ms, as systemd does")
    parser.add_argument("--build", metavar="DIR", type=Path, default=TOP / "build", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.directory = options.directory.absolute()
    options.build = options.build.absolute()
    if options.load and not options.load.is_file():
        parser.error(f"--load: no such file: {options.load}")
    return options


def _count(smallest, largest):
    def number(text):
        if not text.isdigit() or not smallest <= int(text) <= largest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {smallest} to {largest}")
        return int(text)
    return number


def _override(text):
    if not OVERRIDE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form section.key=value")
    return text
