"""What is timed on one database of one size."""

from __future__ import annotations

import functools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from branching import branch, names, pool
from branching.connection import connect
from branching.metadata import Content
from branching.strategy import Strategy
from tests.bench.branching.places import Place
from tests.database.branching_support import create_live, destroy_live
from tools.demo import communes, migrate

MIB = 2**20
PGBENCH_MIB_A_SCALE = 15
COMMUNES_MIB_A_COPY = 6.2
"""Of the table `commune_copy`, which the communes are copied to as often as it takes."""
SALT = "0123456789abcdef" * 4
KEEP = """tables:
  public.pgbench_accounts: {aid: keep, bid: keep, abalance: keep, filler: keep}
  public.pgbench_branches: {bid: keep, bbalance: keep, filler: keep}
  public.pgbench_tellers: {tid: keep, bid: keep, tbalance: keep, filler: keep}
  public.pgbench_history: {tid: keep, bid: keep, aid: keep, delta: keep, mtime: keep, filler: keep}
"""
KEEP_COMMUNES = """tables:
  public.region: {code: keep, name: keep}
  public.department: {code: keep, name: keep, region_code: keep}
  public.commune: {id: keep, code: keep, name: keep, department_code: keep, region_code: keep, population: keep}
  public.postal_code: {code: keep, commune_id: keep}
  public.schema_migration: {name: keep, applied_at: keep}
  public.commune_copy: {id: keep, code: keep, name: keep, population: keep}
"""
_FILLER, _NAME = "abalance: keep, filler: keep", "name: keep, population"
_TEXT_RULES = ("keep", '{constant: "x"}', "hash")
RULES = {
    "pgbench": tuple(KEEP.replace(_FILLER, f"abalance: keep, filler: {rule}") for rule in _TEXT_RULES),
    "communes": tuple(KEEP_COMMUNES.replace(_NAME, f"name: {rule}, population") for rule in _TEXT_RULES),
}
"""By data: nothing masked; the text column of the large table emptied; the same hashed."""

Times = dict[str, float]
Step = Callable[[str], None]


def all_of(place: Place, data: str, mib: int, step: Step) -> Times:
    """Seconds of each way to copy a database of about `mib`, and its size as `MiB`."""
    live = place.live
    create_live(live, "SELECT 1")
    try:
        step("filling")
        fill(place, data, mib)
        live.execute("VACUUM (FREEZE, ANALYZE)")
        size = int(live.value("SELECT pg_database_size(current_database())"))
        times: Times = {"MiB": round(size / MIB)}
        times |= _dumps(place, step)
        step("a probe of the server")
        live.build(content=Content.SCHEMA, probe=True)
        unmasked, constant, hashed = RULES[data]
        for name, rules in (("snapshot, hashed", hashed), ("snapshot, masked", constant), ("snapshot", unmasked)):
            step(name)
            live.rules_file.write_text(rules)
            live.execute("CHECKPOINT")
            times[name] = _timed(lambda: live.build(salt=SALT))
        times |= _templates(place, step)
        step("branch")
        times["branch"] = _branch(place)
        step("branch, warm")
        pool.fill(place.live.bot, place.live.database, 3)
        times["branch, warm"] = _branch(place)
        return times
    finally:
        destroy_live(live)


def fill(place: Place, data: str, mib: int) -> None:
    live = place.live
    if data == "pgbench":
        live.execute(f"ALTER SCHEMA public OWNER TO {live.owner}")
        place.shell(f"pgbench -i -I dtGvp -q -s {max(1, round(mib / PGBENCH_MIB_A_SCALE))} {live.database}")
        for table in ("accounts", "branches", "tellers", "history"):
            live.execute(f"ALTER TABLE pgbench_{table} OWNER TO {live.owner}")
        return
    with psycopg.connect(**live.parameters(live.database), autocommit=True) as connection:
        migrate.migrate(connection, live.owner)
        connection.execute(f"SET ROLE {live.owner}".encode())
        communes.load(connection, communes.fetch())
        connection.execute("CREATE TABLE commune_copy (id bigserial PRIMARY KEY, code text, name text, population int)")
        for _ in range(max(1, round(mib / COMMUNES_MIB_A_COPY))):
            columns = "code, name, population"
            connection.execute(f"INSERT INTO commune_copy ({columns}) SELECT {columns} FROM commune".encode())
        connection.execute("CREATE INDEX ON commune_copy (code)")


def _dumps(place: Place, step: Step) -> Times:
    database = place.live.database
    times = {}
    step("pg_dump | psql")
    with empty(place) as copy:
        times["pg_dump | psql"] = _timed(lambda: place.shell(f"pg_dump {database} | psql -q -d {copy}"))
    step("pg_dump -Fd -j2 | pg_restore -j2")
    folder = tempfile.mkdtemp(prefix="socle-dump-")
    try:
        with empty(place) as copy:
            command = f"pg_dump -Fd -j2 -f {folder}/d {database} && pg_restore -j2 -d {copy} {folder}/d"
            times["pg_dump -Fd -j2 | pg_restore -j2"] = _timed(lambda: place.shell(command))
    finally:
        shutil.rmtree(folder)
    return times


def _templates(place: Place, step: Step) -> Times:
    newest = place.live.found().published(place.live.database)[-1]
    template = names.snapshot_name(newest.database, newest.version)
    times = {}
    for name, strategy, method in (
        ("TEMPLATE, WAL_LOG", Strategy.WAL_LOG, "copy"),
        ("TEMPLATE, FILE_COPY", Strategy.FILE_COPY, "copy"),
        ("TEMPLATE, FILE_COPY, clone", Strategy.FILE_COPY, "clone"),
    ):
        step(name)
        with connect(place.live.server) as admin:
            admin.execute("CHECKPOINT")
            admin.execute(f"SET file_copy_method = {method}".encode())
            statement = f"CREATE DATABASE copied TEMPLATE {template} STRATEGY {strategy.value}".encode()
            times[name] = _timed(functools.partial(admin.execute, statement))
            admin.execute("DROP DATABASE copied")
    return times


def _branch(place: Place) -> float:
    """A Socle branch, role and grants included: the median of three. Warm where there are three that wait."""
    found = []
    for number in (1, 2, 3):
        place.live.execute("CHECKPOINT", "postgres")
        found.append(_timed(lambda number=number: place.live.branch(number)))
        branch.drop(place.live.bot, [f"pr_{number}"])
    return sorted(found)[1]


@contextmanager
def empty(place: Place) -> Iterator[str]:
    with connect(place.live.server) as admin:
        admin.execute("CREATE DATABASE dumped")
        admin.execute("CHECKPOINT")
    try:
        yield "dumped"
    finally:
        with connect(place.live.server) as admin:
            admin.execute("DROP DATABASE dumped WITH (FORCE)")


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started
