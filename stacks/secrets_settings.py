"""Typed settings of secrets: where passwords come from, where else they go, when they are made anew."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from stacks.base import DnsLabel, Milliseconds, Model


def _date(value: object) -> object:
    # YAML reads an unquoted date as one, and Pulumi hands it on as a moment.
    text = str(value).removesuffix("T00:00:00Z").removesuffix(" 00:00:00+00:00").removesuffix(" 00:00:00")
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a date, year-month-day: 2026-11-21") from None


def _key(value: object) -> object:
    if str(value).count("{app}") != 1 or set(str(value).replace("{app}", "")) & set("{}"):
        raise ValueError("text with {app} once, in place of the application's name: postgresql/{app}")
    return value


Date = Annotated[str, BeforeValidator(_date)]
Key = Annotated[str, BeforeValidator(_key)]


class Generated(Model):
    """Passwords that Socle makes and its state keeps, encrypted."""

    type: Literal["generated"] = "generated"


class InfisicalCredentials(Model):
    """The Secret by which Infisical's operator logs in."""

    secret_name: DnsLabel = Field(examples=["infisical-universal-auth"])
    secret_namespace: DnsLabel = Field(examples=["argocd"])


class InfisicalSource(Model):
    """Passwords that are in Infisical, brought in by its operator."""

    type: Literal["infisical"] = "infisical"
    host_api: str = Field(pattern=r"^https?://\S+$", examples=["https://app.infisical.com/api"])
    project_slug: str = Field(min_length=1, examples=["vixens"])
    env_slug: str = Field(min_length=1, examples=["dev"])
    path: str = Field(pattern=r"^/([\w-]+/)*[\w-]+$", examples=["/postgresql"])
    """Of the folder with a folder for each application, and one called `admin`."""
    credentials: InfisicalCredentials
    resync_interval: int = Field(default=60, ge=1, le=86_400, examples=[60])
    """Seconds."""


class SecretStore(Model):
    """A store as External Secrets knows it in the cluster."""

    name: DnsLabel = Field(examples=["vault"])
    kind: Literal["ClusterSecretStore", "SecretStore"] = "ClusterSecretStore"
    """`SecretStore`: one of that name in each namespace that needs it."""


class ExternalSecretsSource(Model):
    """Passwords that are in any store that External Secrets knows."""

    type: Literal["externalSecrets"] = "externalSecrets"
    store: SecretStore
    key: Key = "postgresql/{app}"
    refresh_interval: Milliseconds = Field(default=60_000, ge=1000, examples=["60s"])


class PushSink(Model):
    """A store that the passwords are written to by External Secrets."""

    store: SecretStore
    key: Key = "postgresql/{app}"
    refresh_interval: Milliseconds = Field(default=60_000, ge=1000, examples=["60s"])


Source = Annotated[Generated | InfisicalSource | ExternalSecretsSource, Field(discriminator="type")]


class Secrets(Model):
    """The passwords of the environment's applications."""

    source: Source = Generated()
    push: PushSink | None = None
    """Where generated passwords go beside the cluster's own Secrets."""
    rotation: Date | None = Field(default=None, examples=['"2026-11-21"'])
    """Of every application's passwords; a later date makes them anew once more."""
