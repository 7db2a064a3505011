"""The typed contract between an environment and the stacks of its pull requests.

`contract` is plain and says what there is; `variables`, `brancherPassword` and `cacheUrl` are secrets. The brancher's
is the only credential that Socle made among them, and it has no right on an application's rows; `cacheUrl` is what the
settings say of a cache that is not Socle's, and empty otherwise.
"""

from __future__ import annotations

from typing import Any, Literal

import pulumi
from pydantic import ValidationError

from stacks.base import Model

VERSION: Literal[1] = 1
"""Raised when a pull request's stack could no longer read what an older environment wrote."""


class ServerOutputs(Model):
    """Where branches live, and as whom they are made."""

    host: str
    port: int
    sslmode: str
    ca_file: str
    brancher: str
    container_host: str = ""
    container_ca_file: str = ""


class CacheOutputs(Model):
    """The embedded cache; a pull request gets a user of its own on it."""

    host: str
    port: int


class DocumentsOutputs(Model):
    """The first port of a pull request's FerretDB processes."""

    host: str
    port: int


class AppOutputs(Model):
    """What a pull request needs to know of an application."""

    database: str
    cache: bool
    documents: bool
    container: bool
    connection_limit: int
    statement_timeout_ms: int
    idle_in_transaction_timeout_ms: int


class EnvironmentOutputs(Model):
    """What an environment tells the stacks of its pull requests."""

    version: Literal[1] = VERSION
    environment: str
    server: ServerOutputs
    cache: CacheOutputs | None = None
    """None where it is not Socle's, or there is none: the engine drops what is null."""
    documents: DocumentsOutputs | None = None
    apps: dict[str, AppOutputs]
    time_to_live_days: int
    idle_days: int | None = None
    branches_per_application: int | None = None
    branches_total: int | None = None


def export(
    outputs: EnvironmentOutputs,
    variables: dict[str, dict[str, str]],
    brancher_password: pulumi.Output[str],
    cache_url: str,
) -> None:
    """Export the contract; `variables` are each application's templates."""
    pulumi.export("contract", outputs.model_dump(by_alias=True))
    pulumi.export("variables", pulumi.Output.secret(variables))
    pulumi.export("brancherPassword", pulumi.Output.secret(brancher_password))
    pulumi.export("cacheUrl", pulumi.Output.secret(cache_url))


def read(contract: Any, base: str) -> EnvironmentOutputs:
    """The contract as the environment `base` exported it. Raises RunError saying what to run where it can't be read."""
    if contract is None:
        raise pulumi.RunError(f"The environment {base} was never brought up: run `make up` first, then this again.")
    try:
        return EnvironmentOutputs.model_validate(contract)
    except ValidationError:
        raise pulumi.RunError(
            f"The environment {base} was brought up by another version of Socle: run `make up` on it, then this again."
        ) from None
