"""What the user told pip, said again to uv: behind a closed network, pip's settings are where the mirror is written.

Standard library only: the bootstrap reads them before any package is there.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Mapping
from pathlib import Path

# pip's name, uv's variable. uv's own variables win: whoever set them meant uv.
_TRANSLATION = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
# The older names that uv still reads; setting the newer beside them would override the user.
_OLDER = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def config_files(environ: Mapping[str, str]) -> list[Path]:
    """pip's configuration files, least to most important, whether they exist or not."""
    home = Path(environ.get("HOME") or Path.home())
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf"]
    if environ.get("PIP_CONFIG_FILE"):
        files.append(Path(environ["PIP_CONFIG_FILE"]))
    return files


def _from_files(files: Iterable[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip says itself what is wrong with its own file
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    return found


def for_uv(environ: Mapping[str, str], files: Iterable[Path] | None = None) -> dict[str, str]:
    """The variables that make uv use the index, mirror and certificate that pip is set to; empty when pip has none.

    A variable that `environ` already sets for uv is never among them. `files` replaces pip's usual configuration files.
    """
    settings = _from_files(config_files(environ) if files is None else files)
    for name in _TRANSLATION:
        value = environ.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            settings[name] = value
    result = {}
    for name, variable in _TRANSLATION.items():
        taken = environ.get(variable) or environ.get(_OLDER.get(variable, ""))
        if settings.get(name) and not taken:
            result[variable] = ("," if name == "find-links" else " ").join(settings[name].split())
    return result
