"""The one table of what can be built from modules: a new version, or a new plugin, is one row here and its `go.mod`."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import patches
from tools.toolchain.patches import Patch

MODULES = Path(__file__).resolve().parent / "modules"
"""The committed modules, each with its `go.sum`: the checksums are ours, so no checksum server is asked."""

STRIP = "-s -w"
"""Leave symbols and debug data out: it halves the binaries, and nobody debugs them here."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program that is built from modules.

    `directory` is where its output lies below the cache's `place`: parts that must be found beside each other
    share it. `cold_minutes` (two cores, downloads included) and `packages` are for the estimate alone.
    """

    name: str
    purpose: str
    version: str
    module: str
    package: str
    output: str
    directory: str
    cold_minutes: float
    packages: int
    ldflags: str = STRIP
    tags: str = ""
    source_module: str = ""
    """A module that is built from a copy of its own folder, because something in it has to be changed."""
    patch: Patch | None = None
    """What is changed in that copy."""
    scripts: tuple[str, ...] = ()
    """Files of the SDK's module copied beside the output, as paths below it."""
    static: bool = False
    """Linked with nothing of the machine that builds it (no cgo), so that it also runs in an image of its own."""
    place: str = "toolchain"
    modules: Path = MODULES
    """The folder that has `module`."""

    @property
    def folder(self) -> Path:
        """The committed module that pins this part and all below it."""
        return self.modules / self.module

    def fingerprint(self) -> str:
        """A hash of all that decides the output; Go's own version is left out, so a new Go rebuilds nothing."""
        decisive = (self.version, self.package, self.output, self.ldflags, self.tags, self.source_module, self.scripts)
        digest = hashlib.sha256(repr(decisive).encode())
        if self.static:
            digest.update(b"static")
        if self.patch is not None:
            digest.update(inspect.getsource(self.patch).encode())
        for file in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            digest.update(str(file.relative_to(self.folder)).encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()


_CLI = "3.250.0"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
"""Where the executor scripts lie; its version is the one `modules/cli/go.mod` resolves to."""

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            name="cli",
            purpose="the Pulumi CLI",
            version=_CLI,
            module="cli",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            output="pulumi",
            directory=f"pulumi-{_CLI}",
            # Without it the CLI says it has no version, and the SDK refuses to talk to it.
            ldflags=f"{STRIP} -X {SDK_MODULE}/go/common/version.Version=v{_CLI}",
            cold_minutes=6.5,
            packages=1900,
            scripts=(
                "python/cmd/pulumi-language-python-exec",
                "python/dist/pulumi-resource-pulumi-python",
            ),
        ),
        Part(
            name="language-host",
            purpose="Pulumi's Python language host",
            # The last release whose SDK module carries the host; it speaks to the CLI above.
            version="3.68.0",
            module="language-host",
            package="github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
            output="pulumi-language-python",
            # Beside the CLI: anywhere else, the CLI warns at each run that it took a host from PATH.
            directory=f"pulumi-{_CLI}",
            cold_minutes=0.4,
            packages=450,
        ),
        Part(
            name="random",
            purpose="the random provider plugin",
            version="4.21.4",
            module="random",
            package=".",
            output="pulumi-resource-random",
            directory="random-4.21.4",
            cold_minutes=3,
            packages=1500,
        ),
        Part(
            name="ferretdb",
            purpose="FerretDB, MongoDB's protocol over PostgreSQL",
            version="1.24.2",
            module="ferretdb",
            package="./cmd/ferretdb",
            output="ferretdb",
            directory="ferretdb-1.24.2-static",
            static=True,
            tags="ferretdb_no_sqlite",
            source_module="github.com/FerretDB/FerretDB",
            patch=patches.ferretdb,
            cold_minutes=2,
            packages=560,
        ),
        Part(
            name="kubernetes",
            purpose="the kubernetes provider plugin",
            version="4.25.0",
            module="kubernetes",
            package=".",
            output="pulumi-resource-kubernetes",
            directory="kubernetes-4.25.0",
            cold_minutes=10,
            packages=2300,
        ),
        Part(
            name="aws",
            purpose="the aws provider plugin",
            version="6.34.0",
            module="aws",
            package=".",
            output="pulumi-resource-aws",
            directory="aws-6.34.0",
            cold_minutes=20,
            packages=3000,
        ),
        Part(
            name="promtool",
            purpose="promtool, which tests the alerting rules",
            version="0.315.0",
            module="promtool",
            package="github.com/prometheus/prometheus/cmd/promtool",
            output="promtool",
            directory="promtool-0.315.0",
            cold_minutes=4,
            packages=1100,
        ),
    )
}
