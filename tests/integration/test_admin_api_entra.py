# SPDX-License-Identifier: Apache-2.0
"""Logging in with tokens of Entra ID: who is let in, which tokens are not, and an authority in trouble."""

import glob
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest
from api_server import FLAGS, ApiServer, wait_for
from conftest import is_sanitized
from entra_double import AUDIENCE, CLIENT, OBJECT, TENANT, EntraDouble, Key, encode
from mimolocal.adminapi import AdminApi
from mimolocal.slowness import in_time
from test_clock_jump import sanitizer_library

FETCHED = re.compile(r"Entra ID: \d+ keys were fetched")
FAILED = "Entra ID: cannot fetch keys"
CHALLENGE = 'Bearer error="invalid_token", error_description="the token is not valid"'


class Pair:
    """An Admin API and its authority."""

    def __init__(self, build_dir, ways="token-file entra", started=True):
        self.entra = EntraDouble().__enter__()
        self.server = ApiServer(build_dir, set=self.entra.settings(ways))
        if started:
            self.start()

    def start(self, environment=None):
        self.server.start(environment)
        wait_for(lambda: self.fetched, "the keys")
        return self

    def end(self, keep):
        self.server.end(keep=keep)
        self.entra.__exit__()

    @property
    def fetched(self):
        """How often keys were fetched and taken."""
        return len(FETCHED.findall(self.server.log))

    def ask(self, token, method="GET", path="/admin/tasks", **more):
        return AdminApi(self.server.url, token, self.server.directory / "api.crt")(method, path, **more)

    def reload(self):
        """SIGHUP, which fetches keys; returns when that was tried."""
        before = self.fetched + self.server.log.count(FAILED)
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.fetched + self.server.log.count(FAILED) > before, "the fetch")


@pytest.fixture(scope="module")
def pair(build_dir):
    made = Pair(build_dir)
    yield made
    made.end(keep=False)


@pytest.fixture
def own_pair(build_dir, request):
    """A function that makes one for this test alone."""
    made = []

    def make(**arguments):
        made.append(Pair(build_dir, **arguments))
        return made[-1]

    yield make
    for each in made:
        each.end(keep=getattr(request.node, "failed", True))


# ---- who is let in ----

@pytest.mark.parametrize("roles, statuses", [
    (["MIMO.Reader"], (200, 403, 403)), (["MIMO.Operator"], (200, 201, 403)), (["MIMO.Admin"], (200, 201, 200)),
    (["Other"], (403, 403, 403)), (["MIMO.Reader", "MIMO.Admin"], (200, 201, 200)),
])
def test_roles_of_the_token_decide(pair, roles, statuses):
    token, cluster = pair.entra.token(roles=roles), pair.server.register()
    requests = [("GET", "/admin/tasks", None),
                ("PUT", f"/admin{cluster}/maintenanceManifests", {"maintenanceTaskID": FLAGS}),
                ("PUT", f"/admin{cluster}", {"properties": {}})]
    for (method, path, body), status in zip(requests, statuses):
        answer = pair.ask(token, method, path, body=body)
        assert answer.status == status, answer.text
        if status == 403:
            assert answer.error_code == "Forbidden"
            needed = {"GET": "reader"}.get(method, "operator" if "Manifests" in path else "admin")
            assert re.search(rf"entra:{OBJECT}:ann@example.com \((no role|role \w+)\) needs the role {needed}", answer.text)


def test_the_audit_trail_names_the_user(pair):
    cluster = pair.server.register()
    body = {"maintenanceTaskID": FLAGS, "icm": "4711"}
    for claims, name in (({}, f"entra:{OBJECT}:ann@example.com"),
                         ({"preferred_username": None, "scp": None, "idtyp": "app"}, f"entra:{OBJECT}:app={CLIENT}")):
        answer = pair.ask(pair.entra.token(**claims), "PUT", f"/admin{cluster}/maintenanceManifests", body=body)
        answer.expect(201)
        entry = pair.server.audit(answer.headers["x-ms-request-id"])
        assert entry["actor"] == name and entry["icm"] == "4711"


def test_all_ways_that_are_chosen_are_open(pair):
    for role in ("reader", "operator", "admin"):
        pair.server.api(role)("GET", "/admin/tasks").expect(200)
    pair.ask(pair.entra.token()).expect(200)


def test_entra_alone_knows_no_token_file(own_pair):
    pair = own_pair(ways="entra")
    assert pair.server.api()("GET", "/admin/tasks").status == 401
    pair.ask(pair.entra.token()).expect(200)


def test_mimoctl_logs_in_with_the_token_of_a_command(pair, tmp_path):
    (tmp_path / "token").write_text(pair.entra.token())
    (tmp_path / ".config/mimo").mkdir(parents=True)
    (tmp_path / ".config/mimo/config").write_text(
        f"[region lab]\nurl = {pair.server.url}\ncacert = {pair.server.directory}/api.crt\ntoken_command = cat ~/token\n")
    command, environment = [pair.server.build / "mimoctl", "task", "list"], {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0 and "operator-flags" in done.stdout, done.stderr
    (tmp_path / "token").write_text(pair.entra.token(exp=now() - 1000))
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 3 and "does not accept the token of token_command of region lab" in done.stderr


def test_ps256_and_at_jwt_are_taken(pair):
    entra = pair.entra
    pair.ask(entra.mint(entra.header(alg="PS256"), entra.claims(), "PS256")).expect(200)
    pair.ask(entra.mint(entra.header(typ="at+jwt"), entra.claims())).expect(200)


# ---- tokens that are not let in; each with what the log says of it ----

def changed(entra, part, change):
    parts = entra.token().split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def raw_claims(entra, change):
    """A token whose claims are text that was changed."""
    return entra.mint(entra.header(), change(json.dumps(entra.claims()).encode()))


def now():
    return int(time.time())


HEADERS = {
    "none": ({"alg": "none"}, 'alg is "none"'),
    "None": ({"alg": "None"}, 'alg is "None"'),
    "NONE": ({"alg": "NONE"}, 'alg is "NONE"'),
    "nOnE": ({"alg": "nOnE"}, 'alg is "nOnE"'),
    "empty alg": ({"alg": ""}, 'alg is ""'),
    "no alg": ({"alg": None}, 'alg is ""'),
    "numeric alg": ({"alg": 256}, 'alg is ""'),
    "RS512 named": ({"alg": "RS512"}, 'alg is "RS512"'),
    "PS256 named": ({"alg": "PS256"}, "it is not signed by"),
    "crit": ({"crit": ["x"]}, "demands an extension"),
    "b64": ({"b64": False, "crit": ["b64"]}, "demands an extension"),
    "kid is a path": ({"kid": "../../dev/null"}, "is not known"),
    "kid is a number": ({"kid": 1}, "names no key"),
    "no kid": ({"kid": None}, "names no key"),
    "jku": ({"jku": "https://evil.test/keys", "kid": "evil"}, "is not known"),
    "x5u": ({"x5u": "https://evil.test/key", "kid": "evil"}, "is not known"),
    "jwk": ({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "kid": "evil"}, "is not known"),
    "no typ": ({"typ": None}, 'typ is ""'),
    "typ of an ID token": ({"typ": "id_token"}, "typ is"),
}
CLAIMS = {
    "expired": ({"exp": lambda: now() - 121}, "it expired"),
    "not yet valid": ({"nbf": lambda: now() + 3600}, "it is not valid for another"),
    "issued in the future": ({"iat": lambda: now() + 3600}, "iat is in the future"),
    "other audience": ({"aud": "99999999-2222-4333-8444-555555555555"}, "aud is"),
    "audience list": ({"aud": [AUDIENCE]}, "aud is"),
    "audience prefix": ({"aud": AUDIENCE[:-1]}, "aud is"),
    "audience object": ({"aud": {AUDIENCE: 1}}, "aud is"),
    "empty audience": ({"aud": ""}, "aud is"),
    "other issuer": ({"iss": f"https://evil.test/{TENANT}/v2.0"}, "iss is"),
    "issuer of version 1.0": ({"iss": f"https://sts.windows.net/{TENANT}/"}, "iss is"),
    "no issuer": ({"iss": None}, "iss is"),
    "issuer list": ({"iss": ["x"]}, "iss is"),
    "other tenant": ({"tid": "11111111-0b0a-4908-8706-050403020100"}, "tid is"),
    "version 1.0": ({"ver": "1.0"}, "ver is"),
    "no exp": ({"exp": None}, "exp is not a time"),
    "exp is a text": ({"exp": lambda: str(now() + 60)}, "exp is not a time"),
    "exp is huge": ({"exp": 1e300}, "exp is not a time"),
    "exp is 2^63": ({"exp": 2**63}, "its claims"),
    "exp is a list": ({"exp": [1]}, "exp is not a time"),
    "exp is negative": ({"exp": -1}, "exp is not a time"),
    "no roles": ({"roles": None, "scp": None}, "it has neither roles nor scp"),
    "roles is a text": ({"roles": "MIMO.Admin"}, "roles is not an array"),
    "ID token": ({"nonce": "n", "azp": None, "scp": None}, "it is an ID token"),
    "NUL in sub": ({"sub": "a\0b"}, "its claims"),
    "deep": ({"x": [[[[[[[[[]]]]]]]]]}, "nested deeper than 8"),
}
SPELLINGS = {
    "HS256 with the public key": (lambda e: e.mint(e.header(alg="HS256"), e.claims(), "HS256"), 'alg is "HS256"'),
    "RS512": (lambda e: e.mint(e.header(alg="RS512"), e.claims(), "RS512"), 'alg is "RS512"'),
    "tampered claims": (lambda e: changed(e, 1, lambda _: encode(json.dumps(e.claims(roles=["MIMO.Admin"])).encode())),
                        "it is not signed by"),
    "signed by somebody else": (lambda e: e.mint(e.header(), e.claims(), key=Key("key-1")), "it is not signed by"),
    "cut signature": (lambda e: changed(e, 2, lambda text: text[:-2]), "it is not signed by"),
    "empty signature": (lambda e: changed(e, 2, lambda _: ""), "its signature is not base64url"),
    "two parts": (lambda e: e.token().rsplit(".", 1)[0], "no authentication method"),
    "one part": (lambda e: e.token().split(".")[0], "no authentication method"),
    "four parts": (lambda e: e.token() + ".x", "no authentication method"),
    "five parts": (lambda e: e.token() + ".x.x", "no authentication method"),
    "padding": (lambda e: changed(e, 2, lambda text: text + "=="), "its signature is not base64url"),
    "alphabet with + and /": (lambda e: changed(e, 1, lambda text: text[:-2] + "+/"), "its claims is not base64url"),
    "last character not canonical": (lambda e: changed(e, 2, lambda text: text[:-1] + chr(ord(text[-1]) + 1)),
                                     "its signature is not base64url"),
    "leading space": (lambda e: " " + e.token(), "Authorization is not"),
    "space within": (lambda e: e.token().replace(".", ". ", 1), "Authorization is not"),
    "exp twice": (lambda e: raw_claims(e, lambda text: text[:-1] + b', "exp": 9999999999}'), "duplicate member"),
    "alg twice": (lambda e: e.mint(json.dumps(e.header()).encode()[:-1] + b', "alg": "none"}', e.claims()), "duplicate member"),
    "claims are an array": (lambda e: e.mint(e.header(), b"[]"), "not a JSON object"),
    "claims are no JSON": (lambda e: e.mint(e.header(), b"x"), "its claims"),
    "something behind the claims": (lambda e: raw_claims(e, lambda text: text + b"{}"), "its claims"),
    "bad UTF-8": (lambda e: e.mint(e.header(), b'{"sub": "\xff"}'), "its claims"),
    "byte order mark": (lambda e: raw_claims(e, lambda text: b"\xef\xbb\xbf" + text), "its claims"),
    "depth 4,000": (lambda e: e.mint(e.header(), b"[" * 4000), "its claims"),
    "header is no JSON": (lambda e: e.mint(b"x", e.claims()), "its header"),
    "dots alone": (lambda e: "..", "its header is not base64url"),
}
BAD = {
    **{f"header: {name}": (lambda e, change=change: e.mint(e.header(**change), e.claims()), reason)
       for name, (change, reason) in HEADERS.items()},
    **{f"claims: {name}": (lambda e, change=change: e.mint(e.header(), e.claims(
        **{claim: value() if callable(value) else value for claim, value in change.items()})), reason)
       for name, (change, reason) in CLAIMS.items()},
    **SPELLINGS,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_401_and_only_the_log_says_why(pair, name):
    make, reason = BAD[name]
    token = make(pair.entra)
    answer = pair.ask(token)
    if reason == "is not known" and answer.status == 503: # the first of them makes the server look
        wait_for(lambda: pair.ask(token).status == 401, "the search for the key")
        answer = pair.ask(token)
    assert answer.status == 401, answer.text
    assert answer.error_code == "InvalidAuthenticationToken"
    assert answer.document["error"]["message"] == "the token is not valid"
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    said = re.search(f"request {answer.headers['x-ms-request-id']} is not authenticated: (.*)", pair.server.log)
    assert reason in said.group(1)
    signature = token.strip().rsplit(".", 1)[-1]
    assert len(signature) < 16 or signature[:16] not in pair.server.log


def test_a_token_of_16_kilobytes_is_read_and_a_larger_one_is_not(pair):
    entra = pair.entra
    fits = entra.token(more="x" * 11000)
    assert 15000 < len(fits) <= 16384
    pair.ask(fits).expect(200)
    for size in (12500, 17000, 100000, 1000000):
        try:
            assert pair.ask(entra.token(more="x" * size)).status in (401, 431)
        except OSError:
            assert size >= 100000 # closed while we were still sending
    pair.ask(entra.token()).expect(200)


def test_nobody_is_told_of_a_token_in_the_log(pair):
    token = pair.entra.token()
    pair.ask(token).expect(200)
    for part in token.split("."):
        assert part not in pair.server.log


# ---- keys ----

def test_a_new_key_is_found_when_its_first_token_comes(own_pair):
    pair = own_pair()
    old = pair.entra.token()
    pair.entra.rotate()
    token = pair.entra.token()
    first = pair.ask(token)
    assert first.status == 503 and int(first.headers["Retry-After"]) > 0, first.text
    wait_for(lambda: pair.ask(token).status == 200, "the new key")
    pair.ask(old).expect(200)
    assert pair.entra.fetches == 2


def test_a_key_that_was_removed_no_longer_counts(own_pair):
    pair = own_pair()
    old = pair.entra.token()
    pair.ask(old).expect(200)
    pair.entra.rotate(keep=False)
    pair.reload()
    pair.ask(pair.entra.token()).expect(200)
    assert wait_for(lambda: pair.ask(old).status != 503 and pair.ask(old).status, "the search") == 401


def test_a_key_that_was_exchanged_under_its_id_no_longer_counts(own_pair):
    pair = own_pair()
    old = pair.entra.token()
    for _ in range(2):
        pair.ask(old).expect(200)
    pair.entra.keys = [Key("key-1")]
    pair.reload()
    pair.ask(pair.entra.token()).expect(200)
    assert pair.ask(old).status == 401


def test_a_thousand_unknown_keys_make_one_fetch(own_pair):
    pair = own_pair()
    entra, answers = pair.entra, []
    good = entra.token()

    def ask(first):
        for i in range(first, first + 250):
            answers.append(pair.ask(entra.mint(entra.header(kid=f"unknown-{i}"), entra.claims())).status)
            if i % 25 == 0:
                answers.append(("good", pair.ask(good).status))

    threads = [threading.Thread(target=ask, args=(250 * i, )) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 1040 and set(answers) <= {401, 503, ("good", 200)}, set(answers)
    assert answers.count(401) > 900
    assert entra.fetches == 2 # that of the start, and one for all of them


def test_tokens_that_cannot_be_valid_make_nobody_look_for_their_key(own_pair):
    pair = own_pair()
    entra = pair.entra
    for claims in ({"exp": now() - 1000}, {"aud": "x"}, {"iss": "x"}, {"tid": "x"}):
        assert pair.ask(entra.mint(entra.header(kid="unknown"), entra.claims(**claims))).status == 401
    assert entra.fetches == 1


BAD_KEYS = {
    "1,024 bits": lambda: Key("bad", 1024).document(),
    "e = 1": lambda: Key("bad").document(e="AQ"),
    "use = enc": lambda: Key("bad").document(use="enc"),
    "an elliptic curve": lambda: {"kty": "EC", "kid": "bad", "crv": "P-256", "x": "AQ", "y": "AQ"},
    "a shared secret": lambda: {"kty": "oct", "kid": "bad", "k": "c2VjcmV0"},
    "no object": lambda: 7,
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_bad_key_is_left_out_and_the_others_go_on(pair, name):
    entra = pair.entra
    entra.key_document = {"keys": [BAD_KEYS[name](), entra.key.document()]}
    before = pair.server.log.count("Entra ID: 1 unusable keys were ignored")
    try:
        pair.reload()
        pair.ask(entra.token()).expect(200)
        assert pair.server.log.count("Entra ID: 1 unusable keys were ignored") > before
        bad = entra.mint(entra.header(kid="bad"), entra.claims(), key=Key("bad"))
        assert pair.ask(bad).status in (401, 503)
    finally:
        entra.heal()
        pair.reload()


def test_two_keys_of_one_id_are_both_left_out(own_pair):
    pair = own_pair()
    entra = pair.entra
    entra.key_document = {"keys": [entra.key.document(), Key("key-1").document(), Key("key-2").document()]}
    pair.reload()
    assert pair.ask(entra.token()).status in (401, 503)
    assert "another key has the same kid" in pair.server.log


# ---- an authority in trouble ----

TROUBLES = {
    "500": (lambda e: setattr(e, "status", 500), "answered 500"),
    "404": (lambda e: setattr(e, "status", 404), "answered 404"),
    "redirect": (lambda e: (setattr(e, "status", 302), setattr(e, "location", f"{e.url}/{TENANT}/discovery/v2.0/keys")),
                 "answered 302"),
    "10 MB": (lambda e: setattr(e, "key_document", b'{"keys": [], "x": "' + b"x" * 10_000_000 + b'"}'), "too large"),
    "no JSON": (lambda e: setattr(e, "key_document", b"<html>"), "the key set"),
    "no keys": (lambda e: setattr(e, "key_document", {"keys": []}), "no key that can be used"),
    "only bad keys": (lambda e: setattr(e, "key_document", {"keys": [Key("bad", 1024).document()]}), "no key that can be used"),
    "keys twice": (lambda e: setattr(e, "key_document", b'{"keys": [], "keys": []}'), "duplicate member"),
    "other issuer": (lambda e: e.discovery.update(issuer="https://evil.test/v2.0"), "its issuer is"),
    "keys elsewhere": (lambda e: e.discovery.update(jwks_uri="https://evil.test/keys"), "its jwks_uri"),
    "keys on another port": (lambda e: e.discovery.update(jwks_uri=f"{e.url}1/keys"), "its jwks_uri"),
    "keys in clear": (lambda e: e.discovery.update(jwks_uri=f"{e.url}/keys".replace("https", "http")), "its jwks_uri"),
    "keys of somebody's": (lambda e: e.discovery.update(jwks_uri=f"{e.url}@evil.test/keys"), "its jwks_uri"),
    "no address of keys": (lambda e: e.discovery.update(jwks_uri=7), "its jwks_uri"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_the_keys_from_before_count_while_no_others_can_be_had(pair, name):
    break_it, reason = TROUBLES[name]
    before = len(pair.server.log)
    break_it(pair.entra)
    try:
        pair.reload()
        said = pair.server.log[before:]
        assert "cannot fetch keys, the previous keys stay valid for another 71 h" in said or " 72 h" in said, said
        assert reason in said, said
        pair.ask(pair.entra.token()).expect(200)
    finally:
        pair.entra.heal()
        pair.reload()


def test_a_slow_authority_holds_nobody_up(own_pair):
    pair = own_pair()
    pair.entra.delay = 60.0
    pair.server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(pair.entra.requests) > 2, "the fetch to begin")
    pair.entra.rotate()
    unknown, known = pair.entra.token(), pair.server.api("reader")
    began = time.monotonic()
    for _ in range(20):
        assert pair.ask(unknown).status == 503
        known("GET", "/admin/tasks").expect(200)
    assert in_time(time.monotonic() - began, 4.0) # less than one fetch takes to give up
    wait_for(lambda: "timeout" in pair.server.log, "the fetch to give up")
    began = time.monotonic()
    assert pair.server.stop() == 0
    assert in_time(time.monotonic() - began, 8.0)


def test_the_server_starts_without_its_authority_and_finds_it_later(own_pair):
    pair = own_pair(started=False)
    pair.entra.status = 500
    pair.server.start()
    wait_for(lambda: FAILED in pair.server.log, "the failure")
    assert "so requests with its tokens get 503" in pair.server.log
    answer = pair.ask(pair.entra.token())
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    assert answer.error_code == "ServiceUnavailable"
    assert pair.ask(pair.entra.token(aud="x")).status == 401 # whatever its key
    pair.server.api("reader")("GET", "/admin/tasks").expect(200)
    pair.entra.heal()
    wait_for(lambda: pair.ask(pair.entra.token()).status == 200, "the keys") # it tries again by itself


def test_an_authority_whose_certificate_is_not_trusted_is_not_believed(own_pair):
    pair = own_pair(started=False)
    other = pair.server.directory / "other-ca.pem"
    other.write_text((pair.server.directory / "seal.crt").read_text())
    other.chmod(0o644)
    pair.server.config.write_text(pair.server.config.read_text().replace(str(pair.entra.ca_file), str(other)))
    pair.server.start()
    wait_for(lambda: FAILED in pair.server.log, "the failure")
    assert not pair.entra.requests
    assert pair.ask(pair.entra.token()).status == 503


def test_the_system_s_authorities_are_read_again_too(own_pair):
    pair = own_pair(started=False)
    pair.server.config.write_text(pair.server.config.read_text().replace(f"ca_file = {pair.entra.ca_file}\n", ""))
    pair.server.start()
    wait_for(lambda: FAILED in pair.server.log, "the failure")
    assert not pair.entra.requests # the practice authority is none of the system's
    pair.reload()
    assert "credentials were reloaded" in pair.server.log and "except for one file" not in pair.server.log


def test_a_name_that_nobody_knows_is_a_failure_like_others(own_pair):
    pair = own_pair(started=False)
    pair.server.config.write_text(pair.server.config.read_text().replace(pair.entra.url, "https://login.invalid"))
    pair.server.start()
    said = wait_for(lambda: re.search(f"{FAILED}.*", pair.server.log), "the failure").group()
    assert "login.invalid" in said
    pair.server.api("reader")("GET", "/admin/tasks").expect(200)


def test_a_clock_that_is_set_back_makes_no_expired_token_valid(own_pair):
    pair = own_pair(started=False)
    [library] = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") or pytest.skip("libfaketime is missing: apt-get install faketime")
    sanitized = is_sanitized(pair.server.build)
    stamp = pair.entra.ca_file.with_name("clock") # where the server may read

    def shift(text):
        fresh = stamp.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.chmod(0o644)
        os.replace(fresh, stamp)

    shift("+0")
    pair.start({"LD_PRELOAD": f"{sanitizer_library()} {library}" if sanitized else library,
                "FAKETIME_TIMESTAMP_FILE": str(stamp), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"})
    fresh = pair.entra.token()
    expired = pair.entra.token(iat=now() - 4200, nbf=now() - 4200, exp=now() - 600)
    assert (pair.ask(fresh).status, pair.ask(expired).status) == (200, 401)
    shift("-1h")
    assert (pair.ask(fresh).status, pair.ask(expired).status) == (200, 401)
    assert re.search(r"is not authenticated: \(the clock was set back by 3\d\d\d s; once it is correct, reload mimo-api\): it expired", pair.server.log)
    pair.reload() # an operator says that this is the time
    assert (pair.ask(fresh).status, pair.ask(expired).status) == (401, 200)
    pair.server.process.kill() # libfaketime bends waits for conditions, too: an orderly end would not be one
    pair.server.process.wait()
