"""What the settings of secrets get wrong together with the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from components.secrets.sources import ADMIN, SETTING
from stacks.kubernetes_settings import FerretDocuments
from stacks.problems import Problem
from stacks.secret_variables import from_store, is_mixed, placeholders
from stacks.secrets_settings import Generated
from stacks.settings import App, EnvironmentSettings

_KINDS = ("kubernetes",)
"""Kinds of environment with operators that fetch, and with a second login to change over to."""
ENV_SECRET = "-env"  # noqa: S105 - a name
"""What follows the application's name in the Secret that has its `env`."""


def rotation_of(settings: EnvironmentSettings, app: App) -> str | None:
    """The date of the application's last rotation, its own or the environment's; None where it has none."""
    return max(filter(None, (settings.secrets.rotation, app.rotation)), default=None)


def problems(settings: EnvironmentSettings) -> Iterator[Problem]:
    """Everything about secrets that the keys taken together get wrong."""
    yield from _kind(settings)
    if isinstance(settings.secrets.source, Generated):
        return
    yield from _only_of_generated(settings)
    for name, app in settings.apps.items():
        yield from _of_application(settings, name, app)


def _rotations(settings: EnvironmentSettings) -> Iterator[tuple[str, str]]:
    every = (("socle:secrets.rotation", settings.secrets.rotation),
             *((f"socle:apps.{name}.rotation", app.rotation) for name, app in settings.apps.items()))  # fmt: skip
    yield from ((path, date) for path, date in every if date)


def _kind(settings: EnvironmentSettings) -> Iterator[Problem]:
    """What only a cluster can carry out."""
    kind, secrets = settings.environment.kind, settings.secrets
    if kind in _KINDS:
        return
    given = list(_rotations(settings))
    if not isinstance(secrets.source, Generated):
        given.append((f"{SETTING}.type", secrets.source.type))
    if secrets.push:
        given.append(("socle:secrets.push", f"a store, {secrets.push.store.name}"))
    for path, found in given:
        yield Problem(
            path=path,
            found=f"{found}, in an environment of kind {kind}",
            allowed="this in environments of kind " + " or ".join(_KINDS),
            write="type: generated" if path == f"{SETTING}.type" else "remove this line",
        )


def _only_of_generated(settings: EnvironmentSettings) -> Iterator[Problem]:
    source = settings.secrets.source.type
    for path, date in _rotations(settings):
        yield Problem(
            path=path,
            found=f"{date}, with passwords from {source}",
            allowed="rotation of passwords that Socle generates; these are rotated where they are kept",
            write="remove this line",
        )
    if settings.secrets.push:
        yield Problem(
            path="socle:secrets.push",
            found=f"a store, {settings.secrets.push.store.name}, with passwords from {source}",
            allowed="a store for passwords that Socle generates",
            write="remove this block",
        )


def _of_application(settings: EnvironmentSettings, name: str, app: App) -> Iterator[Problem]:
    source = settings.secrets.source.type
    if name == ADMIN:
        yield Problem(
            path=f"socle:apps.{name}", found=f"an application called {ADMIN}, with passwords from {source}",
            allowed=f"another name: {ADMIN} stands for the superuser there", write=f"{ADMIN}-app: …",
        )  # fmt: skip
    if app.documents and isinstance(settings.documents, FerretDocuments):
        yield Problem(
            path=f"socle:apps.{name}.documents",
            found=f"true, with passwords from {source}",
            allowed="documents of type external, or generated passwords: the password is in FerretDB's own address",
            write="documents: false",
        )
    for where, variables in (("env", app.env), *((f"secrets.{one}", its) for one, its in app.secrets.items())):
        if is_mixed(variables):
            yield _mixed(f"socle:apps.{name}.{where}", name, variables, source)


def _mixed(path: str, name: str, variables: dict[str, str], source: str) -> Problem:
    kept = {one: text for one, text in variables.items() if from_store([text])}
    others = [one for one in variables if one not in kept and placeholders(variables[one])]
    moved = next((one for one in others if is_mixed({**kept, one: variables[one]})), others[0] if others else "…")
    return Problem(
        path=path,
        found=f"{', '.join(kept)} with a password from {source}, and {moved} with one that Socle generates",
        allowed="in one Secret the passwords of one source; further Secrets stand under secrets",
        write=f"secrets: {{{name}-more: {{{moved}: '{variables.get(moved, '…')}'}}}}",
    )
