"""Passwords out of a store: what the operators are asked for, what of it Socle never sees, and settings that don't fit.

Doesn't prove: that Infisical's operator takes its object; that is held against a schema written from the published
fields (tests/unit/infisical_secret.schema.json). External Secrets' own operator is asked in tests/kubernetes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from components.secrets.sources import PASSWORD, ExternalSecrets, Infisical, Store, Variables
from stacks.loader import parse
from stacks.problems import SettingsError
from tests.unit.recording import Recording
from tests.unit.test_kubernetes_stack import cluster, composed, raw
from tests.unit.test_rotation import SECRETS, environment
from tools.plugins.resource import State
from tools.plugins.socle.arrival import Arrival, problem, told, wrong

SCHEMA = json.loads((Path(__file__).parent / "infisical_secret.schema.json").read_text(encoding="utf-8"))
INFISICAL: dict[str, Any] = {
    "type": "infisical",
    "hostApi": "http://192.168.111.69:8085",
    "projectSlug": "vixens",
    "envSlug": "dev",
    "path": "/postgresql",
    "credentials": {"secretName": "infisical-universal-auth", "secretNamespace": "argocd"},
}
EXTERNAL: dict[str, Any] = {"type": "externalSecrets", "store": {"name": "vault"}}
DOCSPELL: dict[str, Any] = {
    "env": {
        "DB_PASSWORD": "{database.password}", "URL": "{database.url}", "BRACES": "{{{{x", "DB_NAME": "{database.name}",
    },
    "workload": {"image": "localhost/docspell", "tag": "v1"},
    "secrets": {
        "docspell-reader": {"R": "{database.readonly_url}"},
        "docspell-place": {"HOST": "{database.host}", "JDBC": "{database.jdbc_url}"},
    },
}  # fmt: skip


def stack(monkeypatch: pytest.MonkeyPatch, source: dict[str, Any]) -> Recording:
    return composed(monkeypatch, apps={"docspell": DOCSPELL}, secrets={"source": source})


def test_an_application_has_the_infisical_secret_that_was_written_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stack(monkeypatch, INFISICAL).one("InfisicalSecret", "docspell-postgresql-credentials").inputs
    assert found["apiVersion"] == "secrets.infisical.com/v1alpha1"
    assert found["metadata"]["name"] == "docspell-postgresql-credentials"
    assert found["metadata"]["namespace"] == "databases"
    assert found["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert found["spec"] == {
        "hostAPI": "http://192.168.111.69:8085",
        "resyncInterval": 60,
        "authentication": {
            "universalAuth": {
                "credentialsRef": {"secretName": "infisical-universal-auth", "secretNamespace": "argocd"},
                "secretsScope": {"projectSlug": "vixens", "envSlug": "dev", "secretsPath": "/postgresql/docspell"},
            }
        },
        "managedSecretReference": {
            "secretName": "docspell-postgresql-credentials",
            "secretNamespace": "databases",
            "creationPolicy": "Owner",
        },
    }


def test_the_superuser_comes_from_the_folder_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stack(monkeypatch, INFISICAL)
    made = found.one("InfisicalSecret", "postgresql-shared-superuser").inputs["spec"]
    scope = made["authentication"]["universalAuth"]["secretsScope"]
    assert scope["secretsPath"] == "/postgresql/admin"
    assert made["managedSecretReference"]["secretName"] == cluster(found)["superuserSecret"]["name"]
    arrival = found.one("Arrival", "postgresql-shared-superuser-arrival").inputs
    assert arrival["username"] == "postgres"
    assert not [one for one in found.of_type("RandomBytes") if one.name == "superuser"]


def test_every_infisical_secret_fits_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    made = stack(monkeypatch, INFISICAL).of_type("InfisicalSecret")
    assert len(made) == 3
    for one in made:
        jsonschema.validate({**one.inputs, "metadata": dict(one.inputs["metadata"])}, SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"resyncInterval": "60"},
        {"managedSecretReference": {"secretName": "x"}},
        {"managedSecretRef": {}},
        {"managedKubeSecretReferences": [{"secretName": "x", "secretNamespace": "y", "template": {"data": {"A": 1}}}]},
    ],
)
def test_the_schema_refuses_what_the_operator_would(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    found = stack(monkeypatch, INFISICAL).one("InfisicalSecret", "docspell-postgresql-credentials").inputs
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "spec": {**found["spec"], **change}}, SCHEMA)


@pytest.mark.parametrize(("source", "value"), [(INFISICAL, ".password.Value"), (EXTERNAL, ".password")])
def test_variables_with_the_password_are_templates_of_the_operators(
    monkeypatch: pytest.MonkeyPatch, source: dict[str, Any], value: str
) -> None:
    found = stack(monkeypatch, source)
    kind = "InfisicalSecret" if source is INFISICAL else "ExternalSecret"
    spec = found.one(kind, "docspell-docspell-env").inputs["spec"]
    data = (spec["managedKubeSecretReferences"][0] if kind == "InfisicalSecret" else spec["target"])["template"]["data"]
    assert data["DB_PASSWORD"] == f"{{{{ {value} }}}}"
    assert data["URL"].startswith(f'postgresql://docspell:{{{{ {value} | urlquery | replace "+" "%20" }}}}@postgresql-')
    assert data["DB_NAME"] == "docspell"
    assert data["BRACES"] == '{{ "{{" }}x', "a brace of the user's own is no template"
    assert "\0" not in json.dumps(data) and "%00" not in json.dumps(data)


def test_only_what_needs_the_store_is_left_to_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stack(monkeypatch, EXTERNAL)
    assert {one.inputs["metadata"]["name"] for one in found.of_type("ExternalSecret")} == {
        "postgresql-shared-superuser", "docspell-postgresql-credentials", "docspell-env",
    }  # fmt: skip
    own = {one.inputs["metadata"]["name"] for one in found.of_type("Secret")}
    assert {"docspell-reader", "docspell-place", "docspell-ro-postgresql-credentials"} <= own
    assert not own & {"docspell-env", "docspell-postgresql-credentials", "postgresql-shared-superuser"}
    (rule,) = found.one("Role", "docspell-readers").inputs["rules"]
    assert rule["resourceNames"] == ["docspell-env", "docspell-place", "docspell-reader"]


def test_an_external_secret_is_a_basic_auth_secret_that_the_operator_of_the_database_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = stack(monkeypatch, EXTERNAL).one("ExternalSecret", "docspell-postgresql-credentials").inputs
    assert found["apiVersion"] == "external-secrets.io/v1"
    assert found["spec"]["secretStoreRef"] == {"name": "vault", "kind": "ClusterSecretStore"}
    remote = {"key": "postgresql/docspell", "property": "password"}
    assert found["spec"]["data"] == [{"secretKey": "password", "remoteRef": remote}]
    template = found["spec"]["target"]["template"]
    assert template["type"] == "kubernetes.io/basic-auth"
    assert template["metadata"]["labels"]["cnpg.io/reload"] == "true"
    assert template["data"] == {"username": "docspell", "password": "{{ .password }}", "database": "docspell"}


@pytest.mark.parametrize("source", [INFISICAL, EXTERNAL])
def test_the_database_waits_for_its_secrets_and_the_application_for_its_own(
    monkeypatch: pytest.MonkeyPatch, source: dict[str, Any]
) -> None:
    found = stack(monkeypatch, source)
    names = {one.name: one for one in found.resources}
    assert "docspell-postgresql-credentials-arrival" in names["postgresql-shared"].dependencies
    assert "postgresql-shared-superuser-arrival" in names["postgresql-shared"].dependencies
    # What depends on a component is registered, children and all, once that is there.
    assert "docspell" in found.one("SyncedSecret", "docspell-docspell-env").dependencies
    workload = found.one("Deployment", "docspell-workload")
    assert "docspell-docspell-env-arrival" in workload.dependencies
    (annotation,) = workload.inputs["metadata"]["annotations"]
    assert annotation.startswith("secrets.infisical.com" if source is INFISICAL else "reloader.stakater.com")


def test_a_pushed_login_is_the_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = {"push": {"store": {"name": "vault", "kind": "SecretStore"}, "key": "db-{app}"}, "rotation": "2026-11-21"}
    state = {"number": 1, "current": SECRETS[1], "previous": ""}
    found = composed(monkeypatch, apps={"a": {}}, secrets=sink, outputs={"a-rotation": state})
    spec = found.one("PushSecret", "a-postgresql-credentials-push").inputs["spec"]
    assert spec["selector"] == {"secret": {"name": "a-rw2-postgresql-credentials"}}
    assert spec["secretStoreRefs"] == [{"name": "vault", "kind": "SecretStore"}]
    assert {(one["match"]["secretKey"], one["match"]["remoteRef"]["remoteKey"]) for one in spec["data"]} == {
        (key, "db-a") for key in ("username", "password", "database")
    }
    without = composed(monkeypatch, apps={"a": {}}, secrets={"push": sink["push"]})
    name = without.one("PushSecret", "a-postgresql-credentials-push").inputs["spec"]["selector"]["secret"]["name"]
    assert name == "a-postgresql-credentials"
    assert not environment(monkeypatch, 1).of_type("PushSecret")


def test_a_pushed_login_worked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    found = composed(monkeypatch, apps={"a": {}}, secrets={"push": {"store": {"name": "vault"}}})
    assert "a" in found.one("PushSecret", "a-postgresql-credentials-push").dependencies


@pytest.mark.parametrize("text", ["a b", "plain", "{{ .evil }}", f"x{PASSWORD}y"])
def test_a_text_is_data_whatever_is_in_it(text: str) -> None:
    source = ExternalSecrets(store=Store(name="s", kind="SecretStore", key="{app}", refresh_seconds=1))
    made = source.variables(Variables(application="a", secret="s", namespace="n", data={"T": text}))
    shown = made["spec"]["target"]["template"]["data"]["T"]
    expected = text.replace("{{", '{{ "{{" }}').replace(PASSWORD, "{{ .password }}")
    assert shown == expected


INPUTS: dict[str, Any] = {
    "namespace": "databases", "secret": "docspell-postgresql-credentials", "keys": ["password", "username"],
    "username": "docspell", "path": "socle:secrets.source.path", "allowed": "a path", "write": "path: /postgresql",
    "maker": {"kind": "InfisicalSecret", "name": "docspell-postgresql-credentials"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        (None, "doesn't come"),
        ({"username": "docspell"}, "has no password"),
        ({"username": "", "password": ""}, "has no password and no username"),
        ({"username": "other", "password": "x"}, "is other's, not docspell's"),
        ({"username": "docspell", "password": "x", "database": "d"}, ""),
    ],
)
def test_what_is_wrong_with_a_secret_is_said_without_its_password(contents: dict[str, str] | None, found: str) -> None:
    said = wrong(INPUTS, contents)
    assert found in said and bool(said) == bool(found)


def test_a_missing_path_is_told_as_any_other_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Infisical(
        host_api="h", project_slug="vixens", env_slug="dev", path="/postgresql", credentials_name="c",
        credentials_namespace="n", resync_seconds=60,
    ).missing("docspell")  # fmt: skip
    inputs = {**INPUTS, "path": missing.path, "allowed": missing.allowed, "write": missing.write}
    told = problem(inputs, wrong(inputs, None), "Folder with path '/postgresql/docspell' not found")
    assert told.splitlines() == [
        "socle:secrets.source.path",
        "     found:   Secret databases/docspell-postgresql-credentials doesn't come; InfisicalSecret "
        "docspell-postgresql-credentials: Folder with path '/postgresql/docspell' not found",
        "     allowed: a path of vixens in dev; /postgresql/docspell has username and password",
        "     write:   path: /postgresql   # or: infisical secrets set username=… password=… --env=dev "
        "--path=/postgresql/docspell",
    ]


def test_of_an_operators_complaints_the_first_is_told_without_what_it_is_wrapped_in() -> None:
    wrapped = (
        "failed [err=[GET http://x/api/v3/secrets] [status-code=404] [message=\"Folder with path '/a' not found\"]]"
    )
    bad = {"status": "False", "message": wrapped}
    assert told([{"status": "True", "message": "fine"}, bad, {"status": "False", "message": "more"}]) == (
        "Folder with path '/a' not found"
    )
    assert told([{"status": "False", "message": "x" * 1000}]) == "x" * 400
    assert told([]) == "no operator has looked at it yet"
    assert told([{"status": "True"}]) == ""


def test_nothing_is_waited_for_in_a_preview_and_nothing_of_it_is_kept() -> None:
    assert Arrival().create(INPUTS, preview=True) == ("", INPUTS)
    prior = State(id="x", inputs=INPUTS, outputs=INPUTS)
    assert Arrival().read(prior) == prior and Arrival().update(prior, INPUTS, preview=True) == INPUTS


def problems(secrets: str, apps: str = "{}", kind: str = "kubernetes") -> dict[str, Any]:
    text = YAML(typ="safe")
    server = {"type": "cloudnativepg"} if kind == "kubernetes" else {"type": "embedded"}
    whole = {
        **raw(),
        "environment": {"kind": kind},
        "server": server,
        "secrets": text.load(secrets),
        "apps": text.load(apps),
    }
    if kind == "local":
        whole |= {"cache": {"type": "embedded"}, "documents": {"type": "embedded"}}
    with pytest.raises(SettingsError) as raised:
        parse(whole, "Pulumi.dev.yaml", "dev")
    return {one.path: one for one in raised.value.problems}


def infisical(**changes: Any) -> str:
    return json.dumps({"source": {key: value for key, value in {**INFISICAL, **changes}.items() if value is not None}})


@pytest.mark.parametrize(
    ("secrets", "path", "found", "write"),
    [
        (infisical(path=None), "source.path", "nothing", "path: /postgresql"),
        (infisical(path="postgresql"), "source.path", "postgresql", "path: /postgresql"),
        (infisical(path="/postgresql/"), "source.path", "/postgresql/", "path: /postgresql"),
        (infisical(pth="/x"), "source.pth", "an unknown key, pth", "path: /x"),
        (infisical(credentials={"secretName": "x"}), "source.credentials.secretNamespace", "nothing",
         "secretNamespace: argocd"),
        ("{source: {type: vault}}", "source", "a mapping", "source: …"),
        ("{source: {type: externalSecrets}}", "source.store", "nothing", "store: …"),
        ("{source: {type: externalSecrets, store: {name: v}, key: all}}", "source.key", "all", "key: postgresql/{app}"),
        ("{source: {type: externalSecrets, store: {name: v}}, push: {store: {name: v}}}", "push", "a store, v",
         "remove this block"),
        ("{source: {type: externalSecrets, store: {name: v}}, rotation: 2026-11-21}", "rotation", "2026-11-21",
         "remove this line"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_named_with_the_line_to_write(secrets: str, path: str, found: str, write: str) -> None:
    every = problems(secrets)
    problem = every[f"socle:secrets.{path}"]
    assert found in problem.found and problem.write == write
    assert len(every) == 1


def test_one_secret_has_the_passwords_of_one_source() -> None:
    every = problems(infisical(), '{a: {cache: true, env: {DB: "{database.url}", R: "{redis.url}"}}}')
    assert every["socle:apps.a.env"].found == "DB with a password from infisical, and R with one that Socle generates"
    assert every["socle:apps.a.env"].write == "secrets: {a-more: {R: '{redis.url}'}}"
    every = problems(infisical(), '{a: {secrets: {both: {X: "{database.url} {database.readonly_url}"}}}}')
    assert set(every) == {"socle:apps.a.secrets.both"}


def test_what_can_only_be_generated_is_refused_with_a_store() -> None:
    every = problems(infisical(), "{admin: {}, b: {documents: true}, c: {rotation: 2026-01-01}}")
    assert set(every) == {"socle:apps.admin", "socle:apps.b.documents", "socle:apps.c.rotation"}


def test_a_laptop_has_no_store() -> None:
    every = problems(json.dumps({"source": INFISICAL, "push": {"store": {"name": "v"}}}), kind="local")
    assert every["socle:secrets.source.type"].write == "type: generated"
    assert "socle:secrets.push" in every
