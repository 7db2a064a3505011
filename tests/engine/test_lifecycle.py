"""An environment over time: nothing to do, an application more and less, drift, down and up."""

from __future__ import annotations

import psycopg
import pytest

from tests.engine.checkout import Checkout


def url(checkout: Checkout, application: str = "city-api") -> str:
    return checkout.variables(application)["CITY_API_DB_URL"]


def test_a_second_up_changes_nothing_and_leaves_the_settings_file_alone(small: Checkout) -> None:
    before = (small.root / "Pulumi.local.yaml").read_text()
    small.pulumi("preview", "-s", "local", "--expect-no-changes")
    assert "unchanged" in small.run("up").said
    assert (small.root / "Pulumi.local.yaml").read_text() == before, "no salt, no trace"


def test_plain_pulumi_shows_no_warning_of_ambient_plugins(small: Checkout) -> None:
    assert "from $PATH" not in small.pulumi("preview", "-s", "local").said


def test_down_keeps_the_data_and_up_finds_them(small: Checkout) -> None:
    small.run("down")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url(small), connect_timeout=3)
    small.run("up")
    with psycopg.connect(url(small)) as connection:
        assert connection.execute("SELECT count(*) FROM commune").fetchone() == (34969,)


def test_refresh_shows_a_manual_change_and_up_repairs_it(small: Checkout) -> None:
    with small.admin("city_api") as admin:
        admin.execute("REVOKE CONNECT ON DATABASE city_api FROM city_api_ro")
        admin.execute("ALTER ROLE city_api CONNECTION LIMIT 3")
        admin.execute("ALTER DEFAULT PRIVILEGES FOR ROLE city_api_owner REVOKE SELECT ON TABLES FROM city_api_ro")
        admin.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    said = small.pulumi("refresh", "-s", "local", "--yes").said
    for drifted in ("city-api-connect-ro", "city-api-default-tables-ro", "city-api-schema-public"):
        assert drifted in said
    small.run("up")
    with small.admin("city_api") as admin:
        checks = """
            SELECT has_database_privilege('city_api_ro', 'city_api', 'CONNECT'),
                   (SELECT rolconnlimit FROM pg_roles WHERE rolname = 'city_api'),
                   has_schema_privilege('public', 'public', 'CREATE')"""
        assert admin.execute(checks).fetchone() == (True, 20, False)
    small.pulumi("preview", "-s", "local", "--refresh", "--expect-no-changes")


def test_a_removed_application_is_kept_said_and_can_come_back(small: Checkout) -> None:
    block: dict[str, object] = {}
    with psycopg.connect(**parts(small), autocommit=True) as connection:
        connection.execute("SET ROLE docspell_owner")
        connection.execute("CREATE TABLE letter (v text)")
        connection.execute("INSERT INTO letter VALUES ('kept')")
    password = small.variables("docspell")["DB_PASSWORD"]

    small.settings(lambda config: block.update(config["socle:apps"].pop("docspell")))
    said = small.run("up").said
    assert "database docspell is kept" in said
    assert "docspell" in small.databases()
    assert not (small.home / "env" / "local" / "docspell.env").exists()

    small.settings(lambda config: config["socle:apps"].update(docspell=block))
    assert "docspell is back" in small.run("up").said
    assert small.variables("docspell")["DB_PASSWORD"] == password
    with psycopg.connect(**parts(small)) as connection:
        assert connection.execute("SELECT v FROM letter").fetchone() == ("kept",)


def test_an_application_that_may_be_deleted_goes_with_database_and_roles(small: Checkout) -> None:
    small.settings(lambda config: config["socle:apps"].update(throwaway={"deletionPolicy": "delete"}))
    small.run("up")
    assert "throwaway" in small.databases()
    small.settings(lambda config: config["socle:apps"].pop("throwaway"))
    small.run("up")
    assert "throwaway" not in small.databases()
    assert not {role for role in small.roles() if role.startswith("throwaway")}


def test_a_backup_comes_back(small: Checkout) -> None:
    file = small.home / "backup.dump"
    small.run("dump", "city-api", "--to", str(file))
    assert file.stat().st_mode & 0o077 == 0
    with psycopg.connect(url(small), autocommit=True) as connection:
        connection.execute("DELETE FROM postal_code")
    small.run("restore", "city-api", "--from", str(file), "--yes")
    with psycopg.connect(url(small), autocommit=True) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM postal_code").fetchall()
        assert count > 30_000
        assert connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'commune'").fetchall() == [
            ("city_api_owner",)
        ]


def parts(checkout: Checkout) -> dict[str, str]:
    """docspell's login, from the variables that the seed names."""
    env = checkout.variables("docspell")
    return {
        "host": env["DB_HOST"],
        "port": env["DB_PORT"],
        "dbname": env["DB_NAME"],
        "user": env["DB_USER"],
        "password": env["DB_PASSWORD"],
    }
