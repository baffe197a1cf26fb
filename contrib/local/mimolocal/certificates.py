# SPDX-License-Identifier: Apache-2.0
"""The certificates that tasks bring to the practice clusters: PEM bundles in DIR/certificates, as operators of a real
fleet would put them into /etc/mimo/certificates.

A bundle NAME.pem has a private key, its certificate, and the intermediate authority that signed it. Only the
launcher can read it.
"""

import os
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import identities
from .practice import DOMAIN

LOGGING = "mdsd"
VALID = timedelta(days=90)


class Issuer:
    """An intermediate authority; its root is nowhere to be found, as with real ones."""

    def __init__(self, title="Practice intermediate"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(title)
        self.certificate = _sign(self.name, self.key, _name("Practice root"), ec.generate_private_key(ec.SECP256R1()),
                                 VALID, authority=True)

    def bundle(self, common_name, names=(), valid=VALID):
        """Key, certificate and chain as one PEM text; `valid` may lie in the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_name(common_name), key, self.name, self.key, valid, names)
        return pem_of_key(key) + pem_of(certificate) + pem_of(self.certificate)


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _sign(subject, key, issuer, issuer_key, valid, names=(), authority=False):
    now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1) - abs(valid))
               .not_valid_after(now + valid)
               .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem_of_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def pem_of(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Directory:
    """DIR/certificates."""

    def __init__(self, path):
        self.path = path

    def make(self):
        self.path.mkdir(mode=0o700, exist_ok=True)
        identities.hand_over(self.path, identities.LAUNCHER)

    def put(self, name, pem):
        """A new bundle in the place of the old one, in one step, as is to be done on a running system."""
        temporary = self.path / f".{name}.new"
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii") as file:
            file.write(pem)
        identities.hand_over(temporary, identities.LAUNCHER)
        os.replace(temporary, self.path / f"{name}.pem")

    def remove(self, name):
        (self.path / f"{name}.pem").unlink()

    def text(self, name):
        return (self.path / f"{name}.pem").read_text(encoding="ascii")

    def put_missing(self, issuer, name, *names):
        if not (self.path / f"{name}.pem").exists():
            self.put(name, issuer.bundle(names[0] if names else f"{name}.{DOMAIN}", names))

    def put_missing_of_cluster(self, issuer, uuid, domain):
        """What API server and ingress of a cluster are to have; `uuid` is that of its document."""
        self.put_missing(issuer, f"{uuid}-apiserver", f"api.{domain}")
        self.put_missing(issuer, f"{uuid}-ingress", f"*.apps.{domain}")
