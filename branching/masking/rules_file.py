"""Reads an application's masking rules from their file. Pure but for `load`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from branching.errors import Problem, RulesError
from branching.masking import rule_words as words
from branching.masking.rule_lines import lines
from branching.masking.rules import PlacedRule, Rules


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
    reader = _Reader(path=path, problems=[], tables={}, lines={}, excluded=[], emptied=[], flags={})
    reader.document(document)
    if reader.problems:
        raise RulesError(tuple(reader.problems))
    return Rules(
        path=path,
        tables=reader.tables,
        lines=reader.lines,
        excluded=tuple(reader.excluded),
        emptied=tuple(reader.emptied),
        keeps_comments=reader.flags.get("keepComments", False),
        excludes_large_objects=reader.flags.get("excludeLargeObjects", False),
    )


@dataclass(frozen=True, kw_only=True)
class _Reader:
    path: str
    problems: list[Problem]
    tables: dict[str, dict[str, PlacedRule]]
    lines: dict[str, int]
    excluded: list[str]
    emptied: list[str]
    flags: dict[str, bool]

    def document(self, document: object) -> None:
        if not isinstance(document, CommentedMap):
            self.problems.append(_misshapen(self.path, "the file", "has no `tables:`"))
            return
        for name in document:
            if name == "excludeSchemas":
                self._exclude(document[name], f"{self.path}:{document.lc.key(name)[0] + 1}")
            elif name in ("keepComments", "excludeLargeObjects"):
                self._flag(name, document[name], f"{self.path}:{document.lc.key(name)[0] + 1}")
            elif name == "excludeDataOf":
                self._empty(document[name], f"{self.path}:{document.lc.key(name)[0] + 1}")
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
        else:
            allowed = "a list of schemas, public not among them"
            self._refuse(where, "excludeSchemas", schemas, allowed, "[audit]")

    def _flag(self, key: str, given: object, where: str) -> None:
        if isinstance(given, bool):
            self.flags[key] = given
        else:
            self._refuse(where, key, given, "true or false", "true")

    def _empty(self, tables: object, where: str) -> None:
        if isinstance(tables, list) and all(isinstance(table, str) and "." in table for table in tables):
            self.emptied.extend(str(table) for table in tables)
        else:
            allowed = "a list of tables as schema.table, or schema.* for all of a schema"
            self._refuse(where, "excludeDataOf", tables, allowed, "[public.audit_log]")

    def _refuse(self, where: str, key: str, given: object, allowed: str, example: str) -> None:
        found = f"is {words.shown(given)}"
        self.problems.append(Problem(where=where, subject=key, found=found, allowed=allowed, write=f"{key}: {example}"))

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
        try:
            self.tables[table][column] = PlacedRule(rule=words.read(word), line=line)
        except ValueError as error:
            self.problems.append(
                Problem(
                    where=f"{self.path}:{line}",
                    subject=f"{table}.{column}",
                    found=str(error),
                    allowed=", ".join(words.ALL),
                    write=lines(table, [(column, "null")]),
                )
            )


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
