"""The programs Socle runs but does not bring along: found, fetched or built, so that a machine needs only Python.

`ensure` is the way in; `binary` gives a program that is not Pulumi's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import build, environment, plugins, pulumi, wrapper
from tools.toolchain.pulumi import Source
from tools.toolchain.versions import PARTS

LOCAL = ("random", "postgresql")
"""The plugins of the local environment and its pull requests."""
KUBERNETES = ("random", "kubernetes")
"""The plugins of an environment on Kubernetes."""


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """What it takes to run Pulumi.

    `variables` are those to set, `env` is the whole environment with them; `pulumi` is the wrapper to run, `source`
    where the CLI behind it is from. `standins` names the plugins that are only stand-ins for the real ones.
    """

    pulumi: Path
    source: Source
    variables: dict[str, str]
    standins: tuple[str, ...]

    @property
    def env(self) -> dict[str, str]:
        """The whole environment for a subprocess."""
        return {**os.environ, **self.variables}


def ensure(parts: Iterable[str] = LOCAL) -> Toolchain:
    """Have the Pulumi CLI and the plugins `parts` (random, postgresql, kubernetes, aws) ready, and say how to run them.

    Warm, it needs no network and takes a few milliseconds. Raises ToolError with one message for a missing network, a
    full disk, a plugin that must be asked for, or a setting with a wrong value.
    """
    cli = pulumi.ensure()
    home = environment.home(os.environ)
    real = None if cli.source == "path" else cli.binary
    base = environment.variables(os.environ, home, real, [])
    had = [plugins.ensure(name, home, cli, {**os.environ, **base}) for name in parts]
    standins = tuple(plugin.name for plugin in had if plugin.stand_in)
    folders = [plugin.folder for plugin in had if plugin.folder]
    return Toolchain(
        pulumi=wrapper.write(cli.binary, home.path),
        source=cli.source,
        variables=environment.variables(os.environ, home, real, folders) if folders else base,
        standins=standins,
    )


def activate(parts: Iterable[str] = LOCAL) -> dict[str, str]:
    """The variables to set for running `pulumi` with the plugins `parts`; see `environment.exports` to print them."""
    return ensure(parts).variables


def binary(part: str) -> Path:
    """The program of a part such as `ferretdb`, built first where it has to be. Raises ToolError, or KeyError."""
    return build.build(PARTS[part].name)
