"""The embedded server's certificates. That clients accept them is tests/database/test_embedded.py's to prove."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import stat
from pathlib import Path

import pytest
from cryptography import x509

from tools import certificates
from tools.embedded import tls
from tools.embedded.account import Account

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MYSELF = Account("me", os.geteuid(), os.getegid())


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    private, served = tmp_path / "private", tmp_path / "served"
    private.mkdir()
    served.mkdir()
    return private, served


def ensure(folders: tuple[Path, Path], now: dt.datetime = NOW) -> bool:
    return tls.ensure_certificates(*folders, MYSELF, now=now)


def test_the_server_has_every_name_it_is_called_by(folders: tuple[Path, Path]) -> None:
    assert ensure(folders)
    server = x509.load_pem_x509_certificate((folders[1] / "server.pem").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "host.docker.internal"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


def test_the_authority_lasts_ten_years_and_signs_no_authority(folders: tuple[Path, Path]) -> None:
    ensure(folders)
    authority = x509.load_pem_x509_certificate((folders[0] / "ca.pem").read_bytes())
    assert authority.not_valid_after_utc - NOW >= dt.timedelta(days=3650)
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)


def test_keys_are_their_owners_alone_and_the_authoritys_is_not_served(folders: tuple[Path, Path]) -> None:
    ensure(folders)
    for key in (folders[0] / "ca.key", folders[1] / "server.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(found.name for found in folders[1].iterdir()) == ["server.key", "server.pem"]


def test_a_second_run_changes_nothing(folders: tuple[Path, Path]) -> None:
    ensure(folders)
    before = {path: path.read_bytes() for folder in folders for path in folder.iterdir()}
    assert not ensure(folders)
    assert before == {path: path.read_bytes() for folder in folders for path in folder.iterdir()}


def test_the_server_is_renewed_before_it_ends_and_the_authority_stays(folders: tuple[Path, Path]) -> None:
    ensure(folders)
    authority = (folders[0] / "ca.pem").read_bytes()
    assert not ensure(folders, NOW + certificates.SERVER_LIFE - dt.timedelta(days=31))
    assert ensure(folders, NOW + certificates.SERVER_LIFE - dt.timedelta(days=29))
    assert (folders[0] / "ca.pem").read_bytes() == authority


def test_with_the_authority_the_server_is_renewed_too(folders: tuple[Path, Path]) -> None:
    ensure(folders)
    assert ensure(folders, NOW + certificates.AUTHORITY_LIFE - dt.timedelta(days=29))


@pytest.mark.parametrize("damaged", ["ca.pem", "ca.key"])
def test_a_damaged_authority_is_made_anew_with_its_server(folders: tuple[Path, Path], damaged: str) -> None:
    ensure(folders)
    (folders[0] / damaged).write_text("half a fi")
    assert ensure(folders)
    assert not ensure(folders)


def test_a_server_of_another_authority_is_made_anew(folders: tuple[Path, Path], tmp_path: Path) -> None:
    ensure(folders)
    for path in folders[0].iterdir():
        path.unlink()
    assert ensure(folders)
