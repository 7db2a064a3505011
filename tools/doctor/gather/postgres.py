"""What PostgreSQL itself says, by psql in the primary's pod: it needs no way in from here, and no password."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import urllib3
import websocket
from kubernetes.client import ApiClient, ApiException, CoreV1Api
from kubernetes.stream import stream

from branching import inventory
from branching.tombstones import role as tombstone
from tools.doctor.facts import Database, Login, PostgresFacts, Role
from tools.doctor.gather.reader import Reader, UnseenError

_SECONDS = 60
_QUERY = r"""
SELECT json_build_object(
  'roles', (SELECT json_object_agg(rolname, json_build_object(
      'login', rolcanlogin, 'limit', rolconnlimit,
      'sessions', (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid)))
    FROM pg_roles r WHERE rolname !~ '^pg_'),
  'databases', (SELECT json_agg(json_build_object(
      'name', datname, 'owner', pg_get_userbyid(datdba), 'is_template', datistemplate, 'is_open', datallowconn,
      'connection_limit', datconnlimit, 'comment', shobj_description(d.oid, 'pg_database'),
      'connects', (SELECT json_agg(CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END)
                   FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE privilege_type = 'CONNECT')))
    FROM pg_database d),
  'sessions', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
  'max', current_setting('max_connections')::int)
"""
_PUBLIC = "public"
"""No role can be called so."""
_CONNECT_SECONDS = 5
# A password comes by stdin, and stands in no process list. Where the Service doesn't answer, the server itself is asked
# by TCP, which wants the password as well.
_LOGINS = r"""
host="$1"; said=service
pg_isready -q -t @SECONDS@ -h "$host" || { host=127.0.0.1; said=itself; }
tab="$(printf '\t')"
while IFS="$tab" read -r user database password; do
  [ "$user" = . ] && break
  if error="$(PGPASSWORD="$password" PGCONNECT_TIMEOUT=@SECONDS@ PGSSLMODE=require \
      psql -X -q -h "$host" -U "$user" -d "$database" -c '' 2>&1 </dev/null)"
  then printf '%s\t%s\tok\t\n' "$user" "$said"
  else printf '%s\t%s\tno\t%s\n' "$user" "$said" "$(printf '%s' "$error" | tr '\n\t' '  ')"
  fi
done
""".replace("@SECONDS@", str(_CONNECT_SECONDS))


@dataclass(frozen=True, kw_only=True)
class Place:
    """The primary's pod."""

    namespace: str
    pod: str
    service: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Attempt:
    """One login to try."""

    role: str
    database: str
    password: str


def ask(reader: Reader, place: Place) -> PostgresFacts:
    """Roles, databases and connections. Raises UnseenError."""
    said = _execute(reader, place, ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", _QUERY])
    try:
        return parse(json.loads(said))
    except json.JSONDecodeError:
        raise UnseenError(said.strip() or "psql said nothing") from None


def parse(found: dict[str, Any]) -> PostgresFacts:
    """Facts of the query's answer. Pure."""
    roles = {name: Role(**one) for name, one in found["roles"].items()}
    listed = [
        inventory.Database(bytes=None, **{key: value for key, value in one.items() if key != "connects"})
        for one in found["databases"]
    ]
    prefix = tombstone(0).removesuffix("0")
    return PostgresFacts(
        roles=roles,
        databases={
            one["name"]: Database(
                owner=one["owner"],
                public_connects=_PUBLIC in (one["connects"] or ()),
                connects=frozenset(one["connects"] or ()) - {_PUBLIC},
            )
            for one in found["databases"]
        },
        sessions=found["sessions"],
        max_connections=found["max"],
        inventory=inventory.inventory(listed),
        closed=frozenset(int(name.removeprefix(prefix)) for name in roles if name.startswith(prefix)),
    )


def log_in(reader: Reader, place: Place, attempts: Iterable[Attempt]) -> dict[str, Login]:
    """What comes of each login, by role. Raises UnseenError."""
    wanted = [one for one in attempts if "\t" not in one.password and "\n" not in one.password]
    lines = [f"{one.role}\t{one.database}\t{one.password}" for one in wanted]
    said = _execute(
        reader, place, ["sh", "-c", _LOGINS, "sh", place.service], stdin="\n".join([*lines, ".\t.\t."]) + "\n"
    )
    return {role: login for role, login in map(_login, said.splitlines()) if role}


def _login(line: str) -> tuple[str, Login]:
    role, by, ok, error = [*line.split("\t"), "", "", ""][:4]
    said = " ".join(error.rpartition("FATAL:")[2].split())
    return (role if ok in ("ok", "no") else ""), Login(ok=ok == "ok", said=said, by_service=by == "service")


def _execute(reader: Reader, place: Place, command: list[str], stdin: str = "") -> str:
    """What the command in the pod prints. Raises UnseenError."""
    # `stream` changes the client that it is given.
    own = CoreV1Api(ApiClient(reader.client.configuration))
    try:
        running = stream(
            own.connect_get_namespaced_pod_exec, place.pod, place.namespace, container="postgres", command=command,
            stdin=bool(stdin), stdout=True, stderr=True, tty=False, _preload_content=False,
        )  # fmt: skip
        if stdin:
            running.write_stdin(stdin)
        running.run_forever(timeout=_SECONDS)
        out, error = running.read_stdout(timeout=1) or "", running.read_stderr(timeout=1) or ""
        ended = not running.is_open()
        running.close()
    except (ApiException, urllib3.exceptions.HTTPError, websocket.WebSocketException) as failed:
        raise UnseenError(f"pod {place.pod}: {_reason(failed)}") from None
    if not ended:
        raise UnseenError(f"pod {place.pod} did not answer within {_SECONDS} s")
    return str(out) or str(error)


def _reason(failed: Exception) -> str:
    reason = getattr(failed, "reason", "") or str(failed)
    return str(reason).splitlines()[0] if str(reason) else type(failed).__name__
