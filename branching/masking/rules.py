"""An application's masking rules: whether they classify every column, and how each is copied. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from branching.errors import Problem, RulesError
from branching.masking import rule_words as words
from branching.masking.masks import Null, Rule, agree
from branching.masking.rule_lines import lines
from branching.relations import Column, Table


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
    excludes_large_objects: bool = False
    """Whether a snapshot does without the large objects, which no rule can mask. What refers to one finds nothing."""
    keeps_comments: bool = False
    """Whether the comments of tables, columns and other objects come over. They may hold anything."""
    emptied: tuple[str, ...] = ()
    """Tables, as `schema.table` or `schema.*`, that a snapshot has without their rows."""

    def of(self, key: str) -> Mapping[str, PlacedRule]:
        """The rules of a table: its own, else those of `schema.*`, for schemas whose tables come and go."""
        return self.tables.get(key) or self.tables.get(f"{key.partition('.')[0]}.*", {})

    def empties(self, key: str) -> bool:
        """Whether the rows of a table, a topmost one, stay behind. Its columns then need no rule."""
        return key in self.emptied or f"{key.partition('.')[0]}.*" in self.emptied

    @property
    def counts(self) -> Mapping[str, int]:
        """How many columns of the file have each kind of rule."""
        return dict(Counter(placed.rule.kind for columns in self.tables.values() for placed in columns.values()))

    @property
    def salted(self) -> bool:
        """Whether a mask needs the secret that makes it impossible to compute."""
        return any(placed.rule.salted for columns in self.tables.values() for placed in columns.values())

    @property
    def digest(self) -> str:
        """SHA-256 of what the rules say, whatever the file's layout and comments."""
        plain = {table: {name: p.rule.word for name, p in columns.items()} for table, columns in self.tables.items()}
        lists = [sorted(self.excluded), sorted(self.emptied), self.keeps_comments]
        lists += [self.excludes_large_objects] if self.excludes_large_objects else []
        said = [plain, *lists] if any(lists) else plain
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class MaskedColumn:
    """A column that is copied, and how."""

    column: Column
    rule: Rule


Classification = Mapping[str, tuple[MaskedColumn, ...]]
"""By the key of each table that has rows: the columns to copy, in the table's order."""


def classify(rules: Rules, tables: Sequence[Table]) -> Classification:
    """The columns to copy of each table whose rows come over.

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
        if not rules.empties(table.classified_by)
    }


def _problems(rules: Rules, tables: Sequence[Table]) -> Iterator[Problem]:
    topmost = {table.key: table for table in tables if not table.root}
    for key, table in topmost.items():
        if rules.empties(key):
            continue
        followers = [one for one in tables if one.root == key]
        columns = [strictest(column, followers) for column in table.columns if not column.generated]
        given = rules.of(key)
        missing = [column for column in columns if column.name not in given]
        if missing:
            yield _unclassified(rules, key, missing)
        for column in columns:
            if column.name in given:
                yield from _unfit(rules, key, column, given[column.name])
                yield from _needy(rules, key, [one.name for one in columns], column, given[column.name])
                yield from _parted(rules, topmost, key, column, given[column.name])
                yield from _orphaned(rules, key, column, given[column.name])


def strictest(column: Column, partitions: Sequence[Table]) -> Column:
    """The column with what any partition adds: a partition may forbid a null that its parent allows."""
    same = [one for table in partitions for one in table.columns if one.name == column.name]
    return replace(
        column,
        not_null=column.not_null or any(one.not_null for one in same),
        primary_key=column.primary_key or any(one.primary_key for one in same),
        partition_key=column.partition_key or any(one.partition_key for one in same),
        unique=column.unique or any(one.unique for one in same),
    )


def _unclassified(rules: Rules, key: str, missing: Sequence[Column]) -> Problem:
    names = ", ".join(column.name for column in missing)
    proposals = [(column.name, words.proposal(column)) for column in missing]
    line = rules.lines.get(key)
    return Problem(
        where=f"{rules.path}:{line}" if line else rules.path,
        subject=f"{key}.{names}" if len(missing) == 1 else key,
        found="is not classified" if len(missing) == 1 else f"columns {names} are not classified",
        allowed=_allowed(missing),
        write=lines(key, proposals),
    )


def _unfit(rules: Rules, key: str, column: Column, placed: PlacedRule) -> Iterator[Problem]:
    refusal = placed.rule.refusal(column)
    if refusal:
        yield Problem(
            where=f"{rules.path}:{placed.line}",
            subject=f"{key}.{column.name}",
            found=f"{refusal}, so that the rule {placed.rule.word} can't hold",
            allowed=", ".join(_words(column)),
            write=lines(key, [(column.name, _words(column)[0])]),
        )


def _needy(rules: Rules, key: str, there: Sequence[str], column: Column, placed: PlacedRule) -> Iterator[Problem]:
    for name in placed.rule.needs:
        if name not in there:
            yield Problem(
                where=f"{rules.path}:{placed.line}",
                subject=f"{key}.{column.name}",
                found=f"goes by {name}, which is no column of the table",
                allowed=", ".join(there),
                write=lines(key, [(column.name, placed.rule.word.replace(f": {name}", f": {there[0]}"))]),
            )


def _parted(
    rules: Rules, tables: Mapping[str, Table], key: str, column: Column, placed: PlacedRule
) -> Iterator[Problem]:
    """A foreign key whose two ends would no longer meet."""
    for table, name in column.references:
        other = next((one for one in tables[table].columns if one.name == name), None) if table in tables else None
        of = rules.of(table).get(name)
        if other is None or of is None or rules.empties(table) or agree(placed.rule, column, of.rule, other):
            continue
        fitting = [word for word, rule in words.SIMPLE.items() if not rule.refusal(column)]
        fitting = [word for word in fitting if agree(words.SIMPLE[word], column, of.rule, other)]
        yield Problem(
            where=f"{rules.path}:{placed.line}",
            subject=f"{key}.{column.name}",
            found=f"refers to {table}.{name}, which has the rule {of.rule.word}, and {placed.rule.word} gives others",
            allowed=", ".join(dict.fromkeys([of.rule.word, *fitting])),
            write=lines(key, [(column.name, of.rule.word)]),
        )


def _orphaned(rules: Rules, key: str, column: Column, placed: PlacedRule) -> Iterator[Problem]:
    """A foreign key to a table whose rows stay behind."""
    for table, name in column.references:
        if rules.empties(table) and not isinstance(placed.rule, Null):
            nullable = not Null().refusal(column)
            yield Problem(
                where=f"{rules.path}:{placed.line}",
                subject=f"{key}.{column.name}",
                found=f"refers to {table}.{name}, whose rows are excluded",
                allowed=f"null, or {key} in excludeDataOf as well" if nullable else f"{key} in excludeDataOf as well",
                write=lines(key, [(column.name, "null")]) if nullable else f"excludeDataOf: [{table}, {key}]",
            )


def unused(rules: Rules, tables: Sequence[Table]) -> tuple[Problem, ...]:
    """The rules for what isn't there. They hide nothing and let nothing through: a note, not a refusal.

    A database before its first migration has none of the tables that its rules are about.
    """
    topmost = {table.key: table for table in tables if not table.root}
    return tuple(_stale(rules, topmost, tables))


def _stale(rules: Rules, topmost: Mapping[str, Table], tables: Sequence[Table]) -> Iterator[Problem]:
    partitions = {table.key: table.root for table in tables if table.root}
    for key in rules.emptied:
        if key not in topmost and not key.endswith(".*"):
            found = "is no topmost table of the database"
            yield Problem(where=rules.path, subject=f"excludeDataOf: {key}", found=found, allowed=", ".join(topmost),
                          write=f"# delete {key} from excludeDataOf")  # fmt: skip
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


def _words(column: Column) -> list[str]:
    return [word for word, rule in words.SIMPLE.items() if not rule.refusal(column)] + list(words.FORMS)


def _allowed(columns: Sequence[Column]) -> str:
    strict = [column.name for column in columns if Null().refusal(column)]
    note = f" (not null for {', '.join(strict)})" if strict else ""
    return ", ".join(words.ALL) + note
