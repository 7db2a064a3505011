"""Rotation for real: clients that hold a connection and clients that make new ones all the time notice nothing.

Doesn't prove: that an application survives which isn't rolled between two rotations; it is meant not to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout
from tests.kubernetes.support import POSTGRES_IMAGE, Cluster, Running, until

DATABASES, NAMESPACE = "sx-rotation-db", "sx-rotation"
SERVER = "sx-rotation-postgresql"
SECRET = "city-api-env"
DATES = ("2026-11-21", "2026-12-21")
HOLD = """
(while sleep 0.2; do echo "SELECT 'held by ' || session_user;"; done) |
  psql -X -qAt -v ON_ERROR_STOP=1 || echo "FAILED held"
"""
# A roll-out may close a connection under a request; an answer that the database refuses is what must not come.
ASK = """
import json, time, urllib.error, urllib.request
while True:
    time.sleep(0.2)
    try:
        answer = urllib.request.urlopen("http://city-api/health", timeout=10)
        print("answered as", json.load(answer)["user"], flush=True)
    except urllib.error.HTTPError as error:
        print("FAILED", error.read(), flush=True)
    except OSError as error:
        print("away", error, flush=True)
"""
RECONNECT = """
while sleep 0.2; do psql -X -qAt -c "SELECT 'new as ' || session_user" || echo "FAILED new"; done
"""


@pytest.fixture(scope="module")
def environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose `dev` environment is up: a server of its own with one application."""
    made = checkout.make(tmp_path_factory.mktemp("rotation"), variables={"KUBECONFIG": str(cluster.kubeconfig)})
    made.settings(lambda config: _settings(config, cluster), stack="dev")
    try:
        made.run("up", "dev")
        yield made
    finally:
        made.run("destroy", "dev", "--yes", expect=None)
        made.destroy()
    assert not {DATABASES, NAMESPACE} & cluster.namespaces()


def _settings(config: dict[str, Any], cluster: Cluster) -> None:
    config["socle:cluster"] = {"identity": cluster.identity}
    config["socle:server"] |= {
        "name": SERVER,
        "namespace": DATABASES,
        "image": POSTGRES_IMAGE,
        "storage": {"size": "1Gi"},
        "parameters": {"checkpoint_completion_target": "0"},
    }
    libpq = {
        "PGHOST": "host", "PGPORT": "port", "PGDATABASE": "name", "PGUSER": "user", "PGPASSWORD": "password",
        "PGSSLROOTCERT": "ca", "READER": "readonly_user", "READER_PASSWORD": "readonly_password",
    }  # fmt: skip
    env = {variable: f"{{database.{fact}}}" for variable, fact in libpq.items()}
    for variable, fact in {"HOST": "host", "PORT": "port", "NAME": "name", "USER": "user", "PWD": "password"}.items():
        env[f"CITY_API_DB_{variable}"] = f"{{database.{fact}}}"
    workload = {"image": "localhost/city-api", "tag": "test", "migrations": None}
    app = {"namespace": NAMESPACE, "env": {**env, "PGSSLMODE": "verify-full"}, "workload": workload}
    config["socle:apps"] = {"city-api": app}


def rotate(environment: Checkout, cluster: Cluster, date: str) -> None:
    """As a user does it: one command for the setting, one to bring it about."""
    path = "socle:apps.city-api.rotation"
    environment.pulumi("config", "set", "--stack", "dev", "--path", path, date)
    environment.run("up", "dev")


def sql(cluster: Cluster, *, statements: str, env: dict[str, str] | None = None) -> str:
    """What the application's own login gets for the statements now, in a pod started now."""
    done = cluster.run(NAMESPACE, ["psql", "-X", "-qAt", "-c", statements], secrets=[SECRET], env=env)
    return done.log.strip() if done.ok else f"refused: {done.log.strip()}"


def client(cluster: Cluster, script: str) -> Running:
    return cluster.start(NAMESPACE, ["sh", "-c", script], secrets=[SECRET])


def said(running: Running, words: str) -> None:
    """Wait until the client says so once more."""
    before = running.log().count(words)
    until(lambda: running.log().count(words) > before + 3, f"{words} once more in {running.name}")


@pytest.mark.usefixtures("environment")
def test_two_rotations_of_which_no_client_notices_anything(cluster: Cluster, environment: Checkout) -> None:
    table = "SET ROLE city_api_owner; CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)"
    assert not sql(cluster, statements=table)
    original = cluster.secret(NAMESPACE, SECRET)
    assert (original["PGUSER"], original["READER"]) == ("city_api", "city_api_ro")
    asking = cluster.start(NAMESPACE, ["python3", "-c", ASK], image="localhost/city-api:test")
    with client(cluster, HOLD) as holder, client(cluster, RECONNECT) as first, asking as asked:
        said(holder, "held by city_api\n")
        said(first, "new as city_api\n")
        said(asked, "answered as city_api\n")

        rotate(environment, cluster, DATES[0])
        one = cluster.secret(NAMESPACE, SECRET)
        assert (one["PGUSER"], one["READER"]) == ("city_api_rw2", "city_api_ro2")
        assert one["PGPASSWORD"] != original["PGPASSWORD"] and one["READER_PASSWORD"] != original["READER_PASSWORD"]
        # The old Secret's login goes on working: whoever isn't rolled yet loses nothing.
        said(first, "new as city_api\n")
        # The application itself was rolled by its Secrets' checksum, and answered all the while.
        said(asked, "answered as city_api_rw2\n")
        assert "FAILED" not in first.log() + holder.log() + asked.log()
        _has_the_same_rights(cluster)

        with client(cluster, RECONNECT) as second:
            said(second, "new as city_api_rw2\n")
            rotate(environment, cluster, DATES[1])
            two = cluster.secret(NAMESPACE, SECRET)
            assert two["PGUSER"] == "city_api" and two["PGPASSWORD"] not in (one["PGPASSWORD"], original["PGPASSWORD"])
            said(second, "new as city_api_rw2\n")
            said(holder, "held by city_api\n")
            after = asked.log().rpartition("answered as city_api_rw2\n")[2]
            assert "answered as city_api\n" in after
            assert "FAILED" not in second.log() + holder.log() + asked.log()
            assert sql(cluster, statements="SELECT count(*) FROM kept") == "1"
            until(lambda: "FAILED new" in first.log(), "the first password is refused")
            assert "password authentication failed" in first.log()
    first_password = {"PGUSER": "city_api", "PGPASSWORD": original["PGPASSWORD"]}
    assert "password authentication failed" in sql(cluster, statements="SELECT 1", env=first_password)
    reader = {"PGUSER": "city_api_ro", "PGPASSWORD": original["READER_PASSWORD"]}
    assert "password authentication failed" in sql(cluster, statements="SELECT 1", env=reader)


def _has_the_same_rights(cluster: Cluster) -> None:
    """Of the second logins: what the first may and what it may not, tried by logging in."""
    assert (
        sql(cluster, statements="INSERT INTO kept VALUES (2); DELETE FROM kept WHERE id = 2; SELECT id FROM kept")
        == "1"
    )
    assert "permission denied" in sql(cluster, statements="CREATE TABLE public.own (id int)")
    assert "must be owner" in sql(cluster, statements="DROP TABLE kept")
    # A migration by the second login makes what the first one can use, and the reader read.
    made = "SET ROLE city_api_owner; CREATE TABLE later (id int); RESET ROLE; INSERT INTO later VALUES (1)"
    assert not sql(cluster, statements=made)
    reader = "export PGUSER=$READER PGPASSWORD=$READER_PASSWORD; psql -X -qAt -c "
    read = cluster.run(NAMESPACE, ["sh", "-c", reader + "'SELECT id FROM later'"], secrets=[SECRET])
    assert (read.ok, read.log.strip()) == (True, "1")
    written = cluster.run(NAMESPACE, ["sh", "-c", reader + "'INSERT INTO later VALUES (3)'"], secrets=[SECRET])
    assert not written.ok and "permission denied" in written.log
    limits = "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
    assert sql(cluster, statements=limits) == "1min|1min"


@pytest.mark.usefixtures("environment")
def test_a_second_up_changes_nothing_and_an_earlier_date_is_refused(cluster: Cluster, environment: Checkout) -> None:
    environment.pulumi("preview", "--stack", "dev", "--expect-no-changes")
    path = "socle:apps.city-api.rotation"
    environment.pulumi("config", "set", "--stack", "dev", "--path", path, "2026-11-30")
    refused = environment.run("up", "dev", expect=None)
    assert refused.code != 0
    assert f"rotation 2026-11-30 lies before {DATES[1]}" in refused.said
    environment.pulumi("config", "set", "--stack", "dev", "--path", path, DATES[1])
    environment.pulumi("preview", "--stack", "dev", "--expect-no-changes")


@pytest.mark.usefixtures("environment")
def test_no_password_is_in_the_state_as_it_lies_on_disk_or_in_an_object_that_is_no_secret(
    cluster: Cluster, environment: Checkout
) -> None:
    passwords = {
        cluster.secret(DATABASES, f"city-api{suffix}-postgresql-credentials")["password"]
        for suffix in ("", "-ro", "-rw2", "-ro2")
    }
    assert len(passwords) == 4
    files = [file for file in Path(environment.home).rglob("*") if file.is_file() and "venv" not in file.parts]
    assert files
    for file in files:
        content = file.read_bytes()
        assert not [one for one in passwords if one.encode() in content], file
    text = str(cluster.postgres(SERVER, DATABASES))
    assert not [one for one in passwords if one in text]
