# SPDX-License-Identifier: Apache-2.0
"""Logging in with TLS client certificates: whose are accepted, which are not, and what a reload changes."""

import os
import signal
import socket
import ssl
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from api_server import FLAGS, PATIENCE, USER, ApiServer, receive, wait_for
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from mimolocal.certificates import pem_of, pem_of_key

CLIENT, SERVER, ANY = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
ATTRIBUTES = {"CN": NameOID.COMMON_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "O": NameOID.ORGANIZATION_NAME}
DAY = timedelta(days=1)
OPERATOR = {"O": "Example", "OU": "Fleet", "CN": "deploy"} # in the order of the certificate
SUBJECT = "CN=deploy,OU=Fleet,O=Example"                   # in that of RFC 4514


def name_of(members):
    return x509.Name([x509.NameAttribute(ATTRIBUTES[key], value) for key, value in members.items()])


class Authority:
    """A root, or what another authority made one."""

    def __init__(self, title, above=None, days=30):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name, self.above = name_of({"CN": title}), above
        signer = above or self
        self.certificate = self._build(self.name, self.key, signer, days, True, None, hashes.SHA256())

    @staticmethod
    def _build(subject, key, signer, days, authority, purposes, digest):
        now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
        begin, end = (now - DAY, now + days * DAY) if days > 0 else (now + days * DAY - DAY, now + days * DAY)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(signer.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return builder.sign(signer.key, digest)

    def client(self, path, subject=None, days=10, purposes=(CLIENT, ), authority=False, key=None, digest=None, chain=()):
        """Writes a PEM file with certificate, chain and key; returns its path."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = subject if isinstance(subject, x509.Name) else name_of(OPERATOR if subject is None else subject)
        certificate = self._build(subject, key, self, days, authority, list(purposes), digest or hashes.SHA256())
        path.write_text(pem_of(certificate) + "".join(pem_of(each.certificate) for each in chain) + pem_of_key(key))
        return path


class Site:
    """A server, its authorities, and requests with certificates."""

    def __init__(self, build_dir, ways="token-file client-cert"):
        self.root = Authority("Practice client root")
        self.directory = tempfile.TemporaryDirectory(prefix="mimo-clients-")
        directory = Path(self.directory.name)
        directory.chmod(0o755) # the server is another user
        self.ca, self.clients = directory / "ca.pem", directory / "clients"
        self.server = ApiServer(build_dir, set={"api.auth": ways, "api.client_ca": self.ca, "api.client_file": self.clients})
        self.trust(self.root)
        self.allow(f"operator:{SUBJECT}", "reader:CN=look")

    def trust(self, *authorities):
        self.ca.write_text("".join(pem_of(each.certificate) for each in authorities))
        self.ca.chmod(0o644)

    def allow(self, *lines):
        self.clients.write_text("# role:subject\n" + "".join(line + "\n" for line in lines))
        self.clients.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(self.clients, USER, USER)

    def ask(self, pem=None, method="GET", target="/admin/tasks", token=None, body=b"", version=None):
        """(status, whole answer) of one request."""
        context = ssl.create_default_context(cafile=self.server.directory / "api.crt")
        if version:
            context.minimum_version = context.maximum_version = version
        if pem:
            context.set_ciphers("DEFAULT:@SECLEVEL=0") # the server is to judge, not we
            context.load_cert_chain(pem)
        head = f"{method} {target}?api-version=admin HTTP/1.1\r\nHost: x\r\n"
        head += f"Authorization: Bearer {token}\r\n" if token else ""
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        plain = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(head.encode() + b"\r\n" + body)
            answer, _ = receive(connection)
        assert answer.startswith(b"HTTP/1.1 "), answer
        return int(answer[9:12]), answer.decode()

    def reload(self):
        before = self.server.log.count("credentials were reloaded")
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.server.log.count("credentials were reloaded") > before, "the reload")


@pytest.fixture(scope="module")
def site(build_dir):
    made = Site(build_dir)
    with made.server:
        yield made


@pytest.fixture
def own_site(build_dir, request):
    made = []

    def make(**arguments):
        made.append(Site(build_dir, **arguments))
        return made[-1]

    yield make
    for each in made:
        each.server.end(keep=getattr(request.node, "failed", True))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_subject_decides_the_role(site, tmp_path, version):
    operator = site.root.client(tmp_path / "operator.pem")
    reader = site.root.client(tmp_path / "reader.pem", {"CN": "look"})
    cluster = site.server.register()
    body = f'{{"maintenanceTaskID": "{FLAGS}"}}'.encode()
    target = f"/admin{cluster}/maintenanceManifests"
    assert site.ask(reader, version=version)[0] == 200
    status, answer = site.ask(reader, "PUT", target, body=body, version=version)
    assert status == 403 and "cert:CN=look (role reader) needs the role operator" in answer
    status, answer = site.ask(operator, "PUT", target, body=body, version=version)
    assert status == 201
    request_id = next(line.split(": ")[1] for line in answer.splitlines() if line.lower().startswith("x-ms-request-id"))
    assert site.server.audit(request_id)["actor"] == f"cert:{SUBJECT}"
    assert site.ask(operator, "PUT", f"/admin{cluster}", body=b'{"properties": {}}', version=version)[0] == 403


def test_without_a_certificate_other_ways_go_on(site):
    assert site.ask(token=site.server.tokens["reader"])[0] == 200
    status, answer = site.ask()
    assert status == 401 and "\r\nWWW-Authenticate: Bearer\r\n" in answer
    assert "or a TLS client certificate" in answer


def test_a_token_counts_before_the_certificate(site, tmp_path):
    pem = site.root.client(tmp_path / "operator.pem")
    assert site.ask(pem, "PUT", f"/admin{site.server.register()}", token=site.server.tokens["admin"],
                    body=b'{"properties": {"x": 1}}')[0] == 200
    assert site.ask(pem, token="wrong")[0] == 401


def test_a_chain_over_an_authority_in_between_is_followed(site, tmp_path):
    between = Authority("Between", site.root)
    assert site.ask(between.client(tmp_path / "with.pem", chain=[between]))[0] == 200
    assert site.ask(between.client(tmp_path / "without.pem"))[0] == 401


LONG = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, letter * 60) for letter in "abcd"])


def weak_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


BAD = {
    "of another authority": (lambda root, path: Authority("Other").client(path), "issuer"),
    "of another authority of the same name": (lambda root, path: Authority("Practice client root").client(path), "NOT trusted"),
    "signed by itself": (lambda root, path: Authority("deploy").client(path), "NOT trusted"),
    "expired": (lambda root, path: root.client(path, days=-1), "expired"),
    "for servers": (lambda root, path: root.client(path, purposes=[SERVER]), "clientAuth"),
    "for any purpose": (lambda root, path: root.client(path, purposes=[ANY]), "clientAuth"),
    "without a purpose": (lambda root, path: root.client(path, purposes=()), "clientAuth"),
    "an authority itself": (lambda root, path: root.client(path, authority=True), "is an authority"),
    "with a weak key": (lambda root, path: root.client(path, key=weak_key()), "insecure"),
    "with a weak signature": (lambda root, path: root.client(path, digest=hashes.SHA1()), "insecure"),
    "without a subject": (lambda root, path: root.client(path, {}), "its subject cannot be read"),
    "with a subject that nobody allowed": (lambda root, path: root.client(path, {"CN": "deploy"}),
                                           '"CN=deploy" is not in api.client_file'),
    "with a subject in another order": (lambda root, path: root.client(path, dict(reversed(OPERATOR.items()))),
                                        "is not in api.client_file"),
    "with a subject in another case": (lambda root, path: root.client(path, {**OPERATOR, "CN": "Deploy"}), "is not in api.client_file"),
    "with an attribute that looks like more": (lambda root, path: root.client(path, {"CN": SUBJECT.removeprefix("CN=")}),
                                               "is not in api.client_file"),
    "with a subject that is too long": (lambda root, path: root.client(path, LONG), "longer than 240 bytes"),
    "of an authority that expired": (lambda root, path: expired_chain(root, path), "expired"),
    "with nine others behind it": (lambda root, path: root.client(path, chain=[root] * 9), "1 to 8 are allowed"),
}


def expired_chain(root, path):
    between = Authority("Expired", root, days=-1)
    return between.client(path, chain=[between])


@pytest.mark.filterwarnings("ignore:SHA1 signatures")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_certificate_is_401_and_only_the_log_says_why(site, tmp_path, name):
    make, reason = BAD[name]
    before = len(site.server.log)
    pem = make(site.root, tmp_path / "client.pem")
    status, answer = site.ask(pem)
    assert status == 401 and "the client certificate is not accepted" in answer
    assert "\r\nWWW-Authenticate: Bearer\r\n" in answer
    said = site.server.log[before:]
    assert "is not authenticated: " in said and reason in said, said
    assert site.ask(pem, token=site.server.tokens["reader"])[0] == 200


def test_a_certificate_without_its_key_is_worth_nothing(site, tmp_path):
    pem = site.root.client(tmp_path / "client.pem")
    other = tmp_path / "other.pem"
    other.write_text(pem_of_key(ec.generate_private_key(ec.SECP256R1())))
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{site.server.port}", "-cert", pem, "-key", other],
                          input=b"GET /admin/tasks?api-version=admin HTTP/1.0\r\n\r\n", capture_output=True, timeout=30)
    assert b"200 OK" not in done.stdout


@pytest.mark.parametrize("subject", [
    {"CN": "a,b+c=\"d\"<e>;f\\g"}, {"CN": " blank at both ends "}, {"CN": "#hash"}, {"O": "Bäcker & Söhne", "CN": "Ann Ä"},
])
def test_subjects_are_spelt_as_openssl_spells_them(site, tmp_path, subject):
    pem = site.root.client(tmp_path / "client.pem", subject)
    done = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8", "-in", pem], check=True,
                          capture_output=True, text=True)
    site.allow(f"reader:{done.stdout.removeprefix('subject=').rstrip(chr(10))}")
    try:
        site.reload()
        assert site.ask(pem)[0] == 200
    finally:
        site.allow(f"operator:{SUBJECT}", "reader:CN=look")
        site.reload()


def test_authorities_and_subjects_are_read_again(own_site, tmp_path):
    site = own_site()
    pem = site.root.client(tmp_path / "old.pem")
    other = Authority("Other")
    new = other.client(tmp_path / "new.pem")
    site.server.start()
    assert (site.ask(pem)[0], site.ask(new)[0]) == (200, 401)
    site.trust(other)
    site.reload()
    assert (site.ask(pem)[0], site.ask(new)[0]) == (401, 200)
    site.allow("admin:CN=somebody")
    site.reload()
    assert site.ask(new)[0] == 401
    site.allow("king:CN=somebody") # a mistake changes nothing
    site.reload()
    assert "except for one file, whose previous content stays in force" in site.server.log and "clients:2: the text before the first colon" in site.server.log
    site.allow(f"reader:{SUBJECT}")
    site.reload()
    assert site.ask(new)[0] == 200


@pytest.mark.parametrize("break_it, message", [
    (lambda site: site.ca.unlink(), "cannot read the authorities of client certificates (api.client_ca)"),
    (lambda site: site.ca.write_text("nothing"), "api.client_ca: "),
    (lambda site: site.clients.unlink(), "cannot read the roles of client certificates (api.client_file): cannot "),
    (lambda site: site.clients.chmod(0o666), "is writable by users other than its owner: chmod go-w"),
    (lambda site: site.allow("operator"), "clients:2: a line is role:subject"),
    (lambda site: site.allow("operator:deploy"), "clients:2: \"deploy\" is not a subject"),
    (lambda site: site.allow("reader:CN=a", "admin:CN=a"), "clients:3: duplicate subject \"CN=a\""),
    (lambda site: site.allow("operator:CN=" + "x" * 300), "is not a subject of at most 240 bytes"),
])
def test_files_that_are_wrong_keep_it_from_starting(own_site, break_it, message):
    site = own_site()
    break_it(site)
    assert site.server.spawn().wait(30) == 1
    assert message in site.server.log


def test_client_certificates_alone_open_no_other_way(own_site, tmp_path):
    site = own_site(ways="client-cert")
    site.server.start()
    assert site.ask(site.root.client(tmp_path / "client.pem"))[0] == 200
    assert site.ask(token=site.server.tokens["admin"])[0] == 401


# ---- mimoctl ----

def mimoctl(site, home, *arguments, status=0, **environment):
    done = subprocess.run([site.server.build / "mimoctl", "task", "list", *arguments], text=True, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL,
                          env={"HOME": str(home), "PATH": os.environ["PATH"], "MIMO_URL": site.server.url,
                               "MIMO_CACERT": str(site.server.directory / "api.crt"), **environment})
    assert done.returncode == status, done.stdout + done.stderr
    return done


def split(pem):
    """The same as two files: certificates, key."""
    certificates, _, key = pem.read_text().partition("-----BEGIN PRIVATE KEY")
    pem.with_suffix(".crt").write_text(certificates)
    pem.with_suffix(".key").write_text("-----BEGIN PRIVATE KEY" + key)
    pem.with_suffix(".key").chmod(0o600)
    return pem.with_suffix(".crt"), pem.with_suffix(".key")


def test_mimoctl_logs_in_with_a_certificate(site, tmp_path):
    pem = site.root.client(tmp_path / "ann.pem")
    pem.chmod(0o600)
    certificate, key = split(pem)
    for arguments, environment in (((), {"MIMO_CLIENT_CERT": str(pem)}), (("--cert", pem), {"MIMO_TOKEN": "not sent"}),
                                   (("--cert", certificate, "--key", key), {}),
                                   ((), {"MIMO_CLIENT_CERT": str(certificate), "MIMO_CLIENT_KEY": str(key)})):
        done = mimoctl(site, tmp_path, *arguments, **environment)
        assert "operator-flags" in done.stdout and done.stderr.startswith("mimoctl: next: ")
    (tmp_path / ".config/mimo").mkdir(parents=True)
    (tmp_path / ".config/mimo/config").write_text(f"[region lab]\nurl = {site.server.url}\ncacert = {site.server.directory}/api.crt\n"
                                                  "client_cert = ~/ann.crt\nclient_key = ~/ann.key\n")
    assert "operator-flags" in mimoctl(site, tmp_path, "--location", "lab", MIMO_URL="").stdout


def test_mimoctl_says_which_certificate_was_refused(site, tmp_path):
    pem = Authority("Other").client(tmp_path / "ann.pem")
    done = mimoctl(site, tmp_path, "--cert", pem, status=3)
    assert f"does not accept the client certificate {pem} (--cert)" in done.stderr
    assert f"other users can read the key in {pem}; run chmod 600 {pem}" in done.stderr
    _, key = split(site.root.client(tmp_path / "other.pem"))
    done = mimoctl(site, tmp_path, "--cert", pem, "--key", key, status=3)
    assert "both must be PEM, the key without a pass phrase and made for the certificate; check --cert and --key" in done.stderr


def test_mimoctl_asks_for_no_password(site, tmp_path):
    certificate, key = split(site.root.client(tmp_path / "ann.pem"))
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:secret"], check=True)
    done = mimoctl(site, tmp_path, "--cert", certificate, "--key", locked, status=3)
    assert "the key without a pass phrase" in done.stderr
