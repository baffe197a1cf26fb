# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/admin-api.md, run as they stand: in their order, in one shell, against a system as `up` starts it."""

import os
import re
import subprocess

from conftest import TOP

VARIABLES = ("MIMO_URL", "MIMO_CACERT", "MIMO_TOKEN", "MIMO_CLUSTER_0") # as the page says


def examples():
    """[(the sentence before it, its commands)]"""
    page = (TOP / "docs" / "admin-api.md").read_text()
    return re.findall(r"([^\n]+)\n\n```sh\n(.*?)```\n", page, re.DOTALL)


def test_the_examples_run_as_they_stand(system):
    running = system()
    script = "set -euo pipefail\n"
    for number, (_, commands) in enumerate(examples()):
        script += f"echo; echo '=== {number}'\n{commands}"
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, timeout=120, check=False,
                          env={"PATH": os.environ["PATH"], **{name: running.env[name] for name in VARIABLES}})
    parts = re.split(r"\n=== \d+\n", done.stdout)[1:]
    said = "\n".join(f"{sentence}\n{part}" for (sentence, _), part in zip(examples(), parts))
    assert done.returncode == 0, f"{said}\n{done.stderr}"
    assert len(parts) == len(examples()) >= 10

    def output(words):
        [part] = [part for (_, commands), part in zip(examples(), parts) if words in commands]
        return part

    assert '"status":"ready"' in output("/healthz/ready").replace(" ", "")
    assert "operator-flags-update" in output("/admin/tasks") and '"alive": true' in output("/admin/actuators")
    assert '"kind": "notDue"' in output("Idempotency-Key")
    assert output("$RUNNING/stop?").split().count("Cancelled") == 2
    assert "cannot cancel task in state Cancelled" in output("$RUNNING/cancel?")
    assert output("$OTHER/cancel?").startswith("Cancelled") and "it has no running worker" in output("$OTHER/stop?")
    assert '"Cancelled": 2' in output("/summary")
    assert output("nextLink").count("/subscriptions/") == 2
    assert output("scheduleID").split() == ["0", "0"]
    assert output("hasKubeconfig").split() == ["false", "westus"]
    assert "manifest.create  201  691536013" in output("/admin/audit") and "cluster.delete  204  -" in output("/admin/audit")


def test_each_endpoint_has_an_example():
    """Of the methods and paths that the table of the page has."""
    page = (TOP / "docs" / "admin-api.md").read_text()
    commands = "\n".join(text for _, text in examples())
    missing = []
    for method, path in re.findall(r"^\| `(\w+) (/\S+)`", page, re.MULTILINE):
        pattern = re.escape(path).replace(r"/admin/\{R\}", r"\$(?:CLUSTER|NEW)").replace(r"\{id\}", r"\$\w+")
        how = "" if path.startswith(("/healthz", "/openapi")) else rf"\bmimo {method} "
        if not re.search(how + r'"[^"\s]*' + pattern + r'["?&]', commands):
            missing.append(f"{method} {path}")
    assert missing == []
