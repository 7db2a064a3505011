"""An application's Secrets, trust and Deployment. What Secrets hold is compared here and never handed on."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from components.kubernetes.manifests import APPLICATION, digest
from components.postgres.cluster_database import credentials_secret
from components.postgres.cnpg_manifests import RELOAD
from components.secrets.application import TRUST
from tools.doctor.facts import (
    ApplicationFacts,
    Credentials,
    Login,
    SecretFacts,
    Trust,
    Unseen,
    Wanted,
    WantedApplication,
    Workload,
)
from tools.doctor.gather import certificates
from tools.doctor.gather.pods import pods
from tools.doctor.gather.postgres import Attempt
from tools.doctor.gather.reader import Reader, conditions_of, seen

LogIn = Callable[[Sequence[Attempt]], Mapping[str, Login]]
_READWRITE = frozenset({"password", "url", "sqlalchemy_url", "asyncpg_url"})
_READONLY = frozenset({"readonly_password", "readonly_url"})
"""Placeholders `{database.…}` that hold the password of one role or the other."""
_PLACEHOLDER = re.compile(r"\{database\.([a-z_]+)\}")


@dataclass(frozen=True, kw_only=True)
class Server:
    """What an application is compared with."""

    certificate: str | Unseen
    """PEM."""
    host: str


def application(
    reader: Reader, wanted: Wanted, its: WantedApplication, server: Server, log_in: LogIn | None
) -> ApplicationFacts:
    """All of one application. Raises UnseenError."""
    credentials, passwords = _credentials(reader, wanted, its)
    if log_in:
        attempts = [Attempt(role=role, database=its.database, password=value) for role, value in passwords.items()]
        tried = log_in(attempts)
        credentials = [replace(one, login=tried.get(one.role)) for one in credentials]
    namespace = reader.get(f"/api/v1/namespaces/{its.namespace}")
    if namespace is None:
        return ApplicationFacts(wanted=its, namespace_labels=None, credentials=tuple(credentials))
    held = {name: reader.secret(its.namespace, name) for name in its.secrets}
    for values in held.values():
        reader.redactor.learn(_confidential(its, values or {}))
    bundle = _bundle(reader, its.namespace)
    return ApplicationFacts(
        wanted=its,
        namespace_labels=namespace["metadata"].get("labels") or {},
        credentials=tuple(credentials),
        secrets=tuple(compare(its, name, values, passwords) for name, values in held.items()),
        trust=_trust(bundle, server),
        workload=seen(lambda: _workload(reader, its, held, bundle)) if its.workload else None,
    )


def _credentials(reader: Reader, wanted: Wanted, its: WantedApplication) -> tuple[list[Credentials], dict[str, str]]:
    """The Secrets of its logins, and the passwords in them by role. Raises UnseenError."""
    found, passwords = [], {}
    for role, suffix in ((its.roles.readwrite, ""), (its.roles.readonly, "-ro")):
        name = credentials_secret(its.name, suffix)
        raw = reader.get(f"/api/v1/namespaces/{wanted.namespace}/secrets/{name}")
        if raw is None:
            found.append(Credentials(role=role, secret=name, there=False))
            continue
        data = {key: base64.b64decode(value).decode(errors="replace") for key, value in (raw.get("data") or {}).items()}
        password = data.get("password", "")
        reader.redactor.learn([password])
        complete = bool(password) and data.get("username") == role
        if complete:
            passwords[role] = password
        labelled = (raw["metadata"].get("labels") or {}).get(RELOAD) == "true"
        found.append(Credentials(role=role, secret=name, there=True, labelled=labelled, complete=complete))
    return found, passwords


def compare(
    its: WantedApplication, name: str, values: Mapping[str, str] | None, passwords: Mapping[str, str]
) -> SecretFacts:
    """Whether a Secret has its variables, with the passwords of the credentials in them. Pure."""
    if values is None:
        return SecretFacts(name=name, there=False)
    stale = []
    for variable, template in its.secrets[name].items():
        wanted = [passwords[role] for role in _roles(its, template) if role in passwords]
        value = values.get(variable)
        if value is not None and any(one not in value and quote(one, safe="") not in value for one in wanted):
            stale.append(variable)
    missing = tuple(sorted(set(its.secrets[name]) - set(values)))
    return SecretFacts(name=name, there=True, missing=missing, stale=tuple(sorted(stale)))


def _roles(its: WantedApplication, template: str) -> set[str]:
    found = set(_PLACEHOLDER.findall(template))
    readwrite = {its.roles.readwrite} if found & _READWRITE else set()
    return readwrite | ({its.roles.readonly} if found & _READONLY else set())


def _confidential(its: WantedApplication, values: Mapping[str, str]) -> list[str]:
    """What of an application's variables is filled in from a placeholder: its password may stand in a log."""
    every = {key: template for one in its.secrets.values() for key, template in one.items()}
    secret = re.compile(r"\{[a-z]+\.[a-z_]*(password|ur[li])\}")
    return [value for key, value in values.items() if secret.search(every.get(key, "{x.password}"))]


def _bundle(reader: Reader, namespace: str) -> str | None:
    found = reader.get(f"/api/v1/namespaces/{namespace}/configmaps/{TRUST}")
    return (found.get("data") or {}).get("ca.crt", "") if found else None


def _trust(bundle: str | None, server: Server) -> Trust:
    if bundle is None:
        return Trust(there=False)
    if isinstance(server.certificate, Unseen):
        return Trust(there=True, reason=server.certificate.why)
    return certificates.verify(bundle, server.certificate, server.host)


def _workload(
    reader: Reader, its: WantedApplication, held: Mapping[str, Mapping[str, str] | None], bundle: str | None
) -> Workload | None:
    found = reader.get(f"/apis/apps/v1/namespaces/{its.namespace}/deployments/{its.name}")
    if found is None:
        return None
    conditions = [one for one in conditions_of(found) if one["status"] == "False" or one["type"] == "ReplicaFailure"]
    whole = bundle is not None and all(values is not None for values in held.values())
    return Workload(
        available=(found.get("status") or {}).get("availableReplicas", 0),
        wanted=found["spec"].get("replicas", 1),
        message="; ".join(one.get("message", "") for one in conditions),
        pods=pods(reader, its.namespace, f"{APPLICATION}={its.name}"),
        checksum=digest([bundle, *held.values()]) if whole else "",
    )
