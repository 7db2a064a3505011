"""The pod that runs a psql script as the server's superuser, from inside the cluster. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.kubernetes.manifests import (
    Manifest,
    restricted,
    restricted_container,
    secret_variable,
    variables,
)

POSTGRES_UID = 26
"""Of `postgres` in CloudNativePG's images."""
LOGIN_SECONDS = 120
"""How long the operator may take to give a role the password of its Secret."""

_RUN = r"""set -eu
printf '%s' "$SCRIPT" | psql --no-psqlrc --quiet --dbname=postgres >/dev/null
login() {
  left=@SECONDS@
  until PGUSER="$1" PGPASSWORD="$2" psql --no-psqlrc --dbname="$DATABASE" --command='' 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "$1 can't log in to $DATABASE" >&2; exit 1; }
    sleep 1
  done
}
""".replace("@SECONDS@", str(LOGIN_SECONDS))


@dataclass(frozen=True, kw_only=True)
class ServerAccess:
    """How a pod beside the server reaches it."""

    host: str
    image: str
    """With psql."""
    superuser_secret: str
    """Basic-auth."""
    authority_secret: str
    """Of which only `ca.crt` is mounted."""

    @property
    def authority_volume(self) -> Manifest:
        """A pod's volume `ca` with the certificate to trust, as `ca.crt`."""
        items = [{"key": "ca.crt", "path": "ca.crt"}]
        return {"name": "ca", "secret": {"secretName": self.authority_secret, "items": items}}


def pod(access: ServerAccess, script: str, *, database: str = "", logins: Sequence[str] = ()) -> Manifest:
    """The pod's spec: run `script`, then see that the login in each of the basic-auth Secrets `logins` can connect to
    `database`."""
    checks = [f'login "$USER_{number}" "$PASSWORD_{number}"' for number, _ in enumerate(logins)]
    secrets = [
        secret_variable(f"{name}_{number}", secret, key)
        for number, secret in enumerate(logins)
        for name, key in (("USER", "username"), ("PASSWORD", "password"))
    ]
    plain = {"SCRIPT": script, "DATABASE": database, "PGHOST": access.host, "PGCONNECT_TIMEOUT": "5",
             "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca/ca.crt"}  # fmt: skip
    return {
        "securityContext": restricted(POSTGRES_UID),
        "containers": [
            {
                "name": "psql",
                "image": access.image,
                "command": ["sh", "-c", "\n".join([_RUN, *checks])],
                "env": [
                    *variables(plain),
                    secret_variable("PGUSER", access.superuser_secret, "username"),
                    secret_variable("PGPASSWORD", access.superuser_secret, "password"),
                    *secrets,
                ],
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                "securityContext": restricted_container(),
                "volumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}],
            }
        ],
        "volumes": [access.authority_volume],
    }
