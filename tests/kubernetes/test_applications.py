"""Five applications, each from its own namespace with its own Secrets: what it can do, and every refusal.

Doesn't prove: the clients of each language; tests/engine/test_applications.py has those, against the same facts.
"""

from __future__ import annotations

import pytest

from tests.engine.checkout import Checkout
from tests.kubernetes.support import Cluster

SQL_APPLICATIONS = {
    # name: (Secret, how its own variables name host, database, user, password)
    "city-api": ("city-api-env", "CITY_API_DB_HOST", "CITY_API_DB_NAME", "CITY_API_DB_USER", "CITY_API_DB_PWD"),
    "docspell": ("docspell-env", "DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD"),
}
WORK = (
    "set -e\n"
    'psql -X -v ON_ERROR_STOP=1 -c "SET ROLE ${PGUSER}_owner" -c "CREATE TABLE IF NOT EXISTS note (id int, word text)" '
    '-c "RESET ROLE" -c "INSERT INTO note VALUES (1, \'written\')" -c "SELECT word FROM note" '
    '-c "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()" -c "SET ROLE ${PGUSER}_owner" -c "DROP TABLE note"\n'
)


@pytest.mark.parametrize("name", SQL_APPLICATIONS)
def test_an_application_migrates_writes_and_reads_over_verified_tls(cluster: Cluster, dev: Checkout, name: str) -> None:
    secret, *variables = SQL_APPLICATIONS[name]
    names = zip(("PGHOST", "PGDATABASE", "PGUSER", "PGPASSWORD"), variables, strict=True)
    exports = "".join(f'export {ours}="${theirs}"\n' for ours, theirs in names)
    done = cluster.run(name, ["bash", "-c", exports + WORK], secrets=[secret])
    assert done.ok, done.log
    assert "written" in done.log
    assert " t\n" in done.log, "the connection is encrypted"


@pytest.mark.parametrize(
    ("name", "secret"),
    [("meetinity-user-service", "platform-database"), ("genesis", "genesis-env"), ("city-api", "city-api-env")],
)
def test_a_url_is_all_that_a_client_needs(cluster: Cluster, dev: Checkout, name: str, secret: str) -> None:
    # libpq's URL; genesis' is asyncpg's, whose scheme and parameter libpq doesn't know.
    script = (
        'url="${DATABASE_URL:-$CITY_API_DB_URL}"; url="${url/+asyncpg/}"; url="${url/ssl=/sslmode=}"\n'
        'psql -X -A -t "$url" -c "SELECT current_user, current_database()"'
    )
    done = cluster.run(name, ["bash", "-c", script], secrets=[secret])
    assert done.ok, done.log
    role, database = done.log.strip().split("|")
    assert (role, database) in {
        ("user_service", "user_service"),
        ("genesis_user", "genesis_db"),
        ("city_api", "city_api"),
    }


def test_nobody_logs_in_to_another_applications_database(cluster: Cluster, dev: Checkout) -> None:
    own = cluster.secret("docspell", "docspell-env")
    variables = {"PGHOST": own["DB_HOST"], "PGUSER": own["DB_USER"], "PGPASSWORD": own["DB_PASSWORD"]}
    for database in ("city_api", "user_service", "genesis_db", "penpal", "postgres", "template1", "socle"):
        done = cluster.run(
            "docspell", ["psql", "-X", "-d", database, "-c", "SELECT 1"], secrets=["docspell-env"], env=variables
        )
        assert not done.ok, database
        assert "permission denied for database" in done.log, done.log


def test_the_reader_reads_and_no_more(cluster: Cluster, dev: Checkout) -> None:
    login = cluster.secret("databases", "docspell-ro-postgresql-credentials")
    host = cluster.secret("docspell", "docspell-env")["DB_HOST"]
    variables = {"PGHOST": host, "PGUSER": login["username"], "PGPASSWORD": login["password"], "PGDATABASE": "docspell"}
    secrets = ["docspell-env"]
    cluster.sql("SET ROLE docspell_owner; CREATE TABLE IF NOT EXISTS shelf (id int)", "docspell")
    read = cluster.run("docspell", ["psql", "-X", "-c", "SELECT count(*) FROM shelf"], secrets=secrets, env=variables)
    assert read.ok, read.log
    for refused in ("INSERT INTO shelf VALUES (1)", "CREATE TABLE mine (id int)", "SET ROLE docspell_owner"):
        done = cluster.run("docspell", ["psql", "-X", "-c", refused], secrets=secrets, env=variables)
        assert not done.ok, refused
        assert "permission denied" in done.log, done.log


def test_a_wrong_password_and_a_connection_without_tls_are_refused(cluster: Cluster, dev: Checkout) -> None:
    own = cluster.secret("docspell", "docspell-env")
    base = {"PGHOST": own["DB_HOST"], "PGUSER": own["DB_USER"], "PGDATABASE": own["DB_NAME"]}
    wrong = cluster.run(
        "docspell", ["psql", "-X", "-c", "SELECT 1"], secrets=["docspell-env"], env={**base, "PGPASSWORD": "no"}
    )
    assert not wrong.ok
    assert "password authentication failed" in wrong.log
    other = cluster.run("docspell", ["psql", "-X", "-c", "SELECT 1"], secrets=["docspell-env"],
                        env={**base, "PGPASSWORD": own["DB_PASSWORD"], "PGHOST": "postgresql-shared-rw.databases"
                             ".svc.cluster.local", "PGSSLROOTCERT": "/etc/ssl/certs/ca-certificates.crt"})  # fmt: skip
    assert not other.ok


def test_the_cache_is_reached_over_tls_within_the_prefix(cluster: Cluster, dev: Checkout) -> None:
    script = (
        'cli() { valkey-cli --tls --cacert /etc/socle/trust/ca.crt -u "${REDIS_URL%%\\?*}" "$@" 2>&1; }\n'
        'cli SET "${REDIS_KEY_PREFIX}greeting" hello; cli GET "${REDIS_KEY_PREFIX}greeting"\n'
        "cli SET elsewhere:x 1; cli KEYS '*'; cli FLUSHALL"
    )
    done = cluster.run(
        "meetinity-user-service", ["sh", "-c", script], secrets=["platform-redis"], image="localhost/valkey:8"
    )
    lines = [line for line in done.log.splitlines() if line and not line.startswith("Warning")]
    assert lines[:2] == ["OK", "hello"], done.log
    assert sum("NOPERM" in line for line in lines) == 3, done.log


def test_documents_are_written_and_read_by_their_own_protocol(cluster: Cluster, dev: Checkout) -> None:
    uri = cluster.secret("penpal", "penpal-env")["MONGODB_URI"]
    assert "tls=true" in uri
    tables = cluster.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'penpal_owner'")
    assert tables == "1"
    with cluster.forwarded("penpal", "penpal-documents", 27017) as port:
        cluster.mongo_round_trip(uri, port, cluster.trust("penpal"))


def test_secrets_are_read_by_their_application_alone(cluster: Cluster, dev: Checkout) -> None:
    def may(namespace: str, account: str, secret: str, verb: str = "get") -> bool:
        return cluster.may(
            f"system:serviceaccount:{namespace}:{account}", verb, "secrets", namespace=namespace, name=secret
        )

    assert may("city-api", "city-api", "city-api-env")
    assert not may("city-api", "city-api", "city-api-env", verb="list")
    assert not may("city-api", "default", "city-api-env")
    assert not cluster.may(
        "system:serviceaccount:city-api:city-api",
        "get",
        "secrets",
        namespace="databases",
        name="postgresql-shared-superuser",
    )
