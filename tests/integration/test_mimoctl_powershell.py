# SPDX-License-Identifier: Apache-2.0
"""The PowerShell scripts, as far as that can be seen without a PowerShell: parameters, help, what both versions read."""

import re

import pytest

from mimoctl_fixtures import TOP

FOLDER = TOP / "contrib" / "powershell"
SCRIPTS = { # parameters of the operators' guide, and whether the script changes something
    "list-cluster-maintenancesets.ps1": (["location", "resourceID", "icm"], False),
    "create-maintenance-manifest.ps1": (["location", "resourceId", "kubernetesObject", "icm"], True),
    "cancel-maintenance-manifest.ps1": (["location", "resourceId", "manifestId", "icm"], True),
    "delete-maintenance-manifest.ps1": (["location", "resourceId", "manifestId", "icm"], True),
}
# What PowerShell 7 knows and 5.1 does not.
ONLY_7 = re.compile(r"\?\?|\?\.|&&|\|\||-SkipHttpErrorCheck|-SkipCertificateCheck|-AsHashtable|ForEach-Object -Parallel")


def without_texts(text):
    """Code alone: no comments, no strings."""
    text = re.sub(r"<#.*?#>", "", text, flags=re.DOTALL)
    return re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", text)


def test_these_scripts_and_one_module_are_there():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted([*SCRIPTS, "MimoAdminApi.psm1"])


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_has_the_parameters_of_the_guide_and_describes_them(name):
    text = (FOLDER / name).read_text(encoding="ascii")
    parameters, changes = SCRIPTS[name]
    declared = re.search(r"^param\((.*?)^\)", text, re.DOTALL | re.MULTILINE)[1]
    assert re.findall(r"\[string\] \$(\w+)", declared) == parameters
    assert re.findall(r"^\.PARAMETER (\w+)", text, re.MULTILINE) == parameters
    for section in (".SYNOPSIS", ".DESCRIPTION", ".EXAMPLE"):
        assert section in text
    assert ("SupportsShouldProcess" in text) == changes
    if changes: # nothing is sent but behind the question
        before, behind = text.split("$PSCmdlet.ShouldProcess(")
        assert "Invoke-MimoAdminApi" not in before and behind.count("Invoke-MimoAdminApi") == 1


@pytest.mark.parametrize("name", [*SCRIPTS, "MimoAdminApi.psm1"])
def test_both_versions_of_powershell_read_it(name):
    text = (FOLDER / name).read_text(encoding="ascii")
    code = without_texts(text)
    assert not ONLY_7.search(code)
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    for command in re.findall(r"\b((?:Invoke|Get|Read)-Mimo\w+)", code):
        assert f"function {command} " in (FOLDER / "MimoAdminApi.psm1").read_text()


def test_each_exported_function_has_help():
    text = (FOLDER / "MimoAdminApi.psm1").read_text()
    for function in re.search(r"Export-ModuleMember -Function (.*)", text)[1].split(", "):
        assert re.search(rf"\.SYNOPSIS\n(?:(?!#>).)*#>\nfunction {function} ", text, re.DOTALL)


def test_the_module_takes_each_key_that_mimoctl_takes_in_a_region():
    keys = re.findall(r'^    \{"(\w+)", offsetof\(struct region,', (TOP / "src/ctl/client/regions.c").read_text(), re.MULTILINE)
    assert "client_cert" in keys
    text = (FOLDER / "MimoAdminApi.psm1").read_text()
    assert [key for key in keys if f"$Region['{key}']" not in text and f"$region['{key}']" not in text] == []
