"""Passwords that are in a store outside the cluster, and the objects by which its operators bring them in. Pure.

Infisical: https://infisical.com/docs/integrations/platforms/kubernetes/infisical-secret-crd. External Secrets:
https://external-secrets.io/latest/api/spec/. Neither puts a password into an object that is no Secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from components.kubernetes.manifests import Manifest, labels
from components.postgres.cnpg_manifests import RELOAD, WAIT_FOR

PASSWORD = "\0password\0"  # noqa: S105 - stands for one
"""In a variable's text: the password, which only the store knows. In a URL it is quoted as a password would be."""
ADMIN = "admin"
"""Stands for the superuser where else an application's name does."""
SETTING = "socle:secrets.source"


@dataclass(frozen=True, kw_only=True)
class Login:
    """A login whose password is in the store, and the Secret that it is to be in."""

    application: str
    secret: str
    namespace: str
    role: str
    database: str


@dataclass(frozen=True, kw_only=True)
class Variables:
    """An application's Secret; `data` is text in which `PASSWORD` may stand."""

    application: str
    secret: str
    namespace: str
    data: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What to tell the user when a password doesn't arrive."""

    path: str
    """Of the YAML node."""
    allowed: str
    write: str
    """A command or a line that would be right."""


class Source(Protocol):
    """A store outside the cluster."""

    def login(self, login: Login) -> Manifest:
        """What brings in a basic-auth Secret, with the label by which CloudNativePG sees it change."""

    def variables(self, variables: Variables) -> Manifest:
        """What brings in an application's Secret, in its own namespace."""

    def missing(self, application: str) -> Missing:
        """What to tell where nothing comes."""


@dataclass(frozen=True, kw_only=True)
class Infisical:
    """By Infisical's operator: a folder an application, with the secrets `username` and `password`."""

    host_api: str
    project_slug: str
    env_slug: str
    path: str
    """Of the folder that has the applications' folders, without a slash at its end."""
    credentials_name: str
    """The Secret that the operator logs in with."""
    credentials_namespace: str
    resync_seconds: int

    def login(self, login: Login) -> Manifest:
        """As the applications' were written by hand; the operator gives the Secret the labels of this object."""
        reference = {
            "secretName": login.secret,
            "secretNamespace": login.namespace,
            "creationPolicy": "Owner",
        }
        return self._secret(login, {RELOAD: "true"}, {"managedSecretReference": reference})

    def variables(self, variables: Variables) -> Manifest:
        """With a template for each variable."""
        reference = {
            "secretName": variables.secret,
            "secretNamespace": variables.namespace,
            "creationPolicy": "Owner",
            "template": {"includeAllSecrets": False, "data": _templated(variables.data, ".password.Value")},
        }
        return self._secret(variables, {}, {"managedKubeSecretReferences": [reference]})

    def missing(self, application: str) -> Missing:
        """The folder, or what is to be in it."""
        folder = self._path(application)
        return Missing(
            path=f"{SETTING}.path",
            allowed=f"a path of {self.project_slug} in {self.env_slug}; {folder} has username and password",
            write=f"path: {self.path}   # or: infisical secrets set username=… password=… --env={self.env_slug} "
            f"--path={folder}",
        )

    def _path(self, application: str) -> str:
        return f"{self.path}/{application}"

    def _secret(self, one: Login | Variables, given: Mapping[str, str], managed: Manifest) -> Manifest:
        scope = {
            "projectSlug": self.project_slug,
            "envSlug": self.env_slug,
            "secretsPath": self._path(one.application),
        }
        credentials = {"secretName": self.credentials_name, "secretNamespace": self.credentials_namespace}
        return {
            "apiVersion": "secrets.infisical.com/v1alpha1",
            "kind": "InfisicalSecret",
            "metadata": {
                "name": one.secret,
                "namespace": one.namespace,
                "labels": {**labels(one.application), **given},
            },
            "spec": {
                "hostAPI": self.host_api,
                "resyncInterval": self.resync_seconds,
                "authentication": {"universalAuth": {"credentialsRef": credentials, "secretsScope": scope}},
                **managed,
            },
        }


@dataclass(frozen=True, kw_only=True)
class Store:
    """A store of External Secrets, and where an application's credentials are in it."""

    name: str
    kind: str
    """`ClusterSecretStore` or `SecretStore`."""
    key: str
    """With `{app}` for the application's name; its properties are `username` and `password`."""
    refresh_seconds: int

    @property
    def reference(self) -> Manifest:
        """As External Secrets names it."""
        return {"name": self.name, "kind": self.kind}

    def key_of(self, application: str) -> str:
        """Where the application's credentials are."""
        return self.key.replace("{app}", application)


@dataclass(frozen=True, kw_only=True)
class ExternalSecrets:
    """By External Secrets: of the store only the password is asked, everything else is in the settings."""

    store: Store

    def login(self, login: Login) -> Manifest:
        """With the Secret's type and label by its template."""
        data = {"username": login.role, "password": PASSWORD, "database": login.database}
        return self._secret(login, data, "kubernetes.io/basic-auth", {RELOAD: "true"})

    def variables(self, variables: Variables) -> Manifest:
        """With a template for each variable."""
        return self._secret(variables, variables.data, "Opaque", {})

    def missing(self, application: str) -> Missing:
        """The key, or the property in it."""
        store = self.store
        return Missing(
            path=f"{SETTING}.key",
            allowed=f"a key of {store.kind} {store.name}; {store.key_of(application)} has the property password",
            write=f'key: "{store.key}"   # or put the password at {store.key_of(application)}',
        )

    def _secret(self, one: Login | Variables, data: Mapping[str, str], kind: str, given: Mapping[str, str]) -> Manifest:
        remote = {"key": self.store.key_of(one.application), "property": "password"}
        own = {**labels(one.application), **given}
        return {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": one.secret, "namespace": one.namespace, "labels": labels(one.application)},
            "spec": {
                "refreshInterval": f"{self.store.refresh_seconds}s",
                "secretStoreRef": self.store.reference,
                "target": {
                    "name": one.secret,
                    "creationPolicy": "Owner",
                    "template": {
                        "engineVersion": "v2",
                        "type": kind,
                        "metadata": {"labels": own},
                        "data": _templated(data, ".password"),
                    },
                },
                "data": [{"secretKey": "password", "remoteRef": remote}],
            },
        }


def push(store: Store, *, application: str, name: str, namespace: str) -> Manifest:
    """What writes an application's credentials to a store; its `selector` is whoever's who knows the Secret.

    What was pushed stays there when this goes: something else may read it by then.
    """
    remote = store.key_of(application)
    return {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels(application),
            "annotations": {WAIT_FOR: "condition=Ready"},
        },
        "spec": {
            "refreshInterval": f"{store.refresh_seconds}s",
            "deletionPolicy": "None",
            "updatePolicy": "Replace",
            "secretStoreRefs": [store.reference],
            "data": [
                {"match": {"secretKey": key, "remoteRef": {"remoteKey": remote, "property": key}}}
                for key in ("username", "password", "database")
            ],
        },
    }


def _templated(data: Mapping[str, str], value: str) -> dict[str, str]:
    """The texts as Go templates of both operators, which have sprig's functions; `value` is the password there."""
    return {name: _template(text, value) for name, text in data.items()}


def _template(text: str, value: str) -> str:
    # A space is the one character that Go quotes for forms and not for URLs.
    quoted = f'{{{{ {value} | urlquery | replace "+" "%20" }}}}'
    plain = f"{{{{ {value} }}}}"
    literal = text.replace("{{", '{{ "{{" }}')
    return literal.replace(quote(PASSWORD, safe=""), quoted).replace(PASSWORD, plain)
