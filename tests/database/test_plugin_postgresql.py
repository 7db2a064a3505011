"""The stand-in for the postgresql plugin against a real server: what it does to roles, databases and grants.

It does not prove that the real plugin can take over the state: the tier with the real plugin does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tools.plugins.postgresql.__main__ import resource_types
from tools.plugins.postgresql.config import Config
from tools.plugins.postgresql.connection import Server
from tools.plugins.resource import Naming, PluginError, ResourceType, State
from tools.plugins.values import Properties

PASSWORD = "correct-horse-battery"
Login = Callable[..., Any]


class Stack:
    """What the engine would do with one provider: check, create or update, and remember the state."""

    def __init__(self, config: Config) -> None:
        self.server = Server()
        self.server.configure(config)
        self.types = {token.rsplit(":", 1)[1]: kind for token, kind in resource_types(self.server).items()}
        self.states: dict[str, tuple[ResourceType, State]] = {}

    def up(self, kind: str, key: str, **news: Any) -> State:
        resource = self.types[kind]
        old = self.states[key][1] if key in self.states else None
        inputs, failures = resource.check(old.inputs if old else {}, news, Naming(resource=key, seed=key.encode()))
        assert failures == []
        if old is None:
            made, outputs = resource.create(inputs, preview=False)
        else:
            assert resource.diff(old, inputs).replaces == ()
            made, outputs = old.id, resource.update(old, inputs, preview=False)
        state = State(id=made, inputs=inputs, outputs=outputs)
        assert resource.diff(state, inputs).changes == {}
        self.states[key] = resource, state
        return state

    def refresh(self, key: str) -> State | None:
        resource, state = self.states[key]
        found = resource.read(state)
        if found is not None:
            self.states[key] = resource, found
        return found

    def changes(self, key: str) -> set[str]:
        """What an update with the program's unchanged inputs would change after a refresh."""
        resource, state = self.states[key]
        found = resource.read(state)
        return set() if found is None else set(resource.diff(found, state.inputs).changes)

    def down(self, key: str) -> None:
        resource, state = self.states.pop(key)
        resource.delete(state)


def config_of(server: Any, **changes: Any) -> Config:
    base = {"host": server.host, "port": server.port, "username": server.admin, "password": server.admin_password}
    return Config(**(base | {"sslmode": "verify-full", "sslrootcert": str(server.ca_file)} | changes))


@pytest.fixture
def stack(server: Any) -> Iterator[Stack]:
    """A stack, and nothing of it left on the server afterwards, whatever the test did."""
    made = Stack(config_of(server))
    yield made
    made.server.close()
    with connect(server, server.admin, server.admin_password, "postgres") as connection:
        for (name,) in connection.execute(r"SELECT datname FROM pg_database WHERE datname LIKE 'plug\_%'").fetchall():
            connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        for (name,) in connection.execute(r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'plug\_%'").fetchall():
            connection.execute(f'DROP OWNED BY "{name}"')
            connection.execute(f'DROP ROLE "{name}"')


@pytest.fixture
def query(server: Any) -> Iterator[Callable[..., list[Any]]]:
    """`query(sql, dbname)` as the administrator: the rows, or nothing."""
    opened: dict[str, Any] = {}

    def ask(statement: str, dbname: str = "postgres") -> list[Any]:
        if dbname not in opened:
            opened[dbname] = connect(server, server.admin, server.admin_password, dbname)
        cursor = opened[dbname].execute(statement)
        return [row[0] for row in cursor] if cursor.description else []

    yield ask
    for connection in opened.values():
        connection.close()


def connect(server: Any, user: str, password: str, dbname: str) -> Any:
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=user,
        password=password,
        dbname=dbname,
        sslmode="verify-full",
        sslrootcert=str(server.ca_file),
        autocommit=True,
    )


def test_a_role_logs_in_with_its_password_and_changes_it(stack: Stack, server: Any) -> None:
    stack.up("Database", "db", name="plug_db")
    stack.up("Role", "app", name="plug_app", login=True, password=PASSWORD, connectionLimit=3, statementTimeout=1000)
    with connect(server, "plug_app", PASSWORD, "plug_db") as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("1s",)
    stack.up("Role", "app", name="plug_app", login=True, password="another-one", connectionLimit=4)
    with connect(server, "plug_app", "another-one", "plug_db") as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server, "plug_app", PASSWORD, "plug_db")


def test_no_password_reaches_the_server_in_clear_text(stack: Stack, query: Any) -> None:
    """`pg_stat_activity` shows what the server was sent, as its log would."""
    seen: list[str] = []
    original = stack.server.transaction

    def watching(database: str = "") -> Any:
        manager = original(database)

        class Watch:
            def __enter__(self) -> Any:
                connection = manager.__enter__()
                execute = connection.execute

                def record(statement: Any, *rest: Any) -> Any:
                    seen.append(str(statement))
                    return execute(statement, *rest)

                connection.execute = record
                return connection

            def __exit__(self, *error: Any) -> Any:
                return manager.__exit__(*error)

        return Watch()

    stack.server.transaction = watching  # type: ignore[method-assign, assignment]
    stack.up("Role", "app", name="plug_app", login=True, password=PASSWORD)
    stack.up("Role", "app", name="plug_app", login=True, password=PASSWORD + "2")
    assert any("SCRAM-SHA-256$" in statement for statement in seen)
    assert not any(PASSWORD in statement for statement in seen)
    assert query("SELECT passwd LIKE 'SCRAM-SHA-256$%' FROM pg_shadow WHERE usename = 'plug_app'") == [True]


def test_a_verifier_is_stored_as_it_is(stack: Stack, query: Any) -> None:
    verifier = (
        "SCRAM-SHA-256$4096:7FgG/aaE6ZEaYmR9LuntLQ==$FB9Deq5mP5zPzYD7D3O39b5rjnYVpQmeqJ55DmLXQaY="
        ":6pY7hRX6o69uND5wZIYaGYhjkJRrJPkEiAhmHNk1xN4="
    )
    stack.up("Role", "app", name="plug_app", login=True, password=verifier)
    assert query("SELECT passwd FROM pg_shadow WHERE usename = 'plug_app'") == [verifier]
    assert stack.changes("app") == set()
    query("ALTER ROLE plug_app PASSWORD 'something else'")
    assert stack.changes("app") == {"password"}


def test_a_role_s_memberships_settings_and_name_follow_the_program(stack: Stack, query: Any) -> None:
    stack.up("Role", "owner", name="plug_owner")
    app = {"name": "plug_app", "roles": ["plug_owner"], "searchPaths": ["a b", "public"], "assumeRole": "plug_owner"}
    made = stack.up("Role", "app", **app, validUntil="2030-01-01 00:00:00+00", createDatabase=True)
    assert (made.outputs["roles"], made.outputs["searchPaths"]) == (["plug_owner"], ["a b", "public"])
    renamed = stack.up("Role", "app", name="plug_app2", roles=[], createDatabase=False)
    assert (renamed.id, renamed.outputs["id"], renamed.outputs["roles"]) == ("plug_app", "plug_app2", [])
    refreshed = stack.refresh("app")
    assert refreshed is not None
    assert refreshed.id == "plug_app2"
    assert query("SELECT count(*) FROM pg_auth_members WHERE roleid = 'plug_owner'::regrole") == [0]


def test_what_somebody_changed_by_hand_shows_and_is_repaired(stack: Stack, query: Any) -> None:
    stack.up("Role", "app", name="plug_app", connectionLimit=5)
    query("ALTER ROLE plug_app CONNECTION LIMIT 7 CREATEDB")
    assert stack.changes("app") == {"connectionLimit", "createDatabase"}
    stack.refresh("app")
    stack.up("Role", "app", name="plug_app", connectionLimit=5)
    assert stack.changes("app") == set()
    query("DROP ROLE plug_app")
    assert stack.refresh("app") is None
    stack.states.pop("app")


def test_a_role_that_owns_something_is_dropped_only_when_told_how(stack: Stack, query: Any) -> None:
    stack.up("Role", "app", name="plug_app", skipReassignOwned=True)
    query("CREATE TABLE plug_t (); ALTER TABLE plug_t OWNER TO plug_app")
    with pytest.raises(
        PluginError, match=r"cannot be dropped because some objects depend on it; owner of table plug_t"
    ):
        stack.types["Role"].delete(stack.states["app"][1])
    stack.up("Role", "app", name="plug_app", skipReassignOwned=False)
    stack.down("app")
    assert query("SELECT tableowner FROM pg_tables WHERE tablename = 'plug_t'") != ["plug_app"]
    query("DROP TABLE plug_t")


@pytest.fixture
def shop(stack: Stack) -> Stack:
    """A database with an owner, a schema and two more roles."""
    for role in ("plug_owner", "plug_app", "plug_ro"):
        stack.up("Role", role, name=role)
    stack.up("Database", "db", name="plug_db", owner="plug_owner")
    stack.up("Schema", "schema", name="app", database="plug_db", owner="plug_owner")
    return stack


def test_a_database_s_life(stack: Stack, query: Any) -> None:
    stack.up("Role", "owner", name="plug_owner")
    stack.up("Role", "other", name="plug_other")
    made = stack.up("Database", "db", name="plug_db", owner="plug_owner", connectionLimit=9)
    assert {name: made.outputs[name] for name in ("encoding", "template", "tablespaceName", "isTemplate")} == {
        "encoding": "UTF8",
        "template": "template0",
        "tablespaceName": "pg_default",
        "isTemplate": False,
    }
    query("CREATE TABLE t (); ALTER TABLE t OWNER TO plug_owner", "plug_db")
    stack.up("Database", "db", name="plug_db", owner="plug_other", alterObjectOwnership=True, isTemplate=True)
    assert query("SELECT tableowner FROM pg_tables WHERE tablename = 't'", "plug_db") == ["plug_other"]
    assert stack.changes("db") == set()
    stack.down("db")
    assert query("SELECT true FROM pg_database WHERE datname = 'plug_db'") == []


def test_a_database_is_renamed_and_copied_in_spite_of_the_pool(stack: Stack, query: Any) -> None:
    stack.up("Database", "db", name="plug_db")
    stack.up("Schema", "schema", name="app", database="plug_db")
    stack.up("Database", "copy", name="plug_copy", template="plug_db")
    stack.refresh("schema")
    stack.up("Database", "db", name="plug_db2")
    assert query("SELECT datname::text FROM pg_database WHERE datname LIKE 'plug%' ORDER BY 1") == [
        "plug_copy",
        "plug_db2",
    ]
    stack.states.pop("schema")


def test_grants_are_what_the_catalog_says(shop: Stack, query: Any) -> None:
    base = {"database": "plug_db", "role": "plug_app"}
    shop.up("Grant", "public", database="plug_db", role="public", objectType="database", privileges=[])
    shop.up("Grant", "connect", **base, objectType="database", privileges=["CONNECT", "TEMPORARY"])
    shop.up("Grant", "usage", **base, objectType="schema", schema="app", privileges=["USAGE"])
    query("CREATE TABLE app.t (a int, b int); CREATE SEQUENCE app.s", "plug_db")
    shop.up("Grant", "tables", **base, objectType="table", schema="app", privileges=["SELECT", "INSERT"])
    shop.up("Grant", "sequences", **base, objectType="sequence", schema="app", privileges=["ALL"])
    assert query("SELECT has_database_privilege('plug_ro', 'plug_db', 'CONNECT')") == [False]
    assert query("SELECT has_table_privilege('plug_app', 'app.t', 'INSERT')", "plug_db") == [True]
    shop.up("Grant", "tables", **base, objectType="table", schema="app", privileges=["SELECT"])
    assert query("SELECT has_table_privilege('plug_app', 'app.t', 'INSERT')", "plug_db") == [False]
    assert [shop.changes(key) for key in ("public", "connect", "usage", "tables", "sequences")] == [set()] * 5


def test_a_revoke_by_hand_shows_and_is_repaired(shop: Stack, query: Any) -> None:
    query("CREATE TABLE app.t (a int)", "plug_db")
    news = {"database": "plug_db", "role": "plug_app", "schema": "app", "objectType": "table"}
    shop.up("Grant", "tables", **news, privileges=["SELECT", "UPDATE"])
    query("REVOKE UPDATE ON app.t FROM plug_app", "plug_db")
    assert shop.changes("tables") == {"privileges"}
    shop.refresh("tables")
    shop.up("Grant", "tables", **news, privileges=["SELECT", "UPDATE"])
    assert shop.changes("tables") == set()


def test_a_grant_on_columns_and_one_on_the_table_leave_each_other_alone(shop: Stack, query: Any) -> None:
    query("CREATE TABLE app.t (a int, b int)", "plug_db")
    news = {"database": "plug_db", "role": "plug_app", "schema": "app", "objects": ["t"]}
    shop.up("Grant", "column", **news, objectType="column", columns=["a"], privileges=["UPDATE"])
    shop.up("Grant", "table", **news, objectType="table", privileges=["SELECT"])
    assert shop.changes("column") == set()
    query("REVOKE UPDATE (a) ON app.t FROM plug_app", "plug_db")
    assert shop.changes("column") == {"columns"}


def test_grants_on_functions(shop: Stack, query: Any) -> None:
    query("CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "plug_db")
    news = {"database": "plug_db", "role": "plug_app", "schema": "app", "objectType": "function"}
    shop.up("Grant", "f", **news, objects=["f(integer)"], privileges=["EXECUTE"])
    shop.up("Grant", "all", **news, privileges=["EXECUTE"])
    assert shop.changes("all") == set()


@pytest.mark.parametrize(
    ("news", "message"),
    [
        ({"objectType": "table", "privileges": ["SELECT"]}, "needs a `schema`"),
        ({"objectType": "database", "privileges": ["SELECT"]}, "SELECT is not a privilege on a database"),
        ({"objectType": "database", "objects": ["x"], "privileges": ["CONNECT"]}, "takes no `objects`"),
        ({"objectType": "schema", "schema": "none", "privileges": ["USAGE"]}, "there is no schema none"),
    ],
)
def test_a_grant_that_cannot_be_made_says_why(shop: Stack, news: Properties, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        shop.up("Grant", "wrong", database="plug_db", role="plug_app", **news)


def test_default_privileges_cover_what_the_owner_makes_later(shop: Stack, query: Any) -> None:
    news = {"database": "plug_db", "owner": "plug_owner", "role": "plug_ro", "objectType": "table"}
    shop.up("DefaultPrivileges", "app", **news, schema="app", privileges=["SELECT"])
    shop.up("DefaultPrivileg", "everywhere", **news, privileges=["SELECT", "INSERT"])
    query("SET ROLE plug_owner; CREATE TABLE app.t (); RESET ROLE", "plug_db")
    assert query("SELECT has_table_privilege('plug_ro', 'app.t', 'SELECT')", "plug_db") == [True]
    shop.up("DefaultPrivileg", "everywhere", **news, privileges=["SELECT"])
    assert shop.changes("everywhere") == set()
    query("ALTER DEFAULT PRIVILEGES FOR ROLE plug_owner IN SCHEMA app REVOKE ALL ON TABLES FROM plug_ro", "plug_db")
    assert shop.refresh("app") is None


def test_schemas_and_extensions_change_in_place(shop: Stack, query: Any) -> None:
    shop.up("Extension", "hstore", name="hstore", database="plug_db", schema="app", dropCascade=True)
    shop.up("Schema", "more", name="more", database="plug_db", dropCascade=True)
    shop.up("Schema", "more", name="most", database="plug_db", dropCascade=True, owner="plug_app")
    shop.up("Extension", "hstore", name="hstore", database="plug_db", schema="most", dropCascade=True)
    statement = "SELECT nspname || ' ' || pg_get_userbyid(nspowner) FROM pg_extension JOIN pg_namespace n ON n.oid = "
    assert query(statement + "extnamespace WHERE extname = 'hstore'", "plug_db") == ["most plug_app"]
    assert (shop.changes("more"), shop.changes("hstore")) == (set(), set())


def test_memberships(shop: Stack) -> None:
    shop.up("GrantRole", "m", role="plug_app", grantRole="plug_ro", withAdminOption=True)
    assert shop.changes("m") == set()
    shop.down("m")
    assert (
        shop.types["GrantRole"].read(State(id="x", inputs={}, outputs={"role": "plug_app", "grantRole": "plug_ro"}))
        is None
    )


def test_grants_outlive_a_renamed_role(shop: Stack) -> None:
    """The engine renames the role first and then deletes the grant of the old name, which nobody has any more."""
    shop.up("Grant", "connect", database="plug_db", role="plug_app", objectType="database", privileges=["CONNECT"])
    shop.up("Role", "plug_app", name="plug_app2")
    shop.down("connect")


def test_all_of_it_can_be_destroyed_in_reverse(shop: Stack, query: Any) -> None:
    base = {"database": "plug_db", "role": "plug_app"}
    shop.up("Grant", "connect", **base, objectType="database", privileges=["CONNECT"])
    shop.up("DefaultPrivileges", "later", **base, owner="plug_owner", objectType="table", privileges=["SELECT"])
    shop.up("Extension", "hstore", name="hstore", database="plug_db")
    shop.up("GrantRole", "member", role="plug_app", grantRole="plug_owner")
    for key in reversed(list(shop.states)):
        shop.down(key)
    assert query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'plug%'") == []
    assert query("SELECT datname FROM pg_database WHERE datname LIKE 'plug%'") == []


@pytest.mark.parametrize(
    ("kind", "key", "resource_id", "expected"),
    [
        ("Role", "plug_app", "plug_app", {"name": "plug_app"}),
        ("Schema", "schema", "plug_db.app", {"name": "app", "database": "plug_db", "owner": "plug_owner"}),
    ],
)
def test_an_import_finds_the_inputs(shop: Stack, kind: str, key: str, resource_id: str, expected: Properties) -> None:
    found = shop.types[kind].read(State(id=resource_id, inputs={}, outputs={}))
    assert found is not None
    assert found.inputs == expected | {"__defaults": []}
    assert shop.types[kind].diff(found, found.inputs).changes == {}


def test_a_brancher_without_superuser_can_give_a_database_away(stack: Stack, server: Any) -> None:
    attributes = {"login": True, "createDatabase": True, "createRole": True}
    stack.up("Role", "brancher", name="plug_brancher", password=PASSWORD, **attributes)
    stack.up("Grant", "in", database="postgres", role="plug_brancher", objectType="database", privileges=["CONNECT"])
    brancher = Stack(config_of(server, username="plug_brancher", password=PASSWORD, superuser=False))
    brancher.up("Role", "owner", name="plug_owner")
    brancher.up("Role", "app", name="plug_app", login=True, password=PASSWORD)
    brancher.up("Database", "db", name="plug_db", owner="plug_owner")
    brancher.up("Schema", "s", name="app", database="plug_db", owner="plug_owner")
    news = {"database": "plug_db", "role": "plug_app", "schema": "app"}
    brancher.up("Grant", "g", **news, objectType="schema", privileges=["USAGE"])
    brancher.up("DefaultPrivileges", "d", **news, owner="plug_owner", objectType="table", privileges=["SELECT"])
    assert [brancher.changes(key) for key in brancher.states] == [set()] * 6
    for key in ("d", "g", "s", "db", "app", "owner"):
        brancher.down(key)
    brancher.server.close()


def test_grants_at_once_on_one_database_all_arrive(stack: Stack, query: Any) -> None:
    """ "tuple concurrently updated" is what a second change of a database's row gets (pulumi-postgresql#126)."""
    stack.up("Database", "db", name="plug_db")
    roles = [f"plug_{number}" for number in range(8)]
    for role in roles:
        stack.up("Role", role, name=role)

    def grant(role: str) -> None:
        stack.up("Grant", f"on {role}", database="plug_db", role=role, objectType="database", privileges=["CONNECT"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(grant, roles))
    statement = "SELECT count(*) FROM pg_database, aclexplode(datacl) WHERE datname = 'plug_db' AND grantee > 20000"
    assert query(statement.replace("grantee > 20000", "grantee::regrole::text LIKE 'plug%'")) == [8]


def test_a_collision_is_tried_again_and_not_for_ever(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.plugins.postgresql.connection._FIRST_PAUSE_SECONDS", 0.001)
    calls: list[int] = []

    def collide() -> str:
        calls.append(1)
        with stack.server.transaction() as connection:
            if len(calls) < 3:
                connection.execute(
                    "DO $$ BEGIN RAISE EXCEPTION 'tuple concurrently updated' USING ERRCODE = 'XX000'; END $$"
                )
        return "done"

    assert stack.server.persistently(collide) == "done"
    calls.clear()
    monkeypatch.setattr("tools.plugins.postgresql.connection._ATTEMPTS", 2)
    with pytest.raises(PluginError, match="tuple concurrently updated"):
        stack.server.persistently(collide)


def test_a_server_that_is_not_there_is_named_without_its_password(server: Any) -> None:
    broken = Stack(config_of(server, port=1, connect_timeout=2))
    with pytest.raises(PluginError, match=r"can't connect to PostgreSQL at .*:1, database postgres") as caught:
        broken.up("Role", "app", name="plug_app")
    assert server.admin_password not in str(caught.value)
