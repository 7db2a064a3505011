"""A provider: a name, a table of resource types, and what it does with its configuration."""

from __future__ import annotations

from collections.abc import Mapping

from tools.plugins.resource import CheckFailure, PluginError, ResourceType
from tools.plugins.values import Properties


class Provider:
    """The base of a plugin. A subclass overrides what it needs; all configuration values are plain.

    `resources` maps type tokens (`package:module/name:Name`) to their implementation.
    """

    def __init__(self, name: str, version: str, resources: Mapping[str, ResourceType]) -> None:
        self.name = name
        self.version = version
        self.resources = resources

    @property
    def secret_config(self) -> frozenset[str]:
        """The configuration properties that are always secret."""
        return frozenset()

    @property
    def notice(self) -> str:
        """One line for the user, said once when the provider has been configured; empty for none."""
        return ""

    def check_config(self, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        """The configuration with its defaults, and what is wrong with it. Values may be `UNKNOWN`."""
        return news, []

    def replaces_config(self, olds: Properties, news: Properties) -> tuple[str, ...]:  # noqa: ARG002
        """The changed configuration properties that make every resource of the provider a new one."""
        return ()

    def configure(self, variables: Properties) -> None:
        """Take the configuration. Must not connect: it is called for commands that need no server, too."""

    def invoke(self, token: str, arguments: Properties) -> Properties:  # noqa: ARG002
        """Call the function `token`."""
        raise PluginError(f"the provider {self.name} has no function {token}")

    def cancel(self) -> None:
        """The user pressed Ctrl-C: end what is under way as soon as it is safe."""

    def close(self) -> None:
        """The process ends: let go of connections."""
