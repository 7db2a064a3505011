"""`socle:kubernetes:Arrival`: a Secret that an operator writes, waited for."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tools.plugins.resource import PluginError, State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import Properties

_LOOK_SECONDS = 0.5
_LONGEST = 400
"""Characters of an operator's complaint."""


class Arrival(Plain):
    """Inputs as `components.kubernetes.arrival` gives them. The id is `<namespace>/<secret>`."""

    replacing = frozenset({"namespace", "secret"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Wait for it."""
        if preview:
            return "", dict(inputs)
        _wait(inputs)
        return f"{inputs['namespace']}/{inputs['secret']}", dict(inputs)

    def read(self, prior: State) -> State | None:
        """As it was: whether it is in order is the operator's to say."""
        return prior if prior.inputs else None

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Wait for it again."""
        del prior
        if not preview:
            _wait(news)
        return dict(news)

    def delete(self, prior: State) -> None:
        """Nothing: the Secret goes with what made it."""


def _wait(inputs: Properties) -> None:
    """Raises PluginError with what is wrong, where, and the line to write."""
    from components.kubernetes.access import Access, ClusterError, require

    try:
        client = require(Access(context=inputs["context"], identity=inputs["cluster"]))
    except ClusterError as error:
        raise PluginError(str(error)) from None
    end = time.monotonic() + int(inputs["timeoutSeconds"])
    while True:
        found = wrong(inputs, _contents(client, inputs))
        if not found:
            return
        if time.monotonic() > end:
            raise PluginError(problem(inputs, found, _said(client, inputs)))
        time.sleep(_LOOK_SECONDS)


def wrong(inputs: Properties, contents: Mapping[str, str] | None) -> str:
    """What keeps the Secret from being used, or nothing. Names no content but the user's name. Pure."""
    name = f"Secret {inputs['namespace']}/{inputs['secret']}"
    if contents is None:
        return f"{name} doesn't come"
    if absent := [key for key in inputs["keys"] if not contents.get(key)]:
        return f"{name} has no {' and no '.join(absent)}"
    wanted = inputs["username"]
    return f"{name} is {contents['username']}'s, not {wanted}'s" if wanted and contents["username"] != wanted else ""


def problem(inputs: Properties, found: str, said: str) -> str:
    """The whole message. Pure."""
    from stacks.problems import Problem

    by = f"; {inputs['maker']['kind']} {inputs['maker']['name']}: {said}" if said else ""
    whole = Problem(path=inputs["path"], found=f"{found}{by}", allowed=inputs["allowed"], write=inputs["write"])
    return f"{whole}"


def _contents(client: Any, inputs: Properties) -> dict[str, str] | None:
    from kubernetes.client import ApiException, CoreV1Api

    try:
        data = CoreV1Api(client).read_namespaced_secret(inputs["secret"], inputs["namespace"]).data or {}
    except ApiException as error:
        if error.status == 404:
            return None
        raise PluginError(f"Secret {inputs['namespace']}/{inputs['secret']} can't be read: {error.reason}") from None
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _said(client: Any, inputs: Properties) -> str:
    """What the operator says of the object; that it says nothing, where it does."""
    from kubernetes.client import ApiException, CustomObjectsApi

    maker = inputs["maker"]
    group, version = maker["apiVersion"].split("/")
    try:
        made = CustomObjectsApi(client).get_namespaced_custom_object(
            group, version, inputs["namespace"], maker["plural"], maker["name"]
        )
    except ApiException as error:
        return str(error.reason)
    return told(made.get("status", {}).get("conditions") or [])


def told(conditions: Sequence[Mapping[str, Any]]) -> str:
    """The first complaint, without the requests that it is wrapped in. Pure."""
    complaints = [str(one["message"]) for one in conditions if one.get("status") == "False" and one.get("message")]
    if not complaints:
        return "" if conditions else "no operator has looked at it yet"
    inner = re.search(r'message="([^"]+)"', complaints[0])
    return inner.group(1) if inner else complaints[0][:_LONGEST]
