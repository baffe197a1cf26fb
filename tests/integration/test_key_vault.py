# SPDX-License-Identifier: Apache-2.0
"""Certificates out of an Azure Key Vault, read by a worker inside its sandbox."""

import pytest
from cryptography.hazmat.primitives import serialization

from azure_double import APPLICATION, AUDIENCE, HEADER, AzureDouble, as_legacy_pkcs12, as_pem, as_pkcs12
from mimolocal.certificates import VALID, Issuer
from test_certificate_tasks import MDSD_SECRET, data_of, description, run, split, writes


@pytest.fixture
def azure(directory):
    with AzureDouble(directory) as double:
        double.bundle = Issuer().bundle("logs.practice.test")
        double.secrets["mdsd"] = as_pem(double.bundle)
        yield double


@pytest.fixture
def start(system, azure):
    """Starts a system that reads from the double; more settings as {"section.key": value}."""
    def start_it(settings=None, **more):
        return system(clusters=1, set={**azure.settings(), "actuator.retry_backoff": "1h", **(settings or {})}, **more)
    return start_it


def first_attempt(running, task="mdsd-cert-rotation"):
    """The manifest after its first attempt, which may be waiting for another."""
    created = running.create(task)
    return running.wait_for(lambda: (now := running.manifest(created)).get("attempts") and
                            now["attempts"][0].get("outcome") and now["state"] != "InProgress" and now)


def expect_written(running, azure):
    key, chain = split(azure.bundle)
    data = data_of(running, MDSD_SECRET)
    assert (data["gcscert.pem"], data["gcskey.pem"]) == (chain, key)
    assert azure.violations == []


@pytest.mark.parametrize("form", [as_pem, as_pkcs12, as_legacy_pkcs12])
def test_certificate_comes_with_the_token_of_the_machine_in_each_form(start, azure, form):
    azure.secrets["mdsd"] = form(azure.bundle)
    running = start()
    done = run(running, "mdsd-cert-rotation")
    assert done["state"] == "Completed", done
    assert done["statusText"] == f"set the logging certificate: {description(azure.bundle)}"
    expect_written(running, azure)
    assert azure.kinds() == ["identity", "secret"]
    assert run(running, "mdsd-cert-rotation")["statusText"].startswith("no change")
    assert writes(running) == [("PUT", MDSD_SECRET)]


def test_user_assigned_identity_is_asked_for_by_its_client_id(start, azure):
    azure.client_id = "some client/id"
    running = start({"azure.client_id": azure.client_id})
    assert run(running, "mdsd-cert-rotation")["state"] == "Completed"
    expect_written(running, azure)


def test_platform_s_endpoint_and_header_come_from_the_environment(system, azure):
    settings = azure.settings()
    del settings["azure.identity_endpoint"]
    running = system(clusters=1, set=settings,
                     environment={"IDENTITY_ENDPOINT": azure.identity_endpoint, "IDENTITY_HEADER": HEADER})
    done = run(running, "mdsd-cert-rotation")
    assert done["state"] == "Completed", done
    expect_written(running, azure)
    assert "api-version=2019-08-01" in azure.requests[0][1]


def test_application_logs_in_with_its_secret(start, azure):
    running = start(azure.settings_of_application())
    done = run(running, "mdsd-cert-rotation")
    assert done["state"] == "Completed", done
    expect_written(running, azure)
    assert azure.kinds() == ["login", "secret"]


def test_wrong_client_secret_is_terminal_and_never_shown(start, azure):
    azure.secret_file.write_text("wrong-secret")
    running = start(azure.settings_of_application())
    done = run(running, "mdsd-cert-rotation")
    assert done["state"] == "Failed"
    assert done["statusText"].startswith("TerminalError: 400 token of the application: AADSTS7000215"), done
    assert APPLICATION not in running.log("actuator-0") and "wrong-secret" not in running.log("actuator-0")


def test_token_that_has_expired_is_asked_for_anew_once(start, azure):
    azure.fail("secret", 401, WWW_Authenticate=f'Bearer authorization="{azure.url}/t", resource="{AUDIENCE}"')
    running = start()
    assert run(running, "mdsd-cert-rotation")["state"] == "Completed"
    assert azure.kinds() == ["identity", "secret", "identity", "secret"]


def test_vault_that_takes_no_token_is_transient(start, azure):
    azure.fail("secret", 401, times=9)
    done = first_attempt(start())
    assert done["statusText"].startswith("TransientError: 401 unauthorized: certificate mdsd in "), done
    assert azure.kinds() == ["identity", "secret", "identity", "secret"]


def test_challenge_for_somebody_else_s_token_is_not_answered(start, azure):
    azure.fail("secret", 401, times=9, WWW_Authenticate='Bearer resource="https://evil.test"')
    done = run(start(), "mdsd-cert-rotation")
    assert done["state"] == "Failed"
    assert 'the vault asks for a token for "https://evil.test", which is not where it is' in done["statusText"]
    assert azure.kinds() == ["identity", "secret"]


@pytest.mark.parametrize("what, status, body, outcome, text", [
    ("secret", 0, None, "transient", "connection closed without an answer by localhost:"),
    ("secret", 400, None, "terminal", "400 certificate mdsd in "),
    ("secret", 403, None, "terminal", "forbidden: certificate mdsd in "),
    ("secret", 404, None, "terminal", "404 certificate mdsd not found in "),
    ("secret", 408, None, "transient", "408 certificate mdsd in "),
    ("secret", 429, None, "transient", "429 certificate mdsd in "),
    ("secret", 500, None, "transient", "500 certificate mdsd in "),
    ("secret", 503, "<html>", "transient", "503 certificate mdsd in "),
    ("secret", 302, None, "transient", "302 certificate mdsd in "),
    ("secret", 200, "garbage", "transient", "the answer of localhost:"),
    ("secret", 200, "{}", "terminal", "certificate mdsd in "),
    ("secret", 200, '{"value": "x", "contentType": "text/plain"}', "terminal", "certificate mdsd in "),
    ("secret", 200, '{"value": "*", "contentType": "application/x-pkcs12"}', "terminal", "certificate mdsd in "),
    ("secret", 200, '{"value": "AAAA", "contentType": "application/x-pkcs12"}', "terminal",
     "certificate mdsd cannot be used: its PKCS#12 is damaged: export it again"),
    ("secret", 200, "huge", "transient", "the answer of localhost:"),
    ("identity", 0, None, "transient", "connection closed without an answer by 127.0.0.1:"),
    ("identity", 400, None, "terminal", "400 token of the managed identity: "),
    ("identity", 404, None, "transient", "404 token of the managed identity"),
    ("identity", 410, None, "transient", "410 token of the managed identity"),
    ("identity", 429, None, "transient", "429 token of the managed identity"),
    ("identity", 500, None, "transient", "500 token of the managed identity"),
    ("identity", 200, "{}", "terminal", "token of the managed identity: the answer has no access_token"),
])
def test_every_trouble_of_azure_has_its_outcome(start, azure, what, status, body, outcome, text):
    running = start()
    azure.fail(what, status, body=" " * 1100000 if body == "huge" else body)
    done = first_attempt(running)
    assert done["attempts"][0]["outcome"] == outcome, done
    prefix = "TransientError: " if outcome == "transient" else "TerminalError: "
    assert done["statusText"].startswith(prefix + text), done
    assert "token-" not in done["statusText"]
    if done["state"] == "Pending":
        running.api("POST", f"/admin{running.cluster(0)}/maintenanceManifests/{done['id']}/cancel").expect(200)


def test_retry_after_is_obeyed_and_costs_no_attempt(start, azure):
    azure.fail("secret", 429, Retry_After="17")
    done = first_attempt(start())
    assert done["statusText"].startswith("TransientError: 429 certificate mdsd in "), done
    assert done["nextAttempt"] >= done["attempts"][0]["finishedAt"] + 17 and done["dequeues"] == 0, done


@pytest.mark.parametrize("make, text", [
    (lambda: as_pem(split(Issuer().bundle("a"))[0] + split(Issuer().bundle("b"))[1]), "belongs to none of its certificates"),
    (lambda: as_pem(Issuer().bundle("a", valid=-VALID)), "it expired at"),
    (lambda: as_pkcs12(Issuer().bundle("a"), serialization.BestAvailableEncryption(b"password")), "protected by a password: export it without one"),
])
def test_certificates_of_a_vault_are_checked(start, azure, make, text):
    azure.secrets["mdsd"] = make()
    done = run(start(), "mdsd-cert-rotation")
    assert done["state"] == "Failed" and text in done["statusText"], done


def test_vault_that_cannot_be_verified_gets_no_token(start, azure):
    running = start({"azure.ca_file": "/etc/ssl/certs/ca-certificates.crt"})
    done = first_attempt(running)
    assert done["attempts"][0]["outcome"] == "transient"
    assert "certificate" in done["statusText"], done
    assert azure.kinds() == ["identity"]


def test_both_tls_certificates_come_out_of_the_vault(start, azure):
    running = start()
    uuid = running.api("GET", f"/admin{running.cluster(0)}").expect(200)["uuid"]
    for kind, host in (("apiserver", "api.cluster-0.practice.test"), ("ingress", "*.apps.cluster-0.practice.test")):
        azure.secrets[f"{uuid}-{kind}"] = as_pkcs12(Issuer().bundle(host, [host]))
    done = run(running, "tls-cert-rotation")
    assert done["statusText"].startswith("set: secrets (4 of 4 written)"), done
    assert azure.violations == []
