"""FerretDB in a Kubernetes cluster: MongoDB's protocol over an application's own database. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.kubernetes.manifests import (
    Manifest,
    labels,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)
from components.mongodb.users import AUTH_DATABASE, RESET

PORT = 27017
UID = 65532

_PREPARE = 'printf %s "$SCRIPT" | psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname="$URL"'


@dataclass(frozen=True, kw_only=True)
class FerretPlan:
    """One application's FerretDB."""

    application: str
    namespace: str
    name: str
    """Of its Service."""
    image: str
    psql_image: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    secret: str
    """With `postgresql-url`, `username` and `password`."""
    certificate_secret: str
    """With `tls.crt` and `tls.key`."""
    authority_config: str
    """The ConfigMap that has the certificate of PostgreSQL's authority, where `postgresql-url` looks for it."""
    authority_folder: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the certificate has to name, the one that the application uses first."""
        base = f"{self.name}.{self.namespace}.svc"
        return base, f"{base}.cluster.local"


def service(plan: FerretPlan) -> Manifest:
    """The Service's spec."""
    return {
        "selector": labels(plan.name, part_of="documents"),
        "ports": [{"name": "mongodb", "port": PORT, "targetPort": "mongodb"}],
    }


def deployment(plan: FerretPlan, *, annotations: Mapping[str, str]) -> Manifest:
    """The Deployment's spec; `annotations` are the pod's, a change of which rolls it."""
    selected = labels(plan.name, part_of="documents")
    return {
        # It keeps nothing itself, but two that set up the users at once would undo each other.
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": selected},
        "template": {
            "metadata": {"labels": selected, "annotations": dict(annotations)},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": restricted(UID),
                "initContainers": [_prepare(plan)],
                "containers": [_server(plan)],
                "volumes": [
                    {"name": "tls", "secret": {"secretName": plan.certificate_secret}},
                    {"name": "authority", "configMap": {"name": plan.authority_config}},
                ],
            },
        },
    }


def _authority(plan: FerretPlan) -> Manifest:
    return {"name": "authority", "mountPath": plan.authority_folder, "readOnly": True}


def _prepare(plan: FerretPlan) -> Manifest:
    return {
        "name": "users",
        "image": plan.psql_image,
        "command": ["sh", "-c", _PREPARE],
        "env": [secret_variable("URL", plan.secret, "postgresql-url"), *variables({"SCRIPT": RESET})],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": restricted_container(),
        "volumeMounts": [_authority(plan)],
    }


def _server(plan: FerretPlan) -> Manifest:
    settings = {
        # Only over TLS; a plain listener would take passwords in clear.
        "FERRETDB_LISTEN_ADDR": "",
        "FERRETDB_LISTEN_TLS": f":{PORT}",
        "FERRETDB_LISTEN_TLS_CERT_FILE": "/tls/tls.crt",
        "FERRETDB_LISTEN_TLS_KEY_FILE": "/tls/tls.key",
        "FERRETDB_TEST_ENABLE_NEW_AUTH": "true",
        "FERRETDB_SETUP_DATABASE": AUTH_DATABASE,
        "FERRETDB_TELEMETRY": "disable",
        "FERRETDB_DEBUG_ADDR": "-",
        "FERRETDB_STATE_DIR": "-",
        "FERRETDB_LOG_LEVEL": "WARN",
    }
    probe = {"tcpSocket": {"port": "mongodb"}, "periodSeconds": 5}
    return {
        "name": "ferretdb",
        "image": plan.image,
        "env": [
            *variables(settings),
            secret_variable("FERRETDB_POSTGRESQL_URL", plan.secret, "postgresql-url"),
            secret_variable("FERRETDB_SETUP_USERNAME", plan.secret, "username"),
            secret_variable("FERRETDB_SETUP_PASSWORD", plan.secret, "password"),
        ],
        "ports": [{"name": "mongodb", "containerPort": PORT}],
        "resources": {"requests": dict(plan.requests), "limits": dict(plan.limits)},
        "startupProbe": {**probe, "failureThreshold": 60},
        "readinessProbe": probe,
        "livenessProbe": {**probe, "periodSeconds": 20},
        "securityContext": restricted_container(),
        "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}, _authority(plan)],
    }
