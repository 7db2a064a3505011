"""The five users' applications, each through a client of its kind with nothing but its environment file."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import uuid

import psycopg
import pymongo
import pymongo.errors
import pytest
import redis
import sqlalchemy
from psycopg import sql
from sqlalchemy.ext.asyncio import create_async_engine

from tests.engine.checkout import Checkout

APPLICATIONS = ("city-api", "docspell", "meetinity-user-service", "genesis", "penpal")


def owner_makes_a_table(connection: psycopg.Connection, owner: str, table: str) -> None:
    """What a migration does: log in as the application, become the owner, define."""
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
        connection.execute(
            sql.SQL("CREATE TABLE {} (id int GENERATED ALWAYS AS IDENTITY, v text)").format(sql.Identifier(table))
        )


def write_and_read(connection: psycopg.Connection, table: str) -> None:
    name = sql.Identifier(table)
    connection.execute(sql.SQL("INSERT INTO {} (v) VALUES ('written')").format(name))
    assert connection.execute(sql.SQL("SELECT v FROM {}").format(name)).fetchall() == [("written",)]


def test_city_api_uses_its_url_and_its_parts_alike(local: Checkout) -> None:
    env = local.variables("city-api")
    prefix = "CITY_API_DB_"
    assert {name.removeprefix(prefix) for name in env} == {"HOST", "PORT", "NAME", "USER", "PWD", "URL"}
    with psycopg.connect(env["CITY_API_DB_URL"], autocommit=True) as connection:
        assert connection.pgconn.ssl_in_use
        owner_makes_a_table(connection, "city_api_owner", "kind_test")
        write_and_read(connection, "kind_test")
    parts = {"host": env[f"{prefix}HOST"], "port": env[f"{prefix}PORT"], "dbname": env[f"{prefix}NAME"]}
    with psycopg.connect(**parts, user=env[f"{prefix}USER"], password=env[f"{prefix}PWD"]) as connection:
        assert connection.execute("SELECT v FROM kind_test").fetchone() == ("written",)


def test_docspell_uses_the_seeds_variables(local: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    env = local.variables("docspell")
    for name in ("PGSSLMODE", "PGSSLROOTCERT"):
        monkeypatch.setenv(name, env[name])
    with psycopg.connect(
        host=env["DB_HOST"], port=env["DB_PORT"], dbname=env["DB_NAME"], user=env["DB_USER"],
        password=env["DB_PASSWORD"], autocommit=True,
    ) as connection:  # fmt: skip
        assert connection.pgconn.ssl_in_use
        owner_makes_a_table(connection, "docspell_owner", "kind_test")
        write_and_read(connection, "kind_test")


def test_user_service_uses_sqlalchemy_and_redis(local: Checkout) -> None:
    env = local.variables("meetinity-user-service")
    engine = sqlalchemy.create_engine(env["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET LOCAL ROLE user_service_owner"))
        connection.execute(sqlalchemy.text("CREATE TABLE kind_test (v text)"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("INSERT INTO kind_test VALUES ('written')"))
        assert connection.execute(sqlalchemy.text("SELECT v FROM kind_test")).scalar() == "written"
    engine.dispose()
    cache = redis.Redis.from_url(env["REDIS_URL"], decode_responses=True)
    key = f"{env['REDIS_KEY_PREFIX']}session"
    cache.set(key, "written")
    assert cache.get(key) == "written"
    for refused in (lambda: cache.set("city-api:x", "1"), lambda: cache.keys("*"), cache.flushall, cache.acl_list):
        with pytest.raises(redis.exceptions.NoPermissionError):
            refused()
    anonymous = redis.Redis(port=int(env["REDIS_URL"].rpartition(":")[2].partition("/")[0]))
    with pytest.raises(redis.exceptions.AuthenticationError):
        anonymous.ping()


def _asyncpg_writes_and_reads(url: str, owner: str) -> str:
    async def work() -> str:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(sqlalchemy.text(f"SET LOCAL ROLE {owner}"))
            await connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS kind_test (v text, e vector(2))"))
        async with engine.begin() as connection:
            await connection.execute(sqlalchemy.text("INSERT INTO kind_test VALUES ('written', '[1,2]')"))
            found = await connection.execute(sqlalchemy.text("SELECT v FROM kind_test"))
            value = str(found.scalar())
        await engine.dispose()
        return value

    return asyncio.run(work())


def test_genesis_uses_asyncpg_in_both_environments(local: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    env, test = local.variables("genesis"), local.variables("genesis", variant=".test")
    assert (env["ENVIRONMENT"], env["DEBUG"], env["STRICT_HEALTH_CHECKS"]) == ("development", "true", "false")
    assert test["TESTING_MODE"] == "true"
    monkeypatch.setenv("PGSSLROOTCERT", env["PGSSLROOTCERT"])
    assert _asyncpg_writes_and_reads(env["DATABASE_URL"], "genesis_user_owner") == "written"
    monkeypatch.setenv("PGSSLROOTCERT", test["PGSSLROOTCERT"])
    assert _asyncpg_writes_and_reads(test["TEST_DATABASE_URL"], "test_user_owner") == "written"


def test_genesis_in_a_container_has_the_hosts_address(local: Checkout) -> None:
    env = local.variables("genesis", variant=".docker")
    assert env["RUNNING_IN_DOCKER"] == "true"
    assert "@host.docker.internal:" in env["DATABASE_URL"]


def test_penpal_uses_mongodb(local: Checkout) -> None:
    env = local.variables("penpal")
    with pymongo.MongoClient(env["MONGODB_URI"], serverSelectionTimeoutMS=5000) as client:
        letters = client.get_default_database()["letters"]
        letters.insert_one({"to": "Ana", "words": 120})
        letters.insert_one({"to": "Bo", "words": 80})
        assert letters.count_documents({"words": {"$gt": 100}}) == 1
    wrong = env["MONGODB_URI"].replace("penpal:", "penpal:x", 1)
    with (
        pytest.raises(pymongo.errors.OperationFailure),
        pymongo.MongoClient(wrong, serverSelectionTimeoutMS=5000) as client,
    ):
        client.get_default_database()["letters"].find_one()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_environment_file_is_the_owners_alone_and_a_shell_reads_it(local: Checkout, application: str) -> None:
    file = local.home / "env" / "local" / f"{application}.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for name, value in local.variables(application).items():
        script = f'set -a; . "$1"; printf %s "${name}"'
        shell = subprocess.run(["sh", "-c", script, "sh", file], capture_output=True, text=True, check=True)
        assert shell.stdout == value


def test_a_sixth_application_is_one_block(local: Checkout) -> None:
    name = f"sixth-{uuid.uuid4().hex[:6]}"

    def add(config: dict) -> None:  # type: ignore[type-arg]
        config["socle:apps"][name] = {"env": {"DATABASE_URL": "{database.url}"}}

    local.settings(add)
    local.run("up")
    with psycopg.connect(local.variables(name)["DATABASE_URL"], autocommit=True) as connection:
        owner_makes_a_table(connection, f"{name.replace('-', '_')}_owner", "kind_test")
        write_and_read(connection, "kind_test")
