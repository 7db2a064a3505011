"""Reading objects of Kubernetes as plain JSON: absent is None, and what can't be read is an error with its reason."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import urllib3
from kubernetes.client import ApiException, CoreV1Api

from tools.doctor.facts import Unseen
from tools.doctor.redaction import Redactor

T = TypeVar("T")
Json = Mapping[str, Any]
_SECONDS = 20
_LOG_LINES = 15


class UnseenError(Exception):
    """It couldn't be looked at."""


class Reader:
    """Reads by the official client. What it has read of Secrets, `redactor` keeps out of everything that is told."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.redactor = Redactor()

    def get(self, path: str, **query: str) -> Json | None:
        """One object, or None where there is none. Raises UnseenError."""
        try:
            found = self.client.call_api(
                path, "GET", query_params=list(query.items()), response_type="object",
                header_params={"Accept": "application/json"}, auth_settings=["BearerToken"],
                _return_http_data_only=True, _request_timeout=_SECONDS,
            )  # fmt: skip
        except ApiException as error:
            if error.status == 404:
                return None
            raise UnseenError(f"{path}: {error.status} {error.reason}") from None
        except urllib3.exceptions.HTTPError as error:
            raise UnseenError(f"{path}: {type(error).__name__}") from None
        return dict(found)

    def items(self, path: str, **query: str) -> list[Json]:
        """The objects of a list; none where the kind isn't served. Raises UnseenError."""
        found = self.get(path, **query)
        return list(found.get("items") or []) if found else []

    def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """A Secret's data, decoded; None where it isn't there. Raises UnseenError."""
        found = self.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        if found is None:
            return None
        return {
            key: base64.b64decode(value).decode(errors="replace") for key, value in (found.get("data") or {}).items()
        }

    def log(self, namespace: str, pod: str, *, previous: bool = False) -> str:
        """The end of a pod's log; empty where there is none."""
        try:
            text = CoreV1Api(self.client).read_namespaced_pod_log(
                pod, namespace, tail_lines=_LOG_LINES, previous=previous, _request_timeout=_SECONDS
            )
        except (ApiException, urllib3.exceptions.HTTPError):
            return ""
        return str(text).strip()


def seen(look: Callable[[], T]) -> T | Unseen:
    """What `look` finds, or why it couldn't."""
    try:
        return look()
    except UnseenError as error:
        return Unseen(why=str(error))


def conditions_of(found: Json) -> list[Json]:
    """Those of an object's status."""
    return list((found.get("status") or {}).get("conditions") or [])
