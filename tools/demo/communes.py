"""The communes of France, from the npm package that Etalab publishes, as rows of the demo's tables."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock

from tools import paths
from tools.embedded.download import npm_package

PACKAGE = "@etalab/decoupage-administratif@6.0.0"
INTEGRITY = "sha512-XavYsFlbcM/prKr8hNHPKER94IHw/dsxNM4nxjWMYk6PLFACpEedvn/7wK8Baozm0dCYhWWcf+7bcWpA5pmCaQ=="
"""As the registry states it: MIT licence, data of the French state, 9 March 2026."""

CURRENT = "commune-actuelle"
"""The package lists former and delegated communes as well; only a current one is a commune."""


@dataclass(frozen=True, kw_only=True)
class Communes:
    """Rows ready to load, in the order of the tables' columns."""

    regions: list[tuple[str, str]]
    departments: list[tuple[str, str, str]]
    communes: list[tuple[str, str, str, str, int | None]]
    postal_codes: list[tuple[str, str]]
    """Postal code, commune's code."""


def fetch() -> Communes:
    """The package's data, downloaded once into the cache. Raises ToolError without network."""
    folder = paths.cache() / "demo" / PACKAGE.rpartition("@")[2]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                (npm_package(PACKAGE, INTEGRITY, Path(scratch)) / "data").rename(folder)
    return rows(*(json.loads((folder / f"{name}.json").read_text("utf-8")) for name in _FILES))


_FILES = ("regions", "departements", "communes")


def rows(regions: list[dict[str, Any]], departments: list[dict[str, Any]], communes: list[dict[str, Any]]) -> Communes:
    """The rows in the package's three lists. Pure."""
    current = [commune for commune in communes if commune["type"] == CURRENT]
    return Communes(
        regions=[(region["code"], region["nom"]) for region in regions],
        departments=[(one["code"], one["nom"], one["region"]) for one in departments],
        communes=[
            (one["code"], one["nom"], one["departement"], one["region"], one.get("population")) for one in current
        ],
        postal_codes=[(postal, one["code"]) for one in current for postal in one.get("codesPostaux", ())],
    )


def load(connection: psycopg.Connection, data: Communes) -> int:
    """Put the rows in, as the application, in one transaction; return how many communes there are then.

    What is there already stays: running it again adds nothing.
    """
    with connection.transaction(), connection.cursor() as cursor:
        row = cursor.execute("SELECT count(*) FROM commune").fetchone()
        if row and row[0]:
            return int(row[0])
        with cursor.copy("COPY region (code, name) FROM STDIN") as copy:
            for region in data.regions:
                copy.write_row(region)
        with cursor.copy("COPY department (code, name, region_code) FROM STDIN") as copy:
            for department in data.departments:
                copy.write_row(department)
        with cursor.copy("COPY commune (code, name, department_code, region_code, population) FROM STDIN") as copy:
            for commune in data.communes:
                copy.write_row(commune)
        cursor.execute("CREATE TEMPORARY TABLE postal (postal text, commune text) ON COMMIT DROP")
        with cursor.copy("COPY postal FROM STDIN") as copy:
            for pair in data.postal_codes:
                copy.write_row(pair)
        cursor.execute(
            "INSERT INTO postal_code SELECT p.postal, c.id FROM postal p JOIN commune c ON c.code = p.commune"
        )
    return len(data.communes)
