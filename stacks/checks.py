"""What no single key shows: settings that contradict each other. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator

from components import names
from stacks import backup_checks, secret_checks, templates
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.problems import Problem
from stacks.secret_checks import ENV_SECRET
from stacks.settings import App, EmbeddedServer, EnvironmentSettings, ExternalCache, ExternalDocuments

_SERVERS = {
    "local": ("embedded", "external"),
    "kubernetes": ("cloudnativepg",),
    "aws": ("aurora", "external"),
    "coolify": ("external",),
}
_CACHES = {
    "local": ("embedded", "external"),
    "kubernetes": ("kubernetes", "external"),
    "aws": ("elasticache", "external"),
    "coolify": ("external",),
}
_DOCUMENTS = {
    "local": ("embedded", "external"),
    "kubernetes": ("ferretdb", "external"),
    "aws": ("ferretdb", "external"),
    "coolify": ("external",),
}
_WITH_SECRETS = ("kubernetes", "aws")
"""Kinds whose applications get their variables as Kubernetes Secrets."""


def problems(settings: EnvironmentSettings) -> list[Problem]:
    """Everything that the keys taken together get wrong."""
    found = [*_server(settings), *_services(settings), *_collisions(settings), *_replication(settings)]
    found += [*secret_checks.problems(settings), *backup_checks.problems(settings)]
    for name, app in settings.apps.items():
        found += _only_where_it_means_something(settings, name, app)
        found += [*_grants(settings, name, app), *_variables(settings, name, app), *_test_database(settings, name, app)]
    return found


def database_of(name: str, app: App) -> str:
    """The application's database."""
    return app.database or names.identifier(name)


def role_of(name: str, app: App) -> str:
    """The role that the application logs in as."""
    return app.role or names.identifier(name)


def _server(settings: EnvironmentSettings) -> Iterator[Problem]:
    kind, server = settings.environment.kind, settings.server
    allowed = _SERVERS[kind]
    if server.type not in allowed:
        yield Problem(
            path="socle:server.type",
            found=f"{server.type}, in an environment of kind {kind}",
            allowed=" or ".join(allowed),
            write=f"type: {allowed[0]}",
        )
    if isinstance(server, EmbeddedServer) and server.port == server.test_port:
        yield Problem(
            path="socle:server.testPort",
            found=f"{server.test_port}, which is the port of the environment as well",
            allowed="another port",
            write=f"testPort: {server.port - 2}",
        )


def _services(settings: EnvironmentSettings) -> Iterator[Problem]:
    """A cache or documents of a type that this kind of environment doesn't have, where an application asks for them."""
    kind, apps = settings.environment.kind, settings.apps.values()
    for key, wanted, found, allowed in (
        ("cache", any(app.cache for app in apps), settings.cache.type, _CACHES[kind]),
        ("documents", any(app.documents for app in apps), settings.documents.type, _DOCUMENTS[kind]),
    ):
        if wanted and found not in allowed:
            yield Problem(
                path=f"socle:{key}.type",
                found=f"{found}, in an environment of kind {kind}",
                allowed=" or ".join(allowed),
                write=f"type: {allowed[0]}",
            )


def _replication(settings: EnvironmentSettings) -> Iterator[Problem]:
    """Synchronous replication that the loss of one standby would turn into a standstill."""
    server = settings.server
    if not isinstance(server, CloudNativePgServer):
        return
    standbys = server.instances - 1
    if server.synchronous_standbys and server.synchronous_standbys >= standbys:
        yield Problem(
            path="socle:server.synchronous",
            found=f"{server.synchronous_standbys}, with {server.instances} instances: nothing could be written while "
            "one standby is away",
            allowed=f"fewer than the standbys, so at most {max(0, standbys - 1)} with {server.instances} instances",
            write=f"synchronous: {max(0, standbys - 1)}",
        )


def _only_where_it_means_something(settings: EnvironmentSettings, name: str, app: App) -> Iterator[Problem]:
    kind = settings.environment.kind
    if kind in _WITH_SECRETS:
        if app.container:
            yield Problem(
                path=f"socle:apps.{name}.container", found=f"true, in an environment of kind {kind}",
                allowed="containers' own files where the applications run on this machine", write="remove this line",
            )  # fmt: skip
        for secret in app.secrets:
            if secret == f"{name}{ENV_SECRET}":
                yield Problem(
                    path=f"socle:apps.{name}.secrets.{secret}", found="the name of the Secret that has env",
                    allowed="another name", write=f"{name}-more: …",
                )  # fmt: skip
        return
    only = ("namespace", app.namespace), ("secrets", app.secrets), ("readers", app.readers), ("workload", app.workload)
    for key, given in only:
        if given:
            yield Problem(
                path=f"socle:apps.{name}.{key}",
                found=f"a setting of Kubernetes, in an environment of kind {kind}",
                allowed="kinds " + " and ".join(_WITH_SECRETS),
                write="remove this key",
            )


def _collisions(settings: EnvironmentSettings) -> Iterator[Problem]:
    """Two applications with one database or one role, or with one namespace, in which their objects would clash."""
    kinds: list[tuple[str, Callable[[str, App], str]]] = [("database", database_of), ("role", role_of)]
    if settings.environment.kind in _WITH_SECRETS:
        kinds.append(("namespace", lambda name, app: app.namespace or name))
    for key, value_of in kinds:
        owners: dict[str, str] = {}
        for name, app in settings.apps.items():
            value = value_of(name, app)
            if (first := owners.setdefault(value, name)) != name:
                yield Problem(
                    path=f"socle:apps.{name}.{key}",
                    found=f"{value}, which is the {key} of {first} as well",
                    allowed=f"a {key} of its own",
                    write=f"{key}: {name if key == 'namespace' else names.identifier(name)}",
                )


def _grants(settings: EnvironmentSettings, name: str, app: App) -> Iterator[Problem]:
    known = sorted(
        role
        for other, other_app in settings.apps.items()
        if other != name
        for role in (names.roles(role_of(other, other_app)).readwrite, names.roles(role_of(other, other_app)).readonly)
    )
    for number, grant in enumerate(app.grants):
        path = f"socle:apps.{name}.grants.{number}"
        if grant.to not in known:
            near = difflib.get_close_matches(grant.to, known, n=1)
            yield Problem(
                path=f"{path}.to",
                found=grant.to,
                allowed="a role of another application: " + (", ".join(known) or "there is none"),
                write=f"to: {near[0] if near else '…'}",
            )
        if wrong := grant.problem():
            yield Problem(
                path=f"{path}.privileges", found=wrong, allowed="SELECT, INSERT, … as PostgreSQL names them for it",
                write="privileges: [SELECT]",
            )  # fmt: skip
        if grant.in_schema not in ("public", *app.schemas):
            yield Problem(
                path=f"{path}.schema",
                found=grant.in_schema,
                allowed=", ".join(("public", *app.schemas)),
                write="schema: public",
            )


def _variables(settings: EnvironmentSettings, name: str, app: App) -> Iterator[Problem]:
    allowed = list(templates.PLACEHOLDERS["database"])
    if app.cache:
        allowed += _given("redis", isinstance(settings.cache, ExternalCache), ("redis.url", "redis.prefix"))
    if app.documents:
        allowed += _given("mongodb", isinstance(settings.documents, ExternalDocuments), ("mongodb.uri",))
    for where, variables in (("env", app.env), *((f"secrets.{one}", its) for one, its in app.secrets.items())):
        for variable, template in variables.items():
            yield from _template(f"socle:apps.{name}.{where}.{variable}", variable, template, allowed)
    if app.test:
        for variable, template in app.test.env.items():
            path = f"socle:apps.{name}.test.env.{variable}"
            yield from _template(path, variable, template, list(templates.PLACEHOLDERS["database"]))


def _given(service: str, external: bool, of_external: tuple[str, ...]) -> tuple[str, ...]:
    return of_external if external else templates.PLACEHOLDERS[service]


def _template(path: str, variable: str, template: str, allowed: list[str]) -> Iterator[Problem]:
    try:
        unknown = [name for name in templates.used(template) if name not in allowed]
    except ValueError as error:
        yield Problem(
            path=path, found=f"braces that don't match ({error})", allowed="{{ and }} for a brace itself",
            write=f"{variable}: '{{database.url}}'",
        )  # fmt: skip
        return
    for name in unknown:
        service = name.split(".")[0]
        near = difflib.get_close_matches(name, [other for other in allowed if other.startswith(service)], n=1)
        missing = {"redis": "cache", "mongodb": "documents"}.get(service)
        hint = f" (and {missing}: true on this application)" if missing and not near else ""
        yield Problem(
            path=path,
            found=f"{{{name}}}",
            allowed=", ".join(f"{{{other}}}" for other in allowed) + hint,
            write=f"{missing}: true" if hint else f"{variable}: '{{{near[0] if near else allowed[0]}}}'",
        )


def _test_database(settings: EnvironmentSettings, name: str, app: App) -> Iterator[Problem]:
    if app.test and not isinstance(settings.server, EmbeddedServer):
        yield Problem(
            path=f"socle:apps.{name}.test",
            found=f"a test database, on a server of type {settings.server.type}",
            allowed="test databases on a server of type embedded",
            write="remove this block",
        )
