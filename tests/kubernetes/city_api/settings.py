"""Where the database is: the application's own variables, as city-api has them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

CONNECT_SECONDS = 3


def parameters(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What libpq is given. A CA file in PGSSLROOTCERT, which libpq reads itself, means that the server must prove its
    name; without it libpq's own variables decide."""
    found: dict[str, Any] = {
        "host": environ["CITY_API_DB_HOST"],
        "port": environ["CITY_API_DB_PORT"],
        "dbname": environ["CITY_API_DB_NAME"],
        "user": environ["CITY_API_DB_USER"],
        "password": environ["CITY_API_DB_PWD"],
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "city-api",
    }
    return found | ({"sslmode": "verify-full"} if environ.get("PGSSLROOTCERT") else {})
