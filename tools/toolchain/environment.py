"""The variables that make `pulumi` work for this checkout, in our commands and in the user's own shell."""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools import paths
from tools.toolchain import plugins, search_path

ACTIVE = "SOCLE_ACTIVE"
"""The home whose variables a shell has taken over, so that ours, coming back to us, are not taken for the user's."""

_ALWAYS = {
    "PULUMI_SKIP_UPDATE_CHECK": "1",
    # The salt of the passphrase lives in the state: Pulumi.<environment>.yaml is committed, and shared by people who
    # each have a passphrase of their own.
    "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    "PULUMI_DIY_BACKEND_NO_LEGACY_WARNING": "1",
    # The program and the providers are many short Python processes: what they compile is kept, whatever the shell says.
    "PYTHONDONTWRITEBYTECODE": "",
}


def home(environ: Mapping[str, str]) -> plugins.Home:
    """The CLI's home: the user's where they say so or are logged in to a backend, else one of ours in the cache."""
    ours = paths.cache() / "pulumi-home"
    chosen = _users(environ, "PULUMI_HOME", str(ours))
    if chosen:
        return plugins.Home(path=Path(chosen), shared=True)
    backend = _users(environ, "PULUMI_BACKEND_URL", backend_url(paths.home()))
    if backend and not backend.startswith("file:"):
        # Their login to that backend is kept in the home they use every day.
        return plugins.Home(path=Path.home() / ".pulumi", shared=True)
    return plugins.Home(path=ours, shared=False)


def backend_url(socle_home: Path) -> str:
    """The state's place, as the CLI wants it said.

    Without the sidecar files (`.attrs`) that the file backend keeps by default: unlike the state itself they are
    written in place, and a kill in that moment leaves an empty one, with which no stack can be read (`error: EOF`;
    gocloud.dev 0.46, blob/fileblob/attrs.go). Nothing reads what they say.
    """
    return f"file://{socle_home}/state?metadata=skip"


def variables(
    environ: Mapping[str, str], cli_home: plugins.Home, real: Path | None, plugin_folders: Sequence[Path]
) -> dict[str, str]:
    """The variables to set on top of `environ`; makes the folders and the passphrase they point to.

    `real` is the CLI where it has to be on PATH (it is not, when it is the user's), `plugin_folders` go there as well.
    What the user has set is left as it is: their home, backend and passphrase. Another secrets provider is named in the
    stack's own settings, and the CLI then never reads the passphrase.
    """
    socle_home = paths.private_dir(paths.home())
    result = {
        **_ALWAYS,
        ACTIVE: str(socle_home),
        plugins.CHECKOUT: str(paths.ROOT),
        "PATH": _path(environ, real, plugin_folders),
        "PULUMI_HOME": str(cli_home.path),
    }
    backend = backend_url(socle_home)
    if not _users(environ, "PULUMI_BACKEND_URL", backend):
        paths.private_dir(socle_home / "state")
        result["PULUMI_BACKEND_URL"] = backend
    passphrase = socle_home / "passphrase"
    of_the_user = "PULUMI_CONFIG_PASSPHRASE" in environ or _users(
        environ, "PULUMI_CONFIG_PASSPHRASE_FILE", str(passphrase)
    )
    if not of_the_user:
        ensure_passphrase(passphrase)
        result["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase)
    return result


def ensure_passphrase(file: Path) -> None:
    """Make the passphrase, 32 random bytes, unless it is there. Two processes at once end up with one and the same."""
    if file.exists():
        return
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(base64.urlsafe_b64encode(os.urandom(32)))
        handle.flush()
        os.fsync(handle.fileno())  # a state encrypted with a passphrase that a power cut took is lost
    # A link, unlike a rename, never replaces a passphrase that something may be encrypted with by now.
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(unfinished)
    unfinished.unlink()


def exports(values: Mapping[str, str]) -> str:
    """`values` as lines for `eval "$(make -s env)"`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def _path(environ: Mapping[str, str], real: Path | None, plugin_folders: Iterable[Path]) -> str:
    """The wrapper first, then the venv (the offline language host takes the first `python`), ours, and the user's."""
    ours = [paths.home() / "bin", paths.VENV / "bin", *([real.parent] if real else []), *plugin_folders]
    before = f"{environ[ACTIVE]}/bin" if environ.get(ACTIVE) else ""
    users = [each for each in search_path.users_folders(environ.get("PATH") or os.defpath) if each != before]
    return os.pathsep.join([*map(str, ours), *users])


def _users(environ: Mapping[str, str], name: str, ours: str) -> str:
    """The value the user gave `name`, or nothing where it is unset or came from an earlier activation of ours."""
    value = environ.get(name, "")
    active = environ.get(ACTIVE)
    from_before = {backend_url(Path(active)), str(Path(active) / "passphrase")} if active else set()
    return "" if value == ours or value in from_before else value
