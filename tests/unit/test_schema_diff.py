"""Definitions compared object by object."""

from __future__ import annotations

from branching.schema_diff import Object, compare, objects

BASE = """--
-- PostgreSQL database dump
--

\\restrict abc

SET statement_timeout = 0;

--
-- Name: mood; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.mood AS ENUM (
    'calm'
);

--
-- Name: commune; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.commune (
    id integer NOT NULL,
    population integer
);

--
-- Name: elsewhere; Type: SERVER; Schema: -; Owner: -
--

CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;

\\unrestrict abc
"""


def test_objects_are_what_pg_dump_names() -> None:
    found = objects(BASE)
    assert list(map(str, found)) == ["TYPE public.mood", "TABLE public.commune"]
    assert found[Object("TABLE", "public", "commune")].startswith("CREATE TABLE public.commune (")
    assert "restrict" not in "".join(found.values())


def test_added_removed_and_changed() -> None:
    branch = (
        BASE.replace("    population integer\n", "    population bigint,\n    mayor text\n")
        .replace("Name: mood; Type: TYPE", "Name: temper; Type: TYPE")
        .replace("abc", "def")
    )
    found = compare(objects(BASE), objects(branch))
    assert list(map(str, found.added)) == ["TYPE public.temper"]
    assert list(map(str, found.removed)) == ["TYPE public.mood"]
    assert list(found.changed.values()) == ["-    population integer\n+    population bigint,\n+    mayor text"]
    assert not found.empty
    assert compare(objects(BASE), objects(BASE.replace("abc", "xyz"))).empty
