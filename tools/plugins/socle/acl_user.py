"""`socle:redis:AclUser`: a user of the embedded cache, limited to its own key prefix."""

from __future__ import annotations

from typing import Any

from components.redis import rights
from stacks.embedded import read_description
from tools import paths
from tools.plugins.resource import PluginError, State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import Properties


class AclUser(Plain):
    """Inputs: `user`, `prefix`, and `password`, a secret. The id is the user."""

    replacing = frozenset({"user", "prefix"})
    secrets = frozenset({"password"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make the user, or set the one that an interrupted run left."""
        if preview:
            return "", dict(inputs)
        _set(inputs)
        return inputs["user"], dict(inputs)

    def read(self, prior: State) -> State | None:
        """The user as it is now; without its password where that was changed, None where it is gone."""
        found = _admin().execute_command("ACL", "GETUSER", prior.id)
        if found is None:
            return None
        rules = _rules(found)
        inputs = dict(prior.inputs)
        if rights.password_hash(inputs.get("password", "")) not in rules["passwords"]:
            inputs["password"] = ""
        if rules["keys"] != f"~{inputs.get('prefix')}*":
            inputs["prefix"] = rules["keys"].removeprefix("~").removesuffix("*")
        return State(id=prior.id, inputs=inputs, outputs=inputs)

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Set the user afresh: the old password stops working at once."""
        del prior
        if not preview:
            _set(news)
        return dict(news)

    def delete(self, prior: State) -> None:
        """Remove the user, which ends its connections, then every key below its prefix."""
        admin = _admin()
        admin.execute_command("ACL", "DELUSER", prior.id)
        admin.execute_command("ACL", "SAVE")
        prefix = prior.inputs["prefix"]
        keys = list(admin.scan_iter(match=f"{_literal(prefix)}*", count=1000))
        for start in range(0, len(keys), 1000):
            admin.unlink(*keys[start : start + 1000])


def _admin() -> Any:
    import redis

    server = read_description(paths.home(), "cache")
    if server is None:
        raise PluginError("the embedded cache was never started on this machine: run `make up`, which starts it first")
    client = redis.Redis(
        host=server.host, port=server.port, username=server.admin, password=server.admin_password, decode_responses=True
    )
    try:
        client.ping()
    except redis.RedisError as error:
        raise PluginError(
            f"the embedded cache does not answer on port {server.port}: run `make up` ({error})"
        ) from None
    return client


def _set(inputs: Properties) -> None:
    admin = _admin()
    admin.execute_command("ACL", "SETUSER", inputs["user"], *rights.rules(inputs["prefix"], inputs["password"]))
    admin.execute_command("ACL", "SAVE")


def _literal(prefix: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]\\^" else letter for letter in prefix)


def _rules(found: Any) -> dict[str, Any]:
    # RESP2 answers with a flat list of names and values, RESP3 with a mapping.
    return found if isinstance(found, dict) else dict(zip(found[::2], found[1::2], strict=True))
