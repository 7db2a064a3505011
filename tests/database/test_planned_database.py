"""A planned database against a real server: what each role can and cannot do, half states, drift, what is left alone.

It does not prove what the engine makes of it: `tests/engine/test_planned.py` does.
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from components import names
from components.postgres.catalog import Found
from components.postgres.database_plan import DatabasePlan, from_properties, to_properties
from components.postgres.privileges import ExtraGrant, plan
from components.postgres.script import removal, script, server_script
from components.postgres.statements import render
from stacks.embedded import EmbeddedServer
from tests.database.conftest import Connection, Login
from tools.embedded.binaries import postgres_binaries
from tools.plugins.resource import PluginError, State
from tools.plugins.socle import planned_connection
from tools.plugins.socle.planned_database import PlannedDatabase
from tools.plugins.values import Properties

TYPE = PlannedDatabase()
Make = Callable[..., "Application"]


class Application:
    """What the engine would do with one application's database: create or update, and remember the state."""

    def __init__(self, server: EmbeddedServer, name: str, admin: tuple[str, str]) -> None:
        self.server, self.name, self.admin = server, name, admin
        self.state: State | None = None

    def inputs(self, **changes: Any) -> Properties:
        base = changes.pop("role", self.name)
        roles, schemas = names.roles(base), tuple(changes.pop("schemas", ()))
        planned = DatabasePlan(
            database=changes.pop("database", self.name),
            roles=roles,
            privileges=plan(roles, schemas, tuple(changes.pop("extra", ()))),
            connection_limit=changes.pop("connection_limit", 20),
            statement_timeout_ms=60_000,
            idle_in_transaction_timeout_ms=60_000,
            schemas=schemas,
            extensions=tuple(changes.pop("extensions", ())),
        )
        values: Properties = {
            "host": self.server.host, "port": self.server.port, "sslmode": "verify-full",
            "caFile": str(self.server.ca_file), "user": self.admin[0], "adminPassword": self.admin[1],
            "maintenance": "postgres", "name": planned.database, "plan": to_properties(planned),
            "password": "app-secret", "readonlyPassword": "ro-secret", "retain": False,
        }  # fmt: skip
        return values | changes

    def up(self, **changes: Any) -> None:
        inputs = self.inputs(**changes)
        if self.state is None:
            made, outputs = TYPE.create(inputs, preview=False)
        else:
            made, outputs = self.state.id, TYPE.update(self.state, inputs, preview=False)
        self.state = State(id=made, inputs=inputs, outputs=outputs)

    def drift(self) -> list[str] | None:
        assert self.state is not None
        found = TYPE.read(self.state)
        if found is None:
            return None
        changes = set(TYPE.diff(found, self.state.inputs).changes)
        said: list[str] = found.inputs.get("drift", [])
        assert changes == ({"drift"} if said else set())
        return said

    def down(self) -> None:
        assert self.state is not None
        TYPE.delete(self.state)
        self.state = None

    @property
    def plan(self) -> DatabasePlan:
        return from_properties(self.inputs()["plan"])


@pytest.fixture
def make(server: EmbeddedServer, admin: Connection) -> Iterator[Make]:
    """`make(as_admin=(user, password))`: an application of a name of its own; nothing of it is left afterwards."""
    prefix = f"pd_{uuid.uuid4().hex[:6]}"
    made: list[Application] = []

    def new(as_admin: tuple[str, str] | None = None) -> Application:
        one = Application(server, f"{prefix}_{len(made)}", as_admin or (server.admin, server.admin_password))
        made.append(one)
        return one

    yield new
    for (name,) in admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (prefix,)):
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
    for (name,) in admin.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", (prefix,)).fetchall():
        admin.execute(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"'.encode())


@pytest.fixture(params=["superuser", "plain"])
def administrator(request: pytest.FixtureRequest, server: EmbeddedServer, admin: Connection) -> Iterator[Any]:
    """Both kinds of administrator: a superuser, and one with CREATEROLE and CREATEDB only."""
    if request.param == "superuser":
        yield server.admin, server.admin_password
        return
    name = f"adm_{uuid.uuid4().hex[:6]}"
    admin.execute(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD 'adm'".encode())
    admin.execute(f"GRANT CONNECT ON DATABASE postgres TO {name}".encode())
    yield name, "adm"
    for (database,) in admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, 'pd_')").fetchall():
        admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
    for (role,) in admin.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'pd_')").fetchall():
        admin.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"'.encode())
    admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def execute(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode())


def migrate(login: Login, one: Application, *statements: str) -> None:
    """As a migration does: log in as the application, become the owner, define."""
    session = login(one.name, "app-secret", one.name)
    execute(session, f"SET ROLE {one.name}_owner", *statements)
    session.close()


def refused(connection: Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_each_role_can_what_the_rules_say_and_no_more(
    make: Make, administrator: Any, admin: Connection, login: Login
) -> None:
    one, other = make(administrator), make(administrator)
    one.up(schemas=["reports"])
    other.up()
    migrate(
        login, one, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v text)", "CREATE TABLE reports.r (v int)",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )  # fmt: skip
    app, reader = login(one.name, "app-secret", one.name), login(f"{one.name}_ro", "ro-secret", one.name)
    execute(app, "INSERT INTO t (v) VALUES ('x')", "UPDATE t SET v = 'y'", "SELECT one()", "SELECT * FROM reports.r")
    execute(app, "CREATE TEMPORARY TABLE mine (v int)", "DELETE FROM t WHERE false")
    execute(reader, "SELECT * FROM t", "SELECT * FROM reports.r", "SELECT last_value FROM t_id_seq")
    for statement in ("CREATE TABLE x ()", "CREATE SCHEMA x", "TRUNCATE t", "SELECT pg_read_file('/etc/passwd')"):
        refused(app, statement)
    for statement in ("INSERT INTO t (v) VALUES (1)", "UPDATE t SET v = 1", f"SET ROLE {one.name}_owner",
                      "CREATE TABLE x ()", "CREATE TEMPORARY TABLE x ()", "SELECT nextval('t_id_seq')"):  # fmt: skip
        refused(reader, statement)
    assert app.execute("SHOW statement_timeout").fetchone() == ("1min",)
    for role, password in ((other.name, "app-secret"), (f"{other.name}_ro", "ro-secret")):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            login(role, password, one.name)
    execute(admin, f"ALTER ROLE {one.name}_owner PASSWORD 'known'")
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        login(f"{one.name}_owner", "known", one.name)


def test_it_can_be_made_again_and_again(make: Make, administrator: Any, login: Login) -> None:
    one = make(administrator)
    one.up()
    assert one.drift() == []
    migrate(login, one, "CREATE TABLE t (v int)")
    one.up()
    one.state = None
    one.up()
    assert one.drift() == []
    execute(login(one.name, "app-secret", one.name), "INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("after", ["roles", "create", "access", "inside"])
def test_an_interrupted_run_is_finished(
    make: Make, administrator: Any, login: Login, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, steps = make(administrator), 0
    last = {"roles": 1, "create": 2, "access": 3, "inside": 4}[after]
    real = planned_connection.again

    def killed(work: Callable[[], Any]) -> Any:
        nonlocal steps
        done = real(work)
        steps += 1
        if steps == last + 1:  # the first one looks
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patched:
        patched.setattr(planned_connection, "again", killed)
        with pytest.raises(KeyboardInterrupt):
            one.up()
    one.up()
    assert one.drift() == []
    migrate(login, one, "CREATE TABLE t (v int)")


DRIFTS = [
    ("GRANT CONNECT ON DATABASE {0} TO PUBLIC", "CONNECT on {0} granted to PUBLIC"),
    ("REVOKE CONNECT ON DATABASE {0} FROM {0}_ro", "CONNECT on {0} missing for {0}_ro"),
    ("GRANT CREATE ON DATABASE {0} TO {0} WITH GRANT OPTION", "CREATE on {0} granted to {0}"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "CREATE on schema public granted to PUBLIC"),
    ("GRANT CREATE ON SCHEMA reports TO {0}", "CREATE on schema reports granted to {0}"),
    ("ALTER ROLE {0} INHERIT", "role {0} has INHERIT"),
    ("ALTER ROLE {0}_ro CONNECTION LIMIT 3", "role {0}_ro has connection limit 3"),
    ("ALTER ROLE {0} VALID UNTIL '2020-01-01'", "role {0} has a password that expires"),
    ("ALTER ROLE {0} RESET statement_timeout", "role {0} has statement_timeout unset"),
    ("ALTER ROLE {0}_owner LOGIN", "role {0}_owner can log in"),
    ("REVOKE {0}_owner FROM {0}", "role {0} is no member of {0}_owner"),
    ("GRANT {0}_owner TO {0}_ro", "role {0}_ro is a member of {0}_owner"),
    ("DROP SCHEMA reports", "schema reports missing"),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0}_owner GRANT UPDATE ON TABLES TO {0}_ro",
        "UPDATE on tables to come granted to {0}_ro",
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0}_owner IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "SELECT on tables to come in public granted to PUBLIC",
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0}_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        "EXECUTE on functions to come missing for PUBLIC",
    ),
]


@pytest.mark.parametrize(("done", "said"), DRIFTS, ids=[said for _, said in DRIFTS])
def test_drift_is_found_and_mended(make: Make, server: EmbeddedServer, login: Login, done: str, said: str) -> None:
    one = make()
    one.up(schemas=["reports"])
    execute(login(server.admin, server.admin_password, one.name), done.format(one.name))
    assert one.drift() == [said.format(one.name)]
    one.up(schemas=["reports"])
    assert one.drift() == []


def test_powers_passwords_and_owner_are_mended_too(make: Make, admin: Connection, login: Login) -> None:
    one = make()
    one.up()
    execute(admin, f"ALTER ROLE {one.name} SUPERUSER", f"ALTER ROLE {one.name}_ro PASSWORD 'other'")
    execute(admin, f"ALTER DATABASE {one.name} OWNER TO {one.name}_ro")
    assert one.drift() == [
        f"role {one.name}_ro has another password",
        f"role {one.name} has SUPERUSER",
        f"database {one.name} owned by {one.name}_ro",
    ] + [f"{its} on {one.name} granted to {one.name}_ro" for its in ("CREATE", "TEMPORARY")]
    one.up()
    assert one.drift() == []
    login(f"{one.name}_ro", "ro-secret", one.name)


def test_a_database_that_is_gone_is_gone_and_comes_back(make: Make, administrator: Any, admin: Connection) -> None:
    one = make(administrator)
    one.up()
    execute(admin, f"DROP DATABASE {one.name}")
    assert one.drift() is None
    one.state = None
    one.up()
    assert one.drift() == []


def test_nothing_is_left_after_a_delete_with_sessions_open(
    make: Make, administrator: Any, admin: Connection, login: Login
) -> None:
    one = make(administrator)
    one.up()
    session = login(one.name, "app-secret", one.name)
    one.down()
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    for query in ("SELECT FROM pg_database WHERE datname = %s", "SELECT FROM pg_roles WHERE starts_with(rolname, %s)"):
        assert admin.execute(query.encode(), (one.name,)).fetchone() is None


def test_what_is_retained_stays(make: Make, admin: Connection, login: Login) -> None:
    one = make()
    one.up(retain=True)
    one.down()
    login(one.name, "app-secret", one.name)


def test_a_database_of_somebody_else_is_left_alone(make: Make, administrator: Any, admin: Connection) -> None:
    one = make(administrator)
    execute(admin, f"CREATE DATABASE {one.name}")
    with pytest.raises(PluginError, match=rf"database {one.name} is there already .* wasn't made by this stack"):
        one.up()
    assert admin.execute("SELECT FROM pg_roles WHERE starts_with(rolname, %s)", (one.name,)).fetchone() is None


@pytest.mark.parametrize("retain", [True, False])
def test_the_same_application_of_another_stack_is_left_alone(
    make: Make, administrator: Any, login: Login, retain: bool
) -> None:
    """Two checkouts with one server and the same settings: their passwords tell them apart."""
    one = make(administrator)
    one.up(retain=True)
    one.state = None
    with pytest.raises(PluginError, match="wasn't made by this stack"):
        one.up(password="of another stack", retain=retain)
    login(one.name, "app-secret", one.name)


def test_another_address_may_be_another_server(make: Make, administrator: Any, login: Login) -> None:
    one = make(administrator)
    one.up()
    assert one.state is not None
    one.state.inputs["port"] = 1
    with pytest.raises(PluginError, match="wasn't made by this stack"):
        one.up(password="of another server")
    one.up()
    login(one.name, "app-secret", one.name)


def test_a_role_of_somebody_else_is_left_alone(make: Make, administrator: Any, admin: Connection, login: Login) -> None:
    one = make(administrator)
    execute(admin, f"CREATE ROLE {one.name} LOGIN PASSWORD 'theirs'")
    with pytest.raises(PluginError, match=f"role {one.name} is there already"):
        one.up()
    execute(admin, f"GRANT CONNECT ON DATABASE postgres TO {one.name}")
    login(one.name, "theirs", "postgres")


def resources_made(one: Application, admin: Connection) -> None:
    """What pulumi-postgresql resources leave: the same roles and database, without Socle's comments."""
    verifiers = {
        role: admin.pgconn.encrypt_password(word.encode(), role.encode(), b"scram-sha-256").decode()
        for role, word in ((one.name, "app-secret"), (f"{one.name}_ro", "ro-secret"))
    }
    steps = render(one.plan, Found(version=admin.info.server_version // 10000), verifiers)
    execute(admin, *(statement for statement in steps.roles if not statement.startswith("COMMENT")), steps.create)


def test_what_resources_of_the_same_stack_made_is_taken_over_when_retained(make: Make, admin: Connection) -> None:
    one = make()
    resources_made(one, admin)
    with pytest.raises(PluginError, match="deletionPolicy: retain"):
        one.up()
    one.up(retain=True)
    assert one.drift() == []


def test_a_changed_plan_takes_back_what_it_no_longer_says(make: Make, administrator: Any, login: Login) -> None:
    one, other = make(administrator), make(administrator)
    other.up()
    reader = f"{other.name}_ro"
    extra = [ExtraGrant(role=reader, object_type="table", privileges=("SELECT",))]
    one.up()
    migrate(login, one, "CREATE TABLE t (v int)")
    one.up(extra=extra, extensions=["citext"], schemas=["reports"], connection_limit=7)
    migrate(login, one, "CREATE TABLE later (v int)")
    assert one.drift() == []
    session = login(reader, "ro-secret", one.name)
    execute(session, "SELECT * FROM t", "SELECT * FROM later", "SELECT 'a'::citext")
    refused(session, "INSERT INTO t VALUES (1)")
    one.up()
    for table in ("t", "later"):
        refused(session, f"SELECT * FROM {table}")
    migrate(login, one, "CREATE TABLE last (v int)")
    refused(session, "SELECT * FROM last")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        login(reader, "ro-secret", one.name)
    assert one.drift() == []


def test_a_schema_in_use_is_never_dropped(make: Make, login: Login) -> None:
    one = make()
    one.up(schemas=["reports"])
    migrate(login, one, "CREATE TABLE reports.r (v int)")
    with pytest.raises(PluginError, match="cannot drop schema reports because other objects depend on it"):
        one.up()
    one.up(schemas=["reports"])
    assert one.drift() == []


def test_new_names_rename_and_keep_the_data(make: Make, administrator: Any, login: Login) -> None:
    one = make(administrator)
    one.up()
    migrate(login, one, "CREATE TABLE t (v int)", "INSERT INTO t VALUES (7)")
    new = f"{one.name}_new"
    one.up(database=new, role=new)
    assert one.drift() == []
    assert login(new, "app-secret", new).execute("SELECT v FROM t").fetchone() == (7,)


def test_a_rename_onto_something_that_is_there_is_refused(make: Make, admin: Connection, login: Login) -> None:
    one = make()
    one.up()
    execute(admin, f"CREATE ROLE {one.name}_new_ro")
    with pytest.raises(PluginError, match=f"{one.name}_new_ro is there already"):
        one.up(role=f"{one.name}_new")
    login(one.name, "app-secret", one.name)


def test_a_new_password_works_and_the_old_one_does_not(make: Make, administrator: Any, login: Login) -> None:
    one = make(administrator)
    one.up()
    one.up(password="new-secret")
    login(one.name, "new-secret", one.name)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(one.name, "app-secret", one.name)


def test_many_at_once_do_not_trip_over_each_other(make: Make) -> None:
    every = [make() for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda one: one.up(), every))
        assert list(pool.map(lambda one: one.drift(), every)) == [[]] * 16
        list(pool.map(lambda one: one.down(), every))


def test_a_preview_touches_nothing(make: Make, admin: Connection) -> None:
    one = make()
    assert TYPE.create(one.inputs(), preview=True) == ("", {"name": one.name})
    assert admin.execute("SELECT FROM pg_database WHERE datname = %s", (one.name,)).fetchone() is None


def psql(server: EmbeddedServer, major: int, text: str) -> subprocess.CompletedProcess[str]:
    program = Path(postgres_binaries(major).pg_dump).with_name("psql")
    where = f"host={server.socket_dir} port={server.port} user={server.admin} dbname=postgres"
    return subprocess.run(
        [program, "--no-psqlrc", "--quiet", where], env={"PGPASSWORD": server.admin_password},
        input=text, text=True, capture_output=True, check=False,
    )  # fmt: skip


def test_the_script_makes_the_same(
    make: Make, server: EmbeddedServer, server_major: int, admin: Connection, login: Login
) -> None:
    one = make()
    text = script(one.plan, planned_verifiers(one, admin), version=server_major)
    for _ in range(2):
        done = psql(server, server_major, text)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        execute(admin, f"GRANT pg_monitor TO {one.name}")
    assert psql(server, server_major, text).returncode == 0
    one.state = State(id=one.name, inputs=one.inputs(), outputs={})
    assert one.drift() == []
    login(one.name, "app-secret", one.name)
    execute(admin, f"COMMENT ON ROLE {one.name} IS 'somebody else''s'")
    assert "it is left alone" in psql(server, server_major, text).stderr


def test_the_script_of_its_removal_drops_what_is_the_plans_with_the_sessions_in_it(
    make: Make, server: EmbeddedServer, server_major: int, admin: Connection, login: Login
) -> None:
    one, text = make(), ""
    one.up()
    text = removal(one.plan, version=server_major)
    session = login(one.name, "app-secret", one.name)
    for _ in range(2):
        done = psql(server, server_major, text)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    left = "SELECT FROM pg_roles WHERE rolname = ANY (%s)"
    assert admin.execute(left, (list(one.plan.every_role),)).fetchone() is None
    execute(admin, f"CREATE DATABASE {one.name}")
    refused = psql(server, server_major, text)
    assert refused.returncode == 3
    assert "belongs to somebody else: it is left alone" in refused.stderr
    execute(admin, f"DROP DATABASE {one.name}")
    one.state = None


def test_the_servers_script_lets_in_who_keeps_it_running(
    server: EmbeddedServer, server_major: int, admin: Connection, make: Make
) -> None:
    # An old primary that can't ask the new one whether it is up never follows it: seen on CloudNativePG 1.28.
    name = make().name
    execute(admin, f"CREATE DATABASE {name}")
    created = []
    for role in (names.BRANCHER, "streaming_replica"):
        if admin.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
            execute(admin, f"CREATE ROLE {role} LOGIN")
            created.append(role)
    try:
        for _ in range(2):
            done = psql(server, server_major, server_script((name,)))
            assert (done.returncode, done.stdout) == (0, ""), done.stderr
        may = "SELECT has_database_privilege(%s::name, %s, 'CONNECT')"
        for role in (names.BRANCHER, "streaming_replica"):
            assert admin.execute(may, (role, name)).fetchone() == (True,)
        assert admin.execute(may, ("pg_monitor", name)).fetchone() == (False,)
    finally:
        execute(admin, f"DROP DATABASE {name}")
        for role in created:
            execute(admin, f"DROP ROLE {role}")


def planned_verifiers(one: Application, admin: Connection) -> dict[str, str]:
    return {
        role: planned_connection.verifier(admin, role, word)
        for role, word in ((one.name, "app-secret"), (f"{one.name}_ro", "ro-secret"))
    }
