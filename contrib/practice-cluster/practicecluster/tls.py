# SPDX-License-Identifier: Apache-2.0
"""The certificate authority of a directory, and what it signs.

One authority per directory; it signs a server certificate per cluster and run, and a client certificate per
cluster which is kept. On demand the server certificate is wrong in one chosen way, so that a client can
show that it notices.
"""

import ipaddress
import ssl
import threading
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import identity
from .files import write_private

WRONG_CERTIFICATES = ("expired", "wrong-name", "other-ca")
SERVER_CERTIFICATES = ("valid", *WRONG_CERTIFICATES)
LIFETIME = timedelta(days=365)
AUTHORITY_LIFETIME = timedelta(days=3650)
RENEW_BEFORE = timedelta(days=30)


def now():
    return datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)


class Authority:
    def __init__(self, key, certificate):
        self.key, self.certificate = key, certificate

    @classmethod
    def new(cls, title):
        key = _new_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
        builder = _builder(name, name, key, now() - timedelta(hours=1), now() + AUTHORITY_LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def of_directory(cls, directory):
        """The directory's authority, made at the first start; its certificate is `ca.crt`."""
        key_path, certificate_path = directory / "ca.key", directory / "ca.crt"
        if key_path.exists() and certificate_path.exists():
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
            return cls(key, x509.load_pem_x509_certificate(certificate_path.read_bytes()))
        authority = cls.new("practice cluster CA")
        write_private(key_path, key_pem(authority.key))
        write_private(certificate_path, certificate_pem(authority.certificate))
        return authority

    def sign(self, subject, key, usage, names=(), start=None, end=None):
        start, end = start or now() - timedelta(hours=1), end or now() + LIFETIME
        builder = _builder(subject, self.certificate.subject, key, start, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def has_signed(self, certificate):
        try:
            self.key.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                                         ec.ECDSA(certificate.signature_hash_algorithm))
        except Exception:  # whatever is wrong with it: a new one will be right
            return False
        return True


def server_certificate(authority, cluster_name, address, fault):
    """Key and certificate of a server, as PEM; `fault` is one of SERVER_CERTIFICATES."""
    names = [x509.DNSName("localhost"), x509.DNSName(f"api.{cluster_name}.practice.test"),
             *_addresses(("127.0.0.1", "::1", address))]
    start = end = None
    if fault == "expired":
        start, end = now() - LIFETIME, now() - timedelta(days=1)
    elif fault == "wrong-name":
        names = [x509.DNSName("wrong-name.practice.test")]
    elif fault == "other-ca":
        authority = Authority.new("some other CA")
    key = _new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"api.{cluster_name}.practice.test")])
    certificate = authority.sign(subject, key, ExtendedKeyUsageOID.SERVER_AUTH, names, start, end)
    return key_pem(key), certificate_pem(certificate)


def client_certificate(authority, cluster_name, directory):
    """Paths of the cluster's client key and certificate, made unless there are good ones."""
    key_path, certificate_path = directory / f"{cluster_name}-client.key", directory / f"{cluster_name}-client.crt"
    if key_path.exists() and certificate_path.exists():
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        if authority.has_signed(certificate) and certificate.not_valid_after > now() + RENEW_BEFORE:
            return key_path, certificate_path
    key = _new_key()
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.ADMIN_GROUP),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, cluster_name),
        x509.NameAttribute(NameOID.COMMON_NAME, identity.ADMIN.name)])
    certificate = authority.sign(subject, key, ExtendedKeyUsageOID.CLIENT_AUTH)
    write_private(key_path, key_pem(key))
    write_private(certificate_path, certificate_pem(certificate))
    return key_path, certificate_path


def logging_certificate():
    """Key and certificate as PEM texts, for the Secret that every fresh cluster has."""
    authority = Authority.new("practice logging")
    return key_pem(authority.key).decode(), certificate_pem(authority.certificate).decode()


class ServerCertificates:
    """What a cluster's server shows of itself: one certificate, and now and then a wrong one when told to."""

    def __init__(self, authority, directory, cluster_name, address, kind):
        self._authority, self._directory, self._cluster_name, self._address = authority, directory, cluster_name, address
        self._lock = threading.Lock()
        self._next = []
        self._wrong = {}
        self._usual = self._make(f"{cluster_name}-server", kind)

    def next_context(self):
        """For one connection."""
        with self._lock:
            return self._next.pop(0) if self._next else self._usual

    def show_next(self, fault):
        """The next connection gets a certificate with this fault."""
        with self._lock:
            if fault not in self._wrong:
                self._wrong[fault] = self._make(f"{self._cluster_name}-server-{fault}", fault)
            self._next.append(self._wrong[fault])

    def _make(self, file_name, kind):
        key, certificate = server_certificate(self._authority, self._cluster_name, self._address, kind)
        key_path, certificate_path = self._directory / f"{file_name}.key", self._directory / f"{file_name}.crt"
        write_private(key_path, key)
        write_private(certificate_path, certificate)
        return server_context(key_path, certificate_path, self._directory / "ca.crt")


def server_context(key_path, certificate_path, authority_path):
    """Client certificates are optional, but one that another authority signed ends the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_path, key_path)
    context.load_verify_locations(authority_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def certificate_pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _new_key():
    return ec.generate_private_key(ec.SECP256R1())


def _builder(subject, issuer, key, start, end):
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))


def _key_usage(signs_certificates):
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False)


def _addresses(texts):
    addresses = {ipaddress.ip_address(text) for text in texts}
    return [x509.IPAddress(address) for address in sorted(addresses, key=str) if not address.is_unspecified]
