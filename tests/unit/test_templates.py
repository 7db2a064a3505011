"""Placeholders and the connection strings behind them."""

from __future__ import annotations

import pytest

from components.postgres.connection import Address
from stacks import templates

ADDRESS = Address(host="localhost", port=5435, sslmode="verify-full", ca_file="/srv/ca.crt")


def facts(**changes: str) -> dict[str, str]:
    values = {"database": "city_api", "user": "city_api", "password": "s3:c/r@t", **changes}
    return templates.database_facts(ADDRESS, **values)


def test_every_placeholder_that_is_allowed_has_a_value() -> None:
    redis = templates.redis_facts(host="h", port=1, user="u", password="p", prefix="x:")
    mongodb = templates.mongodb_facts(host="h", port=1, user="u", password="p", database="d")
    known = {**facts(), **redis, **mongodb}
    assert set(known) == {name for names in templates.PLACEHOLDERS.values() for name in names}


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("url", "postgresql://city_api:s3%3Ac%2Fr%40t@localhost:5435/city_api?sslmode=verify-full&sslrootcert=/srv/ca.crt"),
        ("asyncpg_url", "postgresql+asyncpg://city_api:s3%3Ac%2Fr%40t@localhost:5435/city_api?ssl=verify-full"),
        ("jdbc_url", "jdbc:postgresql://localhost:5435/city_api?sslmode=verify-full&sslrootcert=/srv/ca.crt"),
    ],
)  # fmt: skip
def test_urls_escape_the_password_and_check_the_certificate(name: str, url: str) -> None:
    assert templates.render(f"{{database.{name}}}", facts()) == url


def test_text_around_a_placeholder_stays_and_braces_can_be_written() -> None:
    assert templates.render("x={database.port} {{literal}}", facts()) == "x=5435 {literal}"


def test_the_readonly_placeholders_stand_for_the_one_login_where_there_is_no_other() -> None:
    assert facts()["database.readonly_user"] == "city_api"
    assert facts(readonly_user="city_api_ro", readonly_password="x")["database.readonly_user"] == "city_api_ro"
