"""The embedded server's certificate and the authority that signed it, so that `verify-full` works on a laptop.

The authority's key stays with the user who runs Socle; the server's account gets its own key and certificate only.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tools.certificates import Certificate, ends_soon, load, make_authority, make_server
from tools.embedded import files
from tools.embedded.account import Account

HOST_NAMES = ("localhost", "host.docker.internal")
"""The second is how a container on a laptop reaches the laptop's loopback."""
ADDRESSES = ("127.0.0.1", "::1")
AUTHORITY = "Socle local authority"


def ensure_certificates(private: Path, served: Path, account: Account, *, now: dt.datetime | None = None) -> bool:
    """Make or renew the authority in `private` (ca.pem, ca.key) and the server's pair in `served` (server.pem, .key).

    `served` exists and belongs to `account`, which gets both its files, the key 0600. Anything that ends within 30
    days, or can't be read, is made anew. Returns whether the server's pair changed: a running server must then reload.
    """
    moment = now or dt.datetime.now(dt.UTC)
    authority = _load(private / "ca.pem", private / "ca.key", moment)
    if authority is None:
        authority = make_authority(AUTHORITY, moment)
        files.write(private / "ca.key", authority.key_pem(), mode=0o600)
        files.write(private / "ca.pem", authority.certificate_pem())
    current = _load(served / "server.pem", served / "server.key", moment)
    if current is not None and _signed_by(current, authority):
        return False
    made = make_server(authority, HOST_NAMES, moment, ADDRESSES)
    files.write(served / "server.key", made.key_pem(), mode=0o600, account=account)
    files.write(served / "server.pem", made.certificate_pem(), account=account)
    return True


def _load(certificate_file: Path, key_file: Path, now: dt.datetime) -> Certificate | None:
    """The pair, or None if it is missing, damaged, mismatched or about to end."""
    try:
        found = load(certificate_file.read_bytes(), key_file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return None if ends_soon(found.certificate, now) else found


def _signed_by(server: Certificate, authority: Certificate) -> bool:
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
    except Exception:  # Whatever the reason, the pair is made anew.
        return False
    return True
