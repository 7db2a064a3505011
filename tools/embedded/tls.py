"""The embedded server's certificate and the authority that signed it, so that `verify-full` works on a laptop.

The authority's key stays with the user who runs Socle; the server's account gets its own key and certificate only.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tools.embedded import files
from tools.embedded.account import Account

HOST_NAMES = ("localhost", "host.docker.internal")
"""The second is how a container on a laptop reaches the laptop's loopback."""
ADDRESSES = ("127.0.0.1", "::1")
AUTHORITY_LIFE = dt.timedelta(days=3650)
SERVER_LIFE = dt.timedelta(days=820)
"""Apple's clients refuse a server certificate of more than 825 days."""
RENEW_BEFORE = dt.timedelta(days=30)
BACKDATED = dt.timedelta(hours=1)
"""A container's clock may lag behind the machine's."""


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


def ensure_certificates(private: Path, served: Path, account: Account, *, now: dt.datetime | None = None) -> bool:
    """Make or renew the authority in `private` (ca.pem, ca.key) and the server's pair in `served` (server.pem, .key).

    `served` exists and belongs to `account`, which gets both its files, the key 0600. Anything that ends within 30
    days, or can't be read, is made anew. Returns whether the server's pair changed: a running server must then reload.
    """
    moment = now or dt.datetime.now(dt.UTC)
    authority = _load(private / "ca.pem", private / "ca.key", moment)
    if authority is None:
        authority = make_authority(moment)
        files.write(private / "ca.key", authority.key_pem(), mode=0o600)
        files.write(private / "ca.pem", authority.certificate_pem())
    current = _load(served / "server.pem", served / "server.key", moment)
    if current is not None and _signed_by(current, authority):
        return False
    made = make_server(authority, moment)
    files.write(served / "server.key", made.key_pem(), mode=0o600, account=account)
    files.write(served / "server.pem", made.certificate_pem(), account=account)
    return True


def make_authority(now: dt.datetime) -> Certificate:
    """A certificate authority that can sign servers and nothing else, for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Socle local authority {now:%Y-%m-%d}")])
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(certificate, key)


def make_server(authority: Certificate, now: dt.datetime) -> Certificate:
    """A server certificate for this machine's own names, signed by `authority`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST_NAMES[0])])
    issuer = authority.certificate
    alternatives: list[x509.GeneralName] = [x509.DNSName(host) for host in HOST_NAMES]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    certificate = (
        _builder(name, issuer.subject, key.public_key(), now, SERVER_LIFE)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Certificate(certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load(certificate_file: Path, key_file: Path, now: dt.datetime) -> Certificate | None:
    """The pair, or None if it is missing, damaged, mismatched or about to end."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    if certificate.not_valid_after_utc - now < RENEW_BEFORE:
        return None
    return Certificate(certificate, key)


def _signed_by(server: Certificate, authority: Certificate) -> bool:
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # Whatever the reason, the pair is made anew.
        return False
    return True
