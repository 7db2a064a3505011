"""Reads what `go` says when it fails: is it the network, will it pass, and what to tell the user in one message."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from tools.errors import ToolError

# Faults that may be gone a few seconds later.
_PASSING = re.compile(
    r"i/o timeout|TLS handshake timeout|connection reset|unexpected EOF|\bEOF$|context deadline exceeded"
    r"|Client\.Timeout|temporary failure|server misbehaving|50[0234] |429 Too Many|stream error|broken pipe",
    re.IGNORECASE | re.MULTILINE,
)
# Faults of the network, or of what is allowed on it, that another try won't change.
_STANDING = re.compile(
    r"no such host|connection refused|network is unreachable|no route to host|dial tcp|proxyconnect|x509:"
    r"|40[137] |404 Not Found|410 Gone|refusing to pass credentials|module lookup disabled"
    r"|GOPROXY list is not the empty string",
    re.IGNORECASE,
)
_SPACE = re.compile(r"no space left on device", re.IGNORECASE)
_KILLED = re.compile(r"signal: killed", re.IGNORECASE)


def is_passing(output: str) -> bool:
    """Whether `output` shows a fault of the network that is worth another try."""
    return bool(_PASSING.search(output))


def explain(what: str, output: str, attempts: int, environ: Mapping[str, str] | None = None) -> ToolError:
    """The one message for a failed build of `what`, from all that `go` printed: what was tried, what is in the way."""
    environ = os.environ if environ is None else environ
    if _SPACE.search(output):
        return ToolError(
            f"The disk became full while building {what}; what is compiled already is kept.",
            "free some space and run the command again, or set XDG_CACHE_HOME to a larger disk",
        )
    if _KILLED.search(output):
        return ToolError(
            f"The compiler was killed while building {what}, most likely for want of memory.",
            "close other programs and run the command again, with GOMAXPROCS=1 if it recurs",
        )
    if _PASSING.search(output) or _STANDING.search(output):
        proxy = without_password(environ.get("GOPROXY") or "Go's default")
        times = "once" if attempts == 1 else f"{attempts} times"
        return ToolError(
            f"Building {what} needs Go modules that are not on this machine, and they can't be fetched.\n"
            f"  tried: the module proxy {proxy}, {times}; a release of Pulumi on PATH or by download comes first\n"
            f"  in the way: {_telling(output)}",
            "set GOPROXY (and HTTPS_PROXY, SSL_CERT_FILE) to what this network has, put `pulumi` on PATH, or copy the "
            "cache from a machine that has it: docs/offline.md",
        )
    return ToolError(
        f"Building {what} failed:\n  " + "\n  ".join(output.strip().splitlines()[-8:]),
        "run the command again; if it fails the same way, report these lines",
    )


def without_password(text: str) -> str:
    """`text` with the user and password of each URL in it taken out."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)


def _telling(output: str) -> str:
    """The line of `output` that names the fault, shortened."""
    lines = [line.strip() for line in output.splitlines() if _PASSING.search(line) or _STANDING.search(line)]
    return without_password(lines[-1])[:300]
