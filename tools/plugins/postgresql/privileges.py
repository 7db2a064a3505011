"""Which privileges there are, and whether those found are those wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tools.plugins.resource import PluginError

ALL = "ALL"
_MAINTAIN_VERSION = 170000
_ALLOWED = {
    "database": ("CREATE", "CONNECT", "TEMPORARY"),
    "table": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    "sequence": ("USAGE", "SELECT", "UPDATE"),
    "schema": ("CREATE", "USAGE"),
    "function": ("EXECUTE",),
    "procedure": ("EXECUTE",),
    "routine": ("EXECUTE",),
    "type": ("USAGE",),
    "foreign_data_wrapper": ("USAGE",),
    "foreign_server": ("USAGE",),
    "column": ("SELECT", "INSERT", "UPDATE", "REFERENCES"),
}


def allowed(object_type: str, version: int) -> tuple[str, ...]:
    """The privileges of an object type, without ALL. `version` is the server's, as 180001."""
    maintain = ("MAINTAIN",) if object_type == "table" and version >= _MAINTAIN_VERSION else ()
    return _ALLOWED[object_type] + maintain


def validate(object_type: str, privileges: Iterable[str], version: int) -> None:
    """Raise PluginError if one of `privileges` is none of the object type's."""
    known = (ALL, *allowed(object_type, version))
    for privilege in privileges:
        if privilege not in known:
            raise PluginError(f"{privilege} is not a privilege on a {object_type} (there are: {', '.join(known)})")


def same(object_type: str, wanted: Iterable[str], found: Iterable[str], version: int) -> bool:
    """Whether `found` is what `wanted` says, where ALL stands for each of them."""
    wanted, found = set(wanted), set(found)
    return found == wanted or (ALL in wanted and found == set(allowed(object_type, version)))
