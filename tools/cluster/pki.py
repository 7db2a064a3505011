"""The cluster's keys: one authority that signs for everybody, and a kubeconfig for each who has to log in.

They last a year, as the cluster hardly will. Made at the first start; a kept state keeps them.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tools.cluster import network
from tools.embedded import files

LIFE = dt.timedelta(days=365)
_BACKDATED = dt.timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who a certificate is for. Kubernetes reads the organization as a group, the common name as the user."""

    file: str
    """Its files' name in the folder."""
    name: str
    group: str = ""
    hosts: tuple[str, ...] = ()
    """Names and addresses that it answers for."""
    kubeconfig: bool = False


SUBJECTS = (
    Subject(
        file="apiserver",
        name="kube-apiserver",
        hosts=(
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "localhost",
            network.API_SERVICE,
            network.NODE_ADDRESS,
            "127.0.0.1",
        ),
    ),
    Subject(file="admin", name="admin", group="system:masters", kubeconfig=True),
    Subject(file="apiserver-kubelet-client", name="apiserver-kubelet-client", group="system:masters"),
    Subject(file="front-proxy-client", name="front-proxy-client"),
    Subject(file="controller-manager", name="system:kube-controller-manager", kubeconfig=True),
    Subject(file="scheduler", name="system:kube-scheduler", kubeconfig=True),
    Subject(file="proxy", name="system:kube-proxy", kubeconfig=True),
    Subject(
        file="kubelet",
        name=f"system:node:{network.NODE}",
        group="system:nodes",
        hosts=(network.NODE, network.NODE_ADDRESS),
        kubeconfig=True,
    ),
)


def make(folder: Path) -> None:
    """Make what is missing in `folder`: `ca`, `sa` (it signs service accounts' tokens), and each of `SUBJECTS`.

    Authority and subjects come and go together: a certificate of an earlier authority would be refused by all others.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = [folder / f"{one}.crt" for one in ("ca", *(subject.file for subject in SUBJECTS))]
    if not all(file.exists() for file in (*wanted, folder / "sa.pub")):
        _make_all(folder)
    for subject in SUBJECTS:
        if subject.kubeconfig:
            files.write(folder / f"{subject.file}.kubeconfig", kubeconfig(folder, subject), mode=0o600)


def kubeconfig(folder: Path, subject: Subject) -> str:
    """A kubeconfig with the certificates inside, so that the file works wherever it is copied to."""

    def encoded(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    return (
        "apiVersion: v1\nkind: Config\n"
        f"clusters: [{{name: socle, cluster: {{server: '{network.API}', "
        f"certificate-authority-data: {encoded('ca.crt')}}}}}]\n"
        f"users: [{{name: {subject.file}, user: {{client-certificate-data: {encoded(subject.file + '.crt')}, "
        f"client-key-data: {encoded(subject.file + '.key')}}}}}]\n"
        f"contexts: [{{name: socle, context: {{cluster: socle, user: {subject.file}}}}}]\n"
        "current-context: socle\n"
    )


def self_signed(name: str, host: str) -> tuple[str, str]:
    """A certificate that is its own authority, and its key, as PEM; `host` is the name it answers for, if any."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(Subject(file="", name=name, hosts=(host,) if host else ()), key, None, key)
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), _key_text(key)


def _make_all(folder: Path) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(Subject(file="ca", name="socle-cluster-authority"), authority_key, None, authority_key)
    tokens = ec.generate_private_key(ec.SECP256R1())
    _write_key(folder / "ca.key", authority_key)
    _write_key(folder / "sa.key", tokens)
    for subject in SUBJECTS:
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(folder / f"{subject.file}.key", key)
        _write_certificate(folder / f"{subject.file}.crt", _certificate(subject, key, authority, authority_key))
    public = tokens.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    files.write(folder / "sa.pub", public.decode())
    # Last: what was interrupted before is made again as a whole.
    _write_certificate(folder / "ca.crt", authority)


def _certificate(
    subject: Subject,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    name = _name(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(authority.subject if authority else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        # Python 3.13 verifies strictly: it wants to see what a key may do, and whose key signed.
        .add_extension(_usage(signs=authority is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if authority is not None:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        builder = builder.add_extension(issuer, critical=False)
    if subject.hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(subject.hosts)), critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(subject: Subject) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, subject.name)]
    if subject.group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.group))
    return x509.Name(parts)


def _alternatives(hosts: Sequence[str]) -> list[x509.GeneralName]:
    result: list[x509.GeneralName] = []
    for host in hosts:
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            result.append(x509.DNSName(host))
    return result


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    files.write(path, _key_text(key), mode=0o600)


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    files.write(path, certificate.public_bytes(serialization.Encoding.PEM).decode())
