"""An application's environment file: text that a shell, docker compose and python-dotenv read alike."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pulumi

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=")


def quote(value: str) -> str:
    """`value` as the right-hand side of an assignment.

    Raises ValueError for what no notation carries through all three readers: a line break; `${`, which python-dotenv
    fills in even between single quotes; a backslash before a quote, a backslash or the end, which it takes for an
    escape; a single quote together with one of ``$ ` " \\``.
    """
    if any(character in value for character in "\n\r\0"):
        raise ValueError("a line break can't be written to an environment file")
    if "${" in value or re.search(r"\\(['\\]|$)", value):
        raise ValueError("neither ${ nor a backslash before a quote, a backslash or the end can be written")
    if value and set(value) <= _PLAIN:
        return value
    if "'" not in value:
        return f"'{value}'"
    if set(value) & set('$`"\\'):
        raise ValueError("a single quote together with $, `, \" or \\ can't be written to an environment file")
    return f'"{value}"'


def render(variables: Mapping[str, str], heading: str) -> str:
    """The file's text: `heading` as a comment, then one assignment a line. Raises ValueError naming the variable.

    Sorted: what comes back from the engine has no order, and another order must not look like a change.
    """
    lines = [f"# {heading}"]
    for name, value in sorted(variables.items()):
        try:
            lines.append(f"{name}={quote(value)}")
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return "\n".join(lines) + "\n"


class EnvFile(pulumi.CustomResource):
    """A file of environment variables, mode 0600, written in one step, removed with the stack."""

    def __init__(
        self, name: str, *, path: str, content: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`path` is relative to the folder of generated files; `content` becomes a secret."""
        secret = pulumi.ResourceOptions(additional_secret_outputs=["content"])
        super().__init__(
            "socle:secrets:EnvFile",
            name,
            {"path": path, "content": pulumi.Output.secret(content)},
            pulumi.ResourceOptions.merge(opts, secret),
        )
