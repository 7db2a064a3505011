"""An application's masking rules: what its file says, and whether that classifies every column. Pure but for `load`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from psycopg import sql
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from branching.errors import Problem, RulesError
from branching.relations import Column, Table


class Rule(Protocol):
    """How one column's values are made while they stream. A further mask is a further class and a word in `WORDS`."""

    @property
    def word(self) -> str:
        """As the file writes it."""

    def expression(self, column: Column) -> sql.Composable:
        """What the source is asked for in the column's place."""

    def refusal(self, column: Column) -> str:
        """Why the rule can't serve this column, or nothing."""


@dataclass(frozen=True)
class Keep:
    """The value as it is."""

    word: str = "keep"

    def expression(self, column: Column) -> sql.Composable:
        return sql.Identifier(column.name)

    def refusal(self, column: Column) -> str:  # noqa: ARG002 - the protocol's
        return ""


@dataclass(frozen=True)
class Null:
    """NULL for every row."""

    word: str = "null"

    def expression(self, column: Column) -> sql.Composable:  # noqa: ARG002 - the protocol's
        return sql.SQL("NULL")

    def refusal(self, column: Column) -> str:
        if column.primary_key:
            return "is part of the primary key, which takes no null"
        if column.not_null:
            return "is NOT NULL"
        if column.partition_key:
            return "decides a row's partition"
        return ""


WORDS: Mapping[str, Rule] = {rule.word: rule for rule in (Keep(), Null())}


@dataclass(frozen=True, kw_only=True)
class PlacedRule:
    """A rule and the line of the file that gives it, counted from 1."""

    rule: Rule
    line: int


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A rules file, read."""

    path: str
    tables: Mapping[str, Mapping[str, PlacedRule]]
    """By `schema.table`, then by column."""
    lines: Mapping[str, int]
    """The line of each table."""
    excluded: tuple[str, ...] = ()
    """Schemas that a snapshot doesn't have at all."""

    def of(self, key: str) -> Mapping[str, PlacedRule]:
        """The rules of a table: its own, else those of `schema.*`, for schemas whose tables come and go."""
        return self.tables.get(key) or self.tables.get(f"{key.partition('.')[0]}.*", {})

    @property
    def digest(self) -> str:
        """SHA-256 of what the rules say, whatever the file's layout and comments."""
        plain = {table: {name: p.rule.word for name, p in columns.items()} for table, columns in self.tables.items()}
        said = [plain, sorted(self.excluded)] if self.excluded else plain
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class MaskedColumn:
    """A column that is copied, and how."""

    column: Column
    rule: Rule


Classification = Mapping[str, tuple[MaskedColumn, ...]]
"""By the key of each table that has rows: the columns to copy, in the table's order."""


def load(path: Path) -> Rules:
    """Read the file.

    Raises:
        RulesError: it isn't there, isn't YAML, or says something else than `tables: schema.table: column: rule`.
    """
    if not path.exists():
        problem = Problem(
            where=str(path),
            subject="the file",
            found="is missing",
            allowed="a YAML file with a rule for every column",
            write='tables:\n  public.<table>:\n    <column>: keep   # or "null"',
        )
        raise RulesError((problem,))
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, path: str) -> Rules:
    """Read the text of the file called `path`; raises as `load` does."""
    try:
        document = YAML(typ="rt").load(text)
    except YAMLError as error:
        raise RulesError((_unreadable(error, path),)) from None
    reader = _Reader(path=path, problems=[], tables={}, lines={}, excluded=[])
    reader.document(document)
    if reader.problems:
        raise RulesError(tuple(reader.problems))
    return Rules(path=path, tables=reader.tables, lines=reader.lines, excluded=tuple(reader.excluded))


def classify(rules: Rules, tables: Sequence[Table]) -> Classification:
    """The columns to copy of each table that has rows.

    Raises:
        RulesError: with every column that no rule classifies, and every rule that its column can't take.
    """
    problems = tuple(_problems(rules, tables))
    if problems:
        raise RulesError(problems)
    return {
        table.key: tuple(
            MaskedColumn(column=column, rule=rules.of(table.classified_by)[column.name].rule)
            for column in table.columns
            if not column.generated
        )
        for table in tables
    }


@dataclass(frozen=True, kw_only=True)
class _Reader:
    path: str
    problems: list[Problem]
    tables: dict[str, dict[str, PlacedRule]]
    lines: dict[str, int]
    excluded: list[str]

    def document(self, document: object) -> None:
        if not isinstance(document, CommentedMap):
            self.problems.append(_misshapen(self.path, "the file", "has no `tables:`"))
            return
        for name in document:
            if name == "excludeSchemas":
                self._exclude(document[name], f"{self.path}:{document.lc.key(name)[0] + 1}")
            elif name != "tables":
                where = f"{self.path}:{document.lc.key(name)[0] + 1}"
                self.problems.append(_misshapen(where, str(name), "is an unknown key"))
        tables = document.get("tables")
        if tables is None:
            return
        if not isinstance(tables, CommentedMap):
            self.problems.append(_misshapen(self.path, "tables", "isn't a mapping of tables"))
            return
        for name, columns in tables.items():
            self._table(str(name), columns, tables.lc.key(name)[0] + 1)

    def _exclude(self, schemas: object, where: str) -> None:
        if isinstance(schemas, list) and all(isinstance(schema, str) and schema != "public" for schema in schemas):
            self.excluded.extend(str(schema) for schema in schemas)
            return
        self.problems.append(
            Problem(
                where=where,
                subject="excludeSchemas",
                found=f"is {_shown(schemas)}",
                allowed="a list of schemas, public not among them",
                write="excludeSchemas: [audit]",
            )
        )

    def _table(self, name: str, columns: object, line: int) -> None:
        self.lines[name] = line
        self.tables[name] = {}
        if columns is None:
            return
        if not isinstance(columns, CommentedMap):
            self.problems.append(_misshapen(f"{self.path}:{line}", name, "isn't a mapping of columns"))
            return
        for column, word in columns.items():
            self._column(name, str(column), word, columns.lc.key(column)[0] + 1)

    def _column(self, table: str, column: str, word: object, line: int) -> None:
        # YAML's own null means the rule of that name: who writes it unquoted wants the value gone.
        rule = WORDS.get("null" if word is None else word) if word is None or isinstance(word, str) else None
        if rule is not None:
            self.tables[table][column] = PlacedRule(rule=rule, line=line)
            return
        self.problems.append(
            Problem(
                where=f"{self.path}:{line}",
                subject=f"{table}.{column}",
                found=f"has the unknown rule {_shown(word)}",
                allowed=", ".join(WORDS),
                write=_lines(table, [(column, "null")]),
            )
        )


def _problems(rules: Rules, tables: Sequence[Table]) -> Iterator[Problem]:
    topmost = {table.key: table for table in tables if not table.root}
    for key, table in topmost.items():
        followers = [one for one in tables if one.root == key]
        columns = [_strictest(column, followers) for column in table.columns if not column.generated]
        given = rules.of(key)
        missing = [column for column in columns if column.name not in given]
        if missing:
            yield _unclassified(rules, key, missing)
        for column in columns:
            if column.name in given:
                yield from _unfit(rules, key, column, given[column.name])


def _strictest(column: Column, partitions: Sequence[Table]) -> Column:
    """The column with what any partition adds: a partition may forbid a null that its parent allows."""
    same = [one for table in partitions for one in table.columns if one.name == column.name]
    return Column(
        name=column.name,
        type=column.type,
        not_null=column.not_null or any(one.not_null for one in same),
        primary_key=column.primary_key or any(one.primary_key for one in same),
        partition_key=column.partition_key or any(one.partition_key for one in same),
        generated=column.generated,
    )


def _unclassified(rules: Rules, key: str, missing: Sequence[Column]) -> Problem:
    names = ", ".join(column.name for column in missing)
    # Where a null is possible it is what is proposed: who pastes without reading then publishes nothing.
    proposals = [(column.name, "keep" if Null().refusal(column) else "null") for column in missing]
    line = rules.lines.get(key)
    return Problem(
        where=f"{rules.path}:{line}" if line else rules.path,
        subject=f"{key}.{names}" if len(missing) == 1 else key,
        found="is not classified" if len(missing) == 1 else f"columns {names} are not classified",
        allowed=_allowed(missing),
        write=_lines(key, proposals),
    )


def _unfit(rules: Rules, key: str, column: Column, placed: PlacedRule) -> Iterator[Problem]:
    refusal = placed.rule.refusal(column)
    if refusal:
        yield Problem(
            where=f"{rules.path}:{placed.line}",
            subject=f"{key}.{column.name}",
            found=f"{refusal}, so that the rule {placed.rule.word} can't hold",
            allowed=", ".join(_words(column)),
            write=_lines(key, [(column.name, _words(column)[0])]),
        )


def unused(rules: Rules, tables: Sequence[Table]) -> tuple[Problem, ...]:
    """The rules for what isn't there. They hide nothing and let nothing through: a note, not a refusal.

    A database before its first migration has none of the tables that its rules are about.
    """
    topmost = {table.key: table for table in tables if not table.root}
    return tuple(_stale(rules, topmost, tables))


def _stale(rules: Rules, topmost: Mapping[str, Table], tables: Sequence[Table]) -> Iterator[Problem]:
    partitions = {table.key: table.root for table in tables if table.root}
    for key, columns in rules.tables.items():
        if key.endswith(".*"):
            continue
        if key not in topmost:
            found = f"is a partition of {partitions[key]}" if key in partitions else "is no table of the database"
            yield _deletion(
                rules, rules.lines[key], key, found, f"{key}:", "a table that is there, at its topmost parent"
            )
            continue
        known = {column.name: column for column in topmost[key].columns}
        for name, placed in columns.items():
            if name not in known:
                subject = f"{key}.{name}"
                yield _deletion(
                    rules, placed.line, subject, "is no column of the table", f"{name}: …", ", ".join(known)
                )
            elif known[name].generated:
                found = "is generated by the server and takes no rule"
                yield _deletion(rules, placed.line, f"{key}.{name}", found, f"{name}: …", "nothing")


def _deletion(rules: Rules, line: int, subject: str, found: str, text: str, allowed: str) -> Problem:
    where = f"{rules.path}:{line}"
    return Problem(where=where, subject=subject, found=found, allowed=allowed, write=f"# delete line {line}: {text}")


def _misshapen(where: str, subject: str, found: str) -> Problem:
    example = "tables:\n  public.communes:\n    code: keep"
    return Problem(
        where=where, subject=subject, found=found, allowed="tables: schema.table: column: rule", write=example
    )


def _unreadable(error: YAMLError, path: str) -> Problem:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        found = str(error.problem or "its form").splitlines()[0]
        return _misshapen(f"{path}:{error.problem_mark.line + 1}", "the file", f"isn't readable YAML: {found}")
    return _misshapen(path, "the file", "isn't readable YAML: it has a character that YAML doesn't take")


def _words(column: Column) -> list[str]:
    return [word for word, rule in WORDS.items() if not rule.refusal(column)]


def _allowed(columns: Sequence[Column]) -> str:
    only_kept = [column.name for column in columns if _words(column) == ["keep"]]
    note = f" (keep only for {', '.join(only_kept)})" if only_kept else ""
    return ", ".join(WORDS) + note


def _shown(word: object) -> str:
    # A file's value is its author's own and not data; a nested one is named, not printed.
    return repr(str(word)) if isinstance(word, str | int | float | bool) else f"a {type(word).__name__}"


def _lines(table: str, rules: Sequence[tuple[str, str]]) -> str:
    body = "\n".join(f"    {_scalar(column)}: {_scalar(word)}" for column, word in rules)
    return f"tables:\n  {_scalar(table)}:\n{body}"


def _scalar(text: str) -> str:
    """`text` as YAML, quoted where a plain scalar would be read as something else."""
    plain = text.replace("_", "a").replace(".", "a")
    words = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}
    if plain.isascii() and plain.isalnum() and not plain[0].isdigit() and text[0] != "." and text.lower() not in words:
        return text
    # Not JSON's escapes: it writes what lies beyond 16 bits as two, which YAML reads as two.
    shown = (one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}" for one in text)
    return f'"{"".join(shown)}"'
