"""What is said to the server and kept in comments: SQL, listings, settings, metadata, versions, messages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from branching import branch_plan as plan
from branching import disk, inventory, listing, lock, metadata, probe, publish, schema, settings, strategy, target
from branching.branch_plan import Limits
from branching.connection import Server, environment
from branching.errors import DiskShortError, ServerRefusedError
from branching.measures import Measures
from branching.relations import Locale
from branching.strategy import Strategy

LISTING = """;
; Archive created at 2026-11-21 11:00:00 UTC
;
;
2; 3079 16385 EXTENSION - citext
3400; 0 0 COMMENT - EXTENSION citext
5; 2615 2200 SCHEMA - public pg_database_owner
6; 2615 16400 SCHEMA - cron city_api_owner
7; 2615 16401 SCHEMA - publications city_api_owner
215; 1259 16402 TABLE public server city_api_owner
216; 1259 16403 TABLE public FOREIGN city_api_owner
217; 1259 16404 FOREIGN TABLE public remote city_api_owner
1200; 1417 16405 SERVER - elsewhere postgres
3401; 0 0 COMMENT - SERVER elsewhere postgres
3402; 0 0 USER MAPPING - USER MAPPING city_api SERVER elsewhere postgres
2400; 2328 16406 FOREIGN DATA WRAPPER - own postgres
3370; 3466 16407 EVENT TRIGGER - audit ddl postgres
3403; 0 0 COMMENT - EVENT TRIGGER audit ddl postgres
3371; 6104 16408 PUBLICATION - changes postgres
3372; 6106 16409 PUBLICATION TABLE public changes communes postgres
3373; 6100 16410 SUBSCRIPTION - feed postgres
3390; 0 16402 TABLE DATA public server city_api_owner
3391; 0 16402 STATISTICS DATA public server city_api_owner
3392; 2606 16411 CONSTRAINT public server server_pkey city_api_owner
3404; 0 0 COMMENT public TABLE server city_api_owner
"""


def test_the_listing_keeps_definitions_and_names_what_must_not_act() -> None:
    chosen = listing.select(LISTING, existing_schemas={"cron"})
    kept = [int(line.split(";")[0]) for line in chosen.text.splitlines()]
    assert kept == [7, 215, 216, 3392, 3404]
    assert chosen.dropped == (
        "FOREIGN TABLE public remote",
        "SERVER elsewhere",
        "COMMENT SERVER elsewhere",
        "USER MAPPING USER MAPPING city_api SERVER elsewhere",
        "FOREIGN DATA WRAPPER own",
        "EVENT TRIGGER audit ddl",
        "COMMENT EVENT TRIGGER audit ddl",
        "PUBLICATION changes",
        "PUBLICATION TABLE public changes communes",
        "SUBSCRIPTION feed",
    )


def test_keys_and_indexes_are_made_at_once_and_the_rest_after_them() -> None:
    contents = (
        "1; 1259 1 INDEX public by_name o\n2; 0 0 INDEX ATTACH public part_idx o\n"
        "3; 2606 2 CONSTRAINT public t t_pkey o\n"
        "4; 2606 3 FK CONSTRAINT public t t_fkey o\n5; 2620 4 TRIGGER public t touch o\n"
    )
    indexes, rest = listing.split_indexes(contents)
    assert [line[0] for line in indexes.splitlines()] == ["1", "3"]
    assert [line[0] for line in rest.splitlines()] == ["2", "4", "5"]


def text(statement: sql.Composable) -> str:
    return re.sub(r"\s+", " ", statement.as_string(None)).strip()


def test_a_branch_is_closed_first_and_granted_to_its_role() -> None:
    assert text(plan.create_database("pr_1", "city_snapshot_v1", Strategy.WAL_LOG)) == (
        'CREATE DATABASE "pr_1" TEMPLATE "city_snapshot_v1" STRATEGY WAL_LOG ALLOW_CONNECTIONS false'
    )
    assert [text(one) for one in plan.access("pr_1", "pr_1", "city_branch")] == [
        'REVOKE ALL ON DATABASE "pr_1" FROM PUBLIC',
        'GRANT CONNECT, TEMPORARY ON DATABASE "pr_1" TO "pr_1"',
        'GRANT CREATE, TEMPORARY ON DATABASE "pr_1" TO "city_branch"',
    ]
    assert text(plan.open_to("pr_1", Limits(connections=5))) == (
        'ALTER DATABASE "pr_1" ALLOW_CONNECTIONS true CONNECTION LIMIT 5'
    )


@pytest.mark.parametrize(
    ("major", "own", "bot"), [(15, "", ""), (16, " WITH INHERIT FALSE, SET TRUE", " WITH INHERIT TRUE, SET FALSE")]
)
def test_memberships_name_their_options_where_the_server_has_them(major: int, own: str, bot: str) -> None:
    assert [text(one) for one in plan.memberships("pr_1", "city_branch", "bot", major)] == [
        f'GRANT "city_branch" TO "pr_1"{own}',
        f'GRANT "pr_1" TO "bot"{bot}',
    ]


def test_a_role_is_given_no_attribute() -> None:
    assert text(plan.create_role("pr_1", "SCRAM-SHA-256$x", Limits())) == (
        "CREATE ROLE \"pr_1\" LOGIN NOINHERIT CONNECTION LIMIT 20 PASSWORD 'SCRAM-SHA-256$x' NOCREATEDB NOCREATEROLE"
    )
    assert "PASSWORD" not in text(plan.alter_role("pr_1", None, Limits()))


def test_an_empty_timeout_is_reset() -> None:
    statements = [text(one) for one in plan.session("pr_1", "pr_1", "city_branch", Limits(statement_timeout=""))]
    assert statements[:2] == [
        'ALTER ROLE "pr_1" IN DATABASE "pr_1" SET "role" TO \'city_branch\'',
        'ALTER ROLE "pr_1" IN DATABASE "pr_1" RESET "statement_timeout"',
    ]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("work_mem=4MB", "SET \"work_mem\" TO '4MB'"),
        ("app.note=it's a=b", "SET \"app\".\"note\" TO 'it''s a=b'"),
        ('search_path="$user", public', "SET \"search_path\" TO '$user', 'public'"),
        ('search_path=""', "SET \"search_path\" TO ''"),
        ("DateStyle=ISO, DMY", "SET \"DateStyle\" TO 'ISO, DMY'"),
    ],
)
def test_settings_are_given_as_the_server_stored_them(stored: str, expected: str) -> None:
    assert text(settings.assignment(stored)) == expected


@given(st.lists(st.text(min_size=1, max_size=10).filter(lambda name: "\0" not in name), min_size=1, max_size=5))
def test_a_list_of_quoted_names_is_read_back(names: list[str]) -> None:
    stored = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    assert settings.elements(stored) == names


def test_settings_that_name_a_role_stay() -> None:
    assert settings.restorable(("role=x", "work_mem=1MB", "Session_Authorization=x")) == ("work_mem=1MB",)


def made(version: int) -> metadata.SnapshotMetadata:
    return metadata.SnapshotMetadata(
        application="city-api",
        database="city_api",
        version=version,
        taken_at="2026-11-21T10:00:00+00:00",
        rules_digest="d",
        rows=1,
        bytes=2,
        seconds=3.5,
        dropped=("publication p",),
        settings=("work_mem=1MB",),
        login_settings=(),
        owner="city_api_branch",
        comment="l'été",
    )


def branched(number: int, version: int) -> metadata.BranchMetadata:
    return metadata.BranchMetadata(
        application="city-api",
        database="city_api",
        pull_request=number,
        snapshot_version=version,
        snapshot_taken_at="2026-11-21T10:00:00+00:00",
        created_at="2026-11-21T10:00:00+00:00",
    )


@given(st.text(), st.lists(st.text()))
def test_metadata_is_read_back(comment: str, dropped: list[str]) -> None:
    original = metadata.SnapshotMetadata(**{**vars(made(1)), "comment": comment, "dropped": tuple(dropped)})
    assert metadata.decode(metadata.encode(original)) == original
    assert metadata.decode(metadata.encode(branched(1, 2))) == branched(1, 2)


@given(st.text() | st.none())
def test_other_comments_are_not_taken_for_metadata(comment: str | None) -> None:
    assert metadata.decode(comment) is None


@pytest.mark.parametrize("comment", ["[]", '{"socle": 1}', '{"socle": {"kind": "x"}}', '{"socle": {"kind": "branch"}}'])
def test_half_metadata_is_none(comment: str) -> None:
    assert metadata.decode(comment) is None


def test_a_newer_programs_keys_are_passed_over() -> None:
    newer = metadata.encode(branched(1, 2)).replace('"kind"', '"lease": 3, "kind"')
    assert metadata.decode(newer) == branched(1, 2)


def database(
    name: str, content: metadata.Metadata | None, *, published: bool = False, is_open: bool = False
) -> inventory.Database:
    return inventory.Database(
        name=name,
        owner="bot",
        is_template=published,
        is_open=is_open,
        connection_limit=-1,
        comment=metadata.encode(content) if content else None,
        bytes=None,
    )


def test_versions_in_use_stay_and_numbers_are_never_used_again() -> None:
    found = inventory.inventory(
        [
            *(database(f"city_api_snapshot_v{n}", made(n), published=True) for n in (10, 2, 3, 4)),
            database("city_api_snapshot_v11", None),
            database("other_snapshot_v1", None),
            database("pr_5", branched(5, 2), is_open=True),
            database("pr_6", None, is_open=True),
            database("pr_7", None),
        ]
    )
    assert [one.version for one in found.of_source("city_api")] == [2, 3, 4, 10, 11]
    assert [(one.name, one.ready) for one in found.branches] == [("pr_5", True), ("pr_7", False)]
    assert publish.superseded(found, "city_api", 2, datetime.now(UTC)) == ("city_api_snapshot_v3",)
    assert publish.next_version(found, "city_api") == 12
    remembered = inventory.inventory([database("pr_5", branched(5, 9), is_open=True)])
    assert publish.next_version(remembered, "city_api") == 10


MIB = 1024 * 1024


def test_small_copies_go_through_the_wal_and_large_ones_by_file() -> None:
    small, large = strategy.choose(20 * MIB, 18), strategy.choose(1000 * MIB, 18)
    assert (small.strategy, small.wal_bytes, small.checkpoints) == (Strategy.WAL_LOG, 20 * MIB, 0)
    assert (large.strategy, large.wal_bytes, large.checkpoints) == (Strategy.FILE_COPY, 0, 2)
    assert large.clone
    assert not strategy.choose(1000 * MIB, 17).clone
    assert (small.disk_bytes, large.disk_bytes) == (40 * MIB, 1000 * MIB)
    assert str(large) == "FILE_COPY: about 2.4 s, 0 MB of WAL, 2 checkpoints, 1000 MB of disk"


def test_a_probe_that_was_fast_through_the_wal_is_not_believed_for_a_large_copy() -> None:
    fast = Measures(wal_log_bytes_per_second=5000 * MIB, file_copy_bytes_per_second=100 * MIB)
    assert strategy.choose(200 * MIB, 18, fast).strategy is Strategy.WAL_LOG
    assert strategy.choose(201 * MIB, 18, fast).strategy is Strategy.FILE_COPY


def test_where_blocks_are_shared_size_hardly_matters() -> None:
    shares = Measures(shares_blocks=True, file_copy_bytes_per_second=16000 * MIB)
    assert strategy.choose(5000 * MIB, 18, shares).seconds < 1
    assert strategy.choose(5000 * MIB, 18, shares).disk_bytes == 0
    assert strategy.choose(5000 * MIB, 17, shares).disk_bytes == 5000 * MIB, "17 doesn't clone"
    assert "sharing blocks" in str(strategy.choose(5000 * MIB, 18, shares))


def test_a_way_that_fits_is_taken_before_one_that_does_not() -> None:
    quick_wal = Measures(wal_log_bytes_per_second=5000 * MIB)
    assert strategy.choose(100 * MIB, 18, quick_wal).strategy is Strategy.WAL_LOG
    assert strategy.choose(100 * MIB, 18, quick_wal, free=150 * MIB).strategy is Strategy.FILE_COPY
    assert strategy.choose(100 * MIB, 18, quick_wal, free=50 * MIB).strategy is Strategy.WAL_LOG, (
        "neither: it is refused"
    )


def test_measures_hold_a_month_for_their_version() -> None:
    def found(taken_at: str, **of: object) -> inventory.Inventory:
        measures = Measures(server_version=180004, taken_at=taken_at).to_plain() | {"unknown": 1}
        content = replace(made(3), measures=measures | of)
        return inventory.inventory([database("city_api_snapshot_v3", content, published=True)])

    today = metadata.now()
    assert probe.known(found(today), 180004, "") == Measures(server_version=180004, taken_at=today)
    assert probe.known(found(today), 180005, "") is None
    assert probe.known(found("2026-01-01T00:00:00+00:00"), 180004, "") is None
    assert probe.known(found(today), 180004, "previews") is None
    assert probe.known(inventory.inventory([]), 180004, "") is None


def test_a_locale_comes_over() -> None:
    libc = Locale(encoding="UTF8", provider="libc", collate="C", ctype="fr_FR.UTF-8")
    assert text(target.locale_options(libc)) == (
        "ENCODING 'UTF8' LOCALE_PROVIDER 'libc' LC_COLLATE 'C' LC_CTYPE 'fr_FR.UTF-8'"
    )
    icu = Locale(encoding="UTF8", provider="icu", collate="C", ctype="C", locale="fr", icu_rules="&a < b")
    assert text(target.locale_options(icu)).endswith("ICU_LOCALE 'fr' ICU_RULES '&a < b'")
    builtin = Locale(encoding="UTF8", provider="builtin", collate="C", ctype="C", locale="C.UTF-8")
    assert text(target.locale_options(builtin)).endswith("BUILTIN_LOCALE 'C.UTF-8'")


def test_messages_lose_the_lines_that_quote_rows() -> None:
    message = (
        'pg_restore: error: could not execute query: ERROR:  could not create unique index "i"\n'
        "DETAIL:  Key (email)=(someone@example.org)\nof two lines is duplicated.\n"
        "pg_restore: from TOC entry 3392; 1259 INDEX i\nCommand was: CREATE INDEX i"
    )
    shown = schema.readable(message)
    assert "someone" not in shown
    assert "two lines" not in shown
    assert "could not create unique index" in shown
    assert "TOC entry" in shown


def test_a_password_is_in_no_representation_and_no_argument() -> None:
    server = Server(host="db", password="hunter2", sslrootcert="/ca.pem", dump_host="/run/pg")
    assert "hunter2" not in repr(server)
    variables = environment(server, "city")
    assert variables["PGPASSWORD"] == "hunter2"
    assert (variables["PGHOST"], variables["PGSSLMODE"]) == ("/run/pg", "disable")
    assert "PGSSLROOTCERT" not in variables


def test_the_environment_of_this_process_does_not_leak_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1GB")
    monkeypatch.setenv("PGPASSFILE", "/home/me/.pgpass")
    variables = environment(Server(host="db"), "city")
    assert "PGOPTIONS" not in variables
    assert variables["PGPASSFILE"] == "/home/me/.pgpass"


def test_programs_are_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("SOCLE_PG_DUMP", raising=False)
    monkeypatch.setenv("SOCLE_PG_BIN", str(tmp_path))
    assert schema.find_programs().pg_restore == str(tmp_path / "pg_restore")
    with pytest.raises(ServerRefusedError, match="was not found"):
        schema.find_programs(str(tmp_path / "nowhere"))


def test_a_copy_that_does_not_fit_is_refused() -> None:
    disk.require(10, None, "a copy")
    disk.require(10, 10 + disk.RESERVE, "a copy")
    with pytest.raises(DiskShortError, match="a copy needs about 0 MB and 512 MB of reserve"):
        disk.require(11, 10 + disk.RESERVE, "a copy")


@given(st.text(), st.text())
def test_locks_differ_and_fit(one: str, other: str) -> None:
    assert -(2**31) <= lock.key(one) < 2**31
    assert (lock.key(one) == lock.key(other)) or one != other
