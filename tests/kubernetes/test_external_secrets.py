"""External Secrets for real: its operator brings passwords in, follows their change, and takes generated ones out.

The store is a namespace of the same cluster, by the operator's kubernetes provider. Doesn't prove: another provider.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.engine import checkout
from tests.engine.checkout import Checkout
from tests.kubernetes.support import POSTGRES_IMAGE, Cluster, until

pytestmark = pytest.mark.long  # what they need takes minutes to build

STORE = "sx-store"
SECRET = "docspell-env"
# What a URL has to quote, and what Go's templates would take for theirs.
ODD = "p@ss w+rd/%:{{ .x }}é"


@pytest.fixture(scope="module")
def store(cluster: Cluster, with_external_secrets: None) -> Iterator[str]:
    """A namespace that stands for the store, and the ClusterSecretStore that leads to it."""
    definitions = client.ApiextensionsV1Api(cluster.api).list_custom_resource_definition().items
    if "externalsecrets.external-secrets.io" not in {one.metadata.name for one in definitions}:
        pytest.fail("External Secrets isn't in the cluster: make cluster WITH=external-secrets")
    _make(cluster)
    yield STORE
    cluster.custom.delete_cluster_custom_object("external-secrets.io", "v1", "clustersecretstores", STORE)
    cluster.core.delete_namespace(STORE)


def _make(cluster: Cluster) -> None:
    rights = client.RbacAuthorizationV1Api(cluster.api)
    meta = {"name": "store", "namespace": STORE}
    cluster.core.create_namespace({"metadata": {"name": STORE}})
    cluster.core.create_namespaced_service_account(STORE, {"metadata": meta})
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
    rights.create_namespaced_role(
        STORE, {"metadata": meta, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": verbs}]}
    )
    subject = {"kind": "ServiceAccount", "name": "store", "namespace": STORE}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "store"}
    rights.create_namespaced_role_binding(STORE, {"metadata": meta, "roleRef": reference, "subjects": [subject]})
    authority = {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt", "namespace": STORE}
    provider = {
        "remoteNamespace": STORE,
        "server": {"caProvider": authority},
        "auth": {"serviceAccount": {"name": "store", "namespace": STORE}},
    }
    made = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": STORE},
        "spec": {"provider": {"kubernetes": provider}},
    }
    cluster.custom.create_cluster_custom_object("external-secrets.io", "v1", "clustersecretstores", made)


def put(cluster: Cluster, application: str, password: str) -> None:
    """Into the store, as whoever keeps it does."""
    name, data = f"postgresql-{application}", {"password": base64.b64encode(password.encode()).decode()}
    try:
        cluster.core.patch_namespaced_secret(name, STORE, {"data": data})
    except client.ApiException as error:
        assert error.status == 404
        cluster.core.create_namespaced_secret(STORE, {"metadata": {"name": name}, "data": data})


def settings(cluster: Cluster, name: str, secrets: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    env = {"URL": "{database.url}", "PASSWORD": "{database.password}", "BRACES": "{{{{ .x }}}}"}

    def change(config: dict[str, Any]) -> None:
        config["socle:cluster"] = {"identity": cluster.identity}
        config["socle:server"] |= {
            "name": name,
            "namespace": f"{name}-db",
            "image": POSTGRES_IMAGE,
            "storage": {"size": "1Gi"},
            "parameters": {"checkpoint_completion_target": "0"},
        }
        config["socle:secrets"] = secrets
        config["socle:apps"] = {"docspell": {"namespace": f"{name}-app", "env": env}}

    return change


def environment(
    cluster: Cluster, folder: Path, name: str, secrets: dict[str, Any]
) -> Iterator[Checkout]:  # fmt: skip
    """A checkout whose `dev` environment is up, and gone afterwards."""
    made = checkout.make(folder, variables={"KUBECONFIG": str(cluster.kubeconfig)})
    made.settings(settings(cluster, name, secrets), stack="dev")
    try:
        made.run("up", "dev")
        yield made
    finally:
        made.run("destroy", "dev", "--yes", expect=None)
        made.destroy()
    assert not {f"{name}-db", f"{name}-app", f"{name}-more"} & cluster.namespaces()


@pytest.fixture(scope="module")
def fetching(cluster: Cluster, store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Passwords from the store."""
    put(cluster, "admin", "for the superuser")
    put(cluster, "docspell", ODD)
    source = {
        "type": "externalSecrets", "store": {"name": store}, "key": "postgresql-{app}", "refreshInterval": "2s",
    }  # fmt: skip
    yield from environment(cluster, tmp_path_factory.mktemp("fetching"), "sx-fetching", {"source": source})


@pytest.fixture(scope="module")
def pushing(cluster: Cluster, store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Generated passwords, which go to the store as well."""
    push = {"store": {"name": store}, "key": "pushed-{app}", "refreshInterval": "2s"}
    yield from environment(cluster, tmp_path_factory.mktemp("pushing"), "sx-pushing", {"push": push})


def logged_in(cluster: Cluster, namespace: str, url: str = "$URL") -> str:
    command = ["sh", "-c", f'psql "{url}" -X -qAt -c "SELECT session_user"']
    done = cluster.run(namespace, command, secrets=[SECRET])
    return done.log.strip() if done.ok else f"refused: {done.log.strip()}"


@pytest.mark.usefixtures("fetching")
def test_the_application_logs_in_with_the_password_of_the_store_whatever_is_in_it(cluster: Cluster) -> None:
    found = cluster.secret("sx-fetching-app", SECRET)
    assert found["PASSWORD"] == ODD
    assert found["BRACES"] == "{{ .x }}"
    assert logged_in(cluster, "sx-fetching-app") == "docspell"
    made = cluster.core.read_namespaced_secret("docspell-postgresql-credentials", "sx-fetching-db")
    assert made.type == "kubernetes.io/basic-auth" and made.metadata.labels["cnpg.io/reload"] == "true"
    assert cluster.secret("sx-fetching-db", "sx-fetching-superuser")["password"] == "for the superuser"


def test_a_changed_password_reaches_server_and_application_without_an_up(cluster: Cluster, fetching: Checkout) -> None:
    before = cluster.secret("sx-fetching-app", SECRET)["URL"]
    put(cluster, "docspell", "the second one")
    began = time.monotonic()
    until(lambda: cluster.secret("sx-fetching-app", SECRET)["PASSWORD"] == "the second one", "the Secret follows")
    until(lambda: logged_in(cluster, "sx-fetching-app") == "docspell", "the server follows")
    print(f"changed in {time.monotonic() - began:.0f} s")
    assert "password authentication failed" in logged_in(cluster, "sx-fetching-app", before)
    fetching.pulumi("preview", "--stack", "dev", "--expect-no-changes")


def test_a_password_that_is_missing_is_told_with_the_setting_and_the_line_to_write(
    cluster: Cluster, fetching: Checkout
) -> None:
    def add(config: dict[str, Any]) -> None:
        config["socle:apps"]["tandoor"] = {"namespace": "sx-fetching-more"}

    fetching.settings(add, stack="dev")
    said = fetching.run("up", "dev", expect=None)
    assert said.code != 0
    assert "socle:secrets.source.key" in said.said
    assert "Secret sx-fetching-db/tandoor-postgresql-credentials doesn't come; ExternalSecret" in said.said
    assert "postgresql-tandoor has the property password" in said.said
    put(cluster, "tandoor", "here it is")
    fetching.run("up", "dev")
    assert cluster.secret("sx-fetching-more", "tandoor-env")["DATABASE_URL"].startswith(
        "postgresql://tandoor:here%20it"
    )


def test_no_password_of_the_store_is_in_the_state_or_in_an_object_that_is_no_secret(
    cluster: Cluster, fetching: Checkout
) -> None:
    state = fetching.pulumi("stack", "export", "--stack", "dev", "--show-secrets").out
    assert "docspell-postgresql-credentials" in state
    for password in ("the second one", "for the superuser", "here it is"):
        assert password not in state and password.replace(" ", "%20") not in state
    made = cluster.custom.list_cluster_custom_object("external-secrets.io", "v1", "externalsecrets")
    assert made["items"] and "the second" not in str(made)


@pytest.mark.usefixtures("pushing")
def test_a_generated_login_is_in_the_store_and_after_a_rotation_the_other_one(
    cluster: Cluster, pushing: Checkout
) -> None:
    def pushed() -> dict[str, str]:
        return cluster.secret(STORE, "pushed-docspell")

    first = until(pushed, "the credentials are pushed")
    assert (first["username"], first["database"]) == ("docspell", "docspell")
    assert first["password"] == cluster.secret("sx-pushing-app", SECRET)["PASSWORD"]
    pushing.pulumi("config", "set", "--stack", "dev", "--path", "socle:secrets.rotation", "2026-11-21")
    pushing.run("up", "dev")
    until(lambda: pushed()["username"] == "docspell_rw2", "the other login is pushed")
    assert pushed()["password"] == cluster.secret("sx-pushing-app", SECRET)["PASSWORD"] != first["password"]
    assert logged_in(cluster, "sx-pushing-app") == "docspell_rw2"
