"""How fast a server copies databases. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What a probe found, or what is typical where none ran."""

    server_version: int = 0
    """As the server numbers it, 180004; 0 is no probe."""
    taken_at: str = ""
    """ISO 8601, UTC."""
    tablespace: str = ""
    """Where the copies were made; empty is the server's own place."""
    shares_blocks: bool = False
    """Whether the filesystem gives a copy the same blocks (reflink), so that its size hardly matters."""
    wal_log_base_seconds: float = 0.1
    wal_log_bytes_per_second: float = 153 * MIB
    file_copy_base_seconds: float = 0.3
    """Two checkpoints of a server with little to do, and the smallest database."""
    file_copy_bytes_per_second: float = 476 * MIB

    def to_plain(self) -> dict[str, Any]:
        """As metadata writes them."""
        return asdict(self)

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Measures | None:
        """What metadata has, or None where it has none; a key of a newer version is passed over."""
        known = {one.name for one in fields(cls)}
        return cls(**{key: value for key, value in content.items() if key in known}) if content else None


TYPICAL = Measures()
"""DESIGN.md section 5: PostgreSQL 18.4, ext4, two cores."""
