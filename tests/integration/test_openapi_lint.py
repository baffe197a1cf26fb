# SPDX-License-Identifier: Apache-2.0
"""/openapi.json before two linters of the npm registry: Spectral and Redocly. Neither finds an error or a warning.

`./bootstrap check` installs them into build/openapi with `npm ci`, by tests/openapi/package-lock.json."""

import os
import subprocess
from pathlib import Path

import pytest
from api_server import ApiServer

HERE = Path(__file__).parents[1] / "openapi"
LINTERS = {
    "spectral": ["lint", "--fail-severity=warn", "--ruleset", HERE / "spectral.yaml"],
    "redocly": ["lint", "--max-problems=100", "--config", HERE / "redocly.yaml"],
}


def find(name):
    top = HERE.parents[1] / "build/openapi/node_modules/.bin"
    return top / name if (top / name).exists() else None


@pytest.fixture(scope="module")
def document(build_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    with ApiServer(build_dir) as server:
        path.write_text(server.nobody()("GET", "/openapi.json").text)
    return path


@pytest.mark.parametrize("name", LINTERS)
def test_the_document_is_as_generators_want_it(document, name):
    linter = find(name)
    if not linter:
        pytest.skip("npm or its registry was not there when ./bootstrap check began")
    done = subprocess.run([linter, *LINTERS[name], document], text=True, capture_output=True, timeout=300, cwd=document.parent,
                          env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"})
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "You have" not in said, said # warnings
