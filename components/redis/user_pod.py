"""The pod that sets or removes an application's user on a cache in the cluster. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from components.kubernetes.manifests import (
    Manifest,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)
from components.redis.cache_manifests import ADMIN, PORT, UID, CachePlan

_HEAD = r"""set -eu
ask() {
  left=60
  # An error is an answer like any other to the client, and its command line is for all to see.
  until answer=$(printf '%s\n' "$1" | @ENGINE@-cli --tls --cacert /tls/ca.crt -h "$HOST" -p @PORT@ --user @ADMIN@ 2>&1)
        [ "$answer" = "$2" ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "$answer" >&2; exit 1; }
    sleep 1
  done
}
"""


def set_user(plan: CachePlan, user: str, *, secret: str) -> Manifest:
    """Make the user what `rules` of the Secret says, whatever it was."""
    env = [secret_variable("RULES", secret, "rules")]
    return _pod(plan, ['ask "ACL SETUSER $CACHE_USER $RULES" OK', 'ask "ACL SAVE" OK'], user, env)


def remove_user(plan: CachePlan, user: str, prefix: str) -> Manifest:
    """Remove the user, which ends its connections, then every key below its prefix."""
    sweep = (
        "local cursor = '0' repeat local found = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000) "
        "cursor = found[1] for _, key in ipairs(found[2]) do redis.call('UNLINK', key) end until cursor == '0' return 1"
    )
    lines = [
        # Made first where it is gone already, so that its removal is always answered alike.
        'ask "ACL SETUSER $CACHE_USER off" OK',
        'ask "ACL DELUSER $CACHE_USER" 1',
        'ask "ACL SAVE" OK',
        f'ask "EVAL \\"{sweep}\\" 0 $PREFIX*" 1',
    ]
    return _pod(plan, lines, user, variables({"PREFIX": prefix}))


def _pod(plan: CachePlan, lines: Sequence[str], user: str, env: list[Manifest]) -> Manifest:
    head = _HEAD.replace("@ENGINE@", plan.engine).replace("@PORT@", str(PORT)).replace("@ADMIN@", ADMIN)
    return {
        "securityContext": restricted(UID),
        "containers": [
            {
                "name": "acl",
                "image": plan.image,
                "command": ["sh", "-c", "\n".join([head, *lines])],
                "env": [
                    *variables({"HOST": plan.hosts[0], "CACHE_USER": user}),
                    # What both engines' clients read: https://valkey.io/topics/cli/#host-port-password-and-database.
                    secret_variable("REDISCLI_AUTH", plan.secret, "admin-password"),
                    secret_variable("VALKEYCLI_AUTH", plan.secret, "admin-password"),
                    *env,
                ],
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                "securityContext": restricted_container(),
                "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
            }
        ],
        "volumes": [
            {
                "name": "tls",
                "secret": {"secretName": plan.certificate_secret, "items": [{"key": "ca.crt", "path": "ca.crt"}]},
            }
        ],
    }
