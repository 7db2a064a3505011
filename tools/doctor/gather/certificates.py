"""Whether an authority's certificates verify a server's. Pure but for the clock."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID

from tools.doctor.facts import Trust


def verify(authority: str, server: str, host: str) -> Trust:
    """Whether one of the PEM certificates in `authority` signed the one in `server`, which names `host`."""
    try:
        trusted = x509.load_pem_x509_certificates(authority.encode())
        shown = x509.load_pem_x509_certificate(server.encode())
    except ValueError:
        return Trust(there=True, verifies=False, reason="it holds no certificate")
    reason = _problem(trusted, shown, host)
    return Trust(there=True, verifies=not reason, reason=reason)


def _problem(trusted: list[x509.Certificate], shown: x509.Certificate, host: str) -> str:
    now = datetime.now(UTC)
    signers = [one for one in trusted if _signed(one, shown)]
    if not signers:
        return "it did not sign the server's certificate: another authority's"
    if shown.not_valid_after_utc < now:
        return f"the server's certificate ended on {shown.not_valid_after_utc:%Y-%m-%d}"
    if all(one.not_valid_after_utc < now for one in signers):
        return f"the authority's certificate ended on {signers[0].not_valid_after_utc:%Y-%m-%d}"
    if host not in _names(shown):
        return f"the server's certificate doesn't name {host}"
    return ""


def _signed(authority: x509.Certificate, shown: x509.Certificate) -> bool:
    try:
        shown.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _names(shown: x509.Certificate) -> list[str]:
    try:
        found = shown.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return []
    assert isinstance(found.value, x509.SubjectAlternativeName)  # noqa: S101 - by its OID
    return found.value.get_values_for_type(x509.DNSName)
