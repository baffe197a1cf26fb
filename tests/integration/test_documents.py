# SPDX-License-Identifier: Apache-2.0
"""Documents that are made from tables are those of the tables."""

import subprocess

from conftest import TOP


def test_the_manual_page_of_the_configuration_shows_every_key(build_dir):
    done = subprocess.run([TOP / "docs" / "update-configuration-page", "--check", build_dir / "mimod"], capture_output=True,
                          text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
