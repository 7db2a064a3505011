"""What the embedded servers write and fetch, without running them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import stat
import tarfile
from pathlib import Path

import pytest

from tools.embedded import binaries, download, ferretdb, files, valkey
from tools.embedded.ports import free_port
from tools.errors import ToolError


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    made = files.secret(tmp_path / "password")
    assert len(made) == 32
    assert files.secret(tmp_path / "password") == made
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


def test_write_says_whether_anything_changed(tmp_path: Path) -> None:
    assert files.write(tmp_path / "a", "1")
    assert not files.write(tmp_path / "a", "1")
    assert files.write(tmp_path / "a", "2")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "package.tgz"
    file.write_bytes(b"other bytes")
    right = base64.b64encode(hashlib.sha512(b"other bytes").digest()).decode()
    download.verify(file, f"sha512-{right}")
    with pytest.raises(ToolError, match="not the file that was pinned"):
        download.verify(file, f"sha512-{right[::-1]}")


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fetch(scratch: Path, say: binaries.Report) -> Path:
        (scratch / "half").write_text("x")
        raise ToolError("no network")

    with pytest.raises(ToolError, match="no network"):
        binaries._once(tmp_path / "18.4", "PostgreSQL", fetch)
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []


def tarball(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def test_a_package_is_unpacked_with_modes_that_another_account_can_use(tmp_path: Path) -> None:
    program, plain = tarfile.TarInfo("package/bin/initdb"), tarfile.TarInfo("package/LICENSE")
    program.mode, plain.mode = 0o700, 0o600
    download._unpack(tarball(tmp_path / "p.tgz", program, plain), tmp_path)
    assert stat.S_IMODE((tmp_path / "package/bin/initdb").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "package/LICENSE").stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "package/../../outside"])
def test_a_package_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolError, match="no plain file below"):
        download._unpack(tarball(tmp_path / "p.tgz", tarfile.TarInfo(name)), tmp_path / "into")


def test_a_package_with_a_link_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("package/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(ToolError, match="no plain file below"):
        download._unpack(tarball(tmp_path / "p.tgz", link), tmp_path)


def test_links_are_made_as_listed_and_stay_inside(tmp_path: Path) -> None:
    native = tmp_path / "package" / "native"
    (native / "lib").mkdir(parents=True)
    (native / "lib" / "libpq.so.5.18").write_text("library")
    listed = [{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}]
    (native / "pg-symlinks.json").write_text(json.dumps(listed))
    binaries.make_links(tmp_path / "package")
    assert (native / "lib" / "libpq.so.5").readlink() == Path("libpq.so.5.18")
    (native / "pg-symlinks.json").write_text(json.dumps([{"source": "/etc/passwd", "target": "native/lib/x"}]))
    with pytest.raises(ToolError, match="outside"):
        binaries.make_links(tmp_path / "package")


def test_the_caches_own_users_are_set_and_the_others_kept() -> None:
    existing = (
        "user default on nopass ~* &* +@all\nuser city-api on #ab ~city-api:* +@all\nuser socle-admin on #cd ~*\n"
    )
    lines = valkey.merge_users(existing, "new").splitlines()
    assert lines[0].startswith("user default off ")
    assert lines[1] == f"user socle-admin on #{hashlib.sha256(b'new').hexdigest()} ~* &* +@all"
    assert lines[2:] == ["user city-api on #ab ~city-api:* +@all"]
    assert valkey.merge_users(valkey.merge_users(existing, "new"), "new") == valkey.merge_users(existing, "new")


def unit(**changes: object) -> ferretdb.FerretUnit:
    values: dict[str, object] = {
        "stack": "local", "app": "penpal", "port": 27017, "postgresql_url": "postgres://penpal:s3cret@localhost/penpal",
        "username": "penpal", "password": "mongo-s3cret", "binary": "/opt/ferretdb",
    }  # fmt: skip
    return ferretdb.FerretUnit(**(values | changes))  # type: ignore[arg-type]


def test_a_document_server_listens_on_loopback_and_asks_for_a_password() -> None:
    said = ferretdb.environment(unit())
    assert said["FERRETDB_LISTEN_ADDR"] == "127.0.0.1:27017"
    assert said["FERRETDB_TEST_ENABLE_NEW_AUTH"] == "true"
    assert said["FERRETDB_TELEMETRY"] == "disable"


def test_a_document_server_that_can_not_reach_its_database_is_still_recorded_privately(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="can't prepare its database"):
        ferretdb.start(tmp_path, unit(port=free_port(), postgresql_url="postgres://penpal:s3cret@127.0.0.1:1/penpal"))
    assert ferretdb.recorded(tmp_path) == ["local-penpal"]
    assert stat.S_IMODE((tmp_path / "services" / "ferretdb-local-penpal.json").stat().st_mode) == 0o600
    ferretdb.remove(tmp_path, "local-penpal")
    assert list((tmp_path / "services").iterdir()) == []


def test_a_document_servers_error_holds_no_password(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        ferretdb.start(tmp_path, unit(port=free_port(), postgresql_url="postgres://penpal:s3cret@127.0.0.1:1/penpal"))
    assert "s3cret" not in str(caught.value)


def test_each_document_server_has_its_own_port(tmp_path: Path) -> None:
    first = ferretdb.choose_port(tmp_path, "local-a", 28017)
    with pytest.raises(ToolError):
        ferretdb.start(tmp_path, unit(app="a", port=first, postgresql_url="postgres://x@127.0.0.1:1/x"))
    assert ferretdb.choose_port(tmp_path, "local-a", 1024) == first
    assert ferretdb.choose_port(tmp_path, "local-b", first) > first


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-a"])
def test_a_document_servers_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolError, match="can't be"):
        ferretdb.read(tmp_path, name)
