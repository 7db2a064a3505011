"""Moments and sizes, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def ago(moment: str) -> str:
    """How long ago an ISO 8601 moment was: `3 minutes ago`."""
    return f"{span((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())} ago"


def span(seconds: float) -> str:
    """A length of time in its largest whole unit: `3 minutes`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{max(0, int(seconds))} seconds"


def size(count: int | None) -> str:
    """Bytes in binary units: `7.5 MiB`."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
