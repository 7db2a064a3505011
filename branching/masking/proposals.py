"""A first rules file for a database, from names, types and counts of a sample. Pure.

It errs on the side of hiding: free text, JSON and whatever has a person's word in its name are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from branching.masking import rule_words as words
from branching.masking.column_types import is_day, is_moment, is_text
from branching.masking.masks import agree
from branching.masking.profile import Profile
from branching.masking.rules import Rules, strictest
from branching.relations import Column, Table

_BY_NAME = (
    (r"e_?mails?", "fake-email", "an e-mail address by its name"),
    (r"phones?|tel|telephone|mobile|fax", "fake-phone", "a phone number by its name"),
    (r"first_?name|given_?name|forename|prenom", "fake-first-name", "a first name by its name"),
    (r"last_?name|sur_?name|family_?name|nom", "fake-last-name", "a last name by its name"),
    (r"(full|display|user|nick|contact|customer|owner|author|sender|recipient|holder)_?name", "fake-name", "a name"),
    (r"address|addr|street|adresse|rue", "fake-address", "an address by its name"),
    (r"birth(_?(day|date))?|born|dob|birthdate|naissance", "shift", "a date of birth by its name"),
    (r"passw(or)?d|pwd|hash|digest|secrets?|tokens?|api_?key|otp|salt|signature|credentials?", "null", "a secret"),
    (
        r"iban|bic|card|ssn|siret|siren|passport|licen[cs]e|tax_?id|vat|account_?number",
        "hash",
        "a number of a person's",
    ),
    (r"ip|ip_?addr(ess)?|user_?agent|lat(itude)?|lon(gitude)?|geo|location|position", "null", "a trace of a person"),
    (r"salary|income|wage|balance|salaire", "shuffle", "money of a person's"),
    (r"login|user_?id_?text|handle|pseudo", "hash", "a login"),
)
"""Read from the top: a pattern, as one or more whole words of the column's name; the rule; why."""

_PEOPLE = re.compile(
    r"(^|_)(user|person|people|customer|member|contact|employee|patient|client|author|visitor|account)"
)
_NOTHING_LEFT = {
    "jsonb": "{sql: \"'{}'\"}",
    "json": "{sql: \"'{}'\"}",
    "bytea": "{sql: \"''\"}",
    "xml": "{sql: \"'<removed/>'\"}",
    "tsvector": "{sql: \"''\"}",
}
"""For what takes no NULL."""
_HARMLESS = re.compile(
    r"(boolean|smallint|integer|bigint|real|double precision|numeric|money|uuid|interval|time |bit|oid"
    r"|(int4|int8|num|ts|tstz|date)(multi)?range)"
)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A rule for a column, and why."""

    column: str
    rule: str
    """As the file writes it."""
    reason: str
    """Empty where the rules file has it already."""


Profiles = Mapping[tuple[str, str], Profile]


def propose(tables: Sequence[Table], profiles: Profiles, rules: Rules) -> dict[str, tuple[Proposal, ...]]:
    """A rule for every column that takes one, by table; those that `rules` has stay, `schema.*` among them."""
    found: dict[str, dict[str, Proposal]] = {}
    for table, proposed in _Proposer(tables, profiles, rules).all():
        pattern = f"{table.schema}.*"
        key = pattern if pattern in rules.tables and table.key not in rules.tables else table.key
        columns = found.setdefault(key, {})
        columns.update({one.column: one for one in proposed if one.column not in columns})
    return {key: tuple(columns.values()) for key, columns in found.items()}


@dataclass(frozen=True)
class _Proposer:
    tables: Sequence[Table]
    profiles: Profiles
    rules: Rules

    def all(self) -> Iterator[tuple[Table, tuple[Proposal, ...]]]:
        for table in self.tables:
            if not table.root:
                columns = (column for column in table.columns if not column.generated)
                yield table, tuple(self._one(table, column, ()) for column in columns)

    def _one(self, table: Table, column: Column, seen: tuple[tuple[str, str], ...]) -> Proposal:
        there = self.rules.of(table.key).get(column.name)
        if there is not None:
            return Proposal(column=column.name, rule=there.rule.word, reason="")
        column = strictest(column, [one for one in self.tables if one.root == table.key])
        here = (table.key, column.name)
        referred = self._referred(column, (*seen, here)) if here not in seen else None
        rule, reason = referred or self._alone(table, column)
        return Proposal(column=column.name, rule=rule, reason=reason)

    def _referred(self, column: Column, seen: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
        """What the column that a foreign key refers to has, so that the two still meet."""
        for key, name in column.references:
            table = next((one for one in self.tables if one.key == key), None)
            other = next((one for one in table.columns if one.name == name), None) if table else None
            if table is None or other is None or (key, name) in seen:
                continue
            rule = words.read_text(self._one(table, other, seen).rule)
            if not rule.refusal(column) and agree(rule, column, rule, other):
                return rule.word, f"refers to {key}.{name}"
            if not words.SIMPLE["null"].refusal(column):
                return "null", f"refers to {key}.{name}, whose rule it can't have"
        return None

    def _alone(self, table: Table, column: Column) -> tuple[str, str]:
        for rule, reason in self._wishes(table, column):
            if not words.read_text(rule).refusal(column):
                return rule, reason
        return "keep", "nothing else fits: look at it"

    def _wishes(self, table: Table, column: Column) -> Iterator[tuple[str, str]]:
        """Rules in the order of preference; the first that the column takes is proposed."""
        if column.partition_key:
            yield "keep", "decides a row's partition"
        key = column.primary_key or column.references
        if key and _HARMLESS.match(column.base):
            yield "keep", "a key"
        profile = self.profiles.get((table.key, column.name), Profile())
        if profile.mostly_emails:
            yield "fake-email", "e-mail addresses in the sample"
        by_name = _named(table, column)
        if by_name:
            yield by_name
            yield "hash", by_name[1]
        yield from _by_type(column, profile, named=by_name is not None)


def _by_type(column: Column, profile: Profile, *, named: bool) -> Iterator[tuple[str, str]]:
    date = is_day(column.base) or is_moment(column.base)
    if is_text(column.base):
        yield from _of_text(column, profile, named=named)
    elif not named and (date or column.enum or _HARMLESS.match(column.base)):
        yield "keep", "a date" if date else "no text"
    yield "null", "may hold anything"
    if date:
        yield "shift", "a date"
    if column.base in _NOTHING_LEFT:
        yield _NOTHING_LEFT[column.base], "may hold anything"
    if column.base.endswith("[]"):
        yield "{sql: \"'{}'\"}", "may hold anything"
    yield "shuffle", "may hold anything"


def _of_text(column: Column, profile: Profile, *, named: bool) -> Iterator[tuple[str, str]]:
    if profile.mostly_phones and not named:
        yield "fake-phone", "phone numbers in the sample"
    if profile.few_short and not named:
        yield "keep", f"{profile.distinct} short values in the sample"
    if not column.unique:
        yield "null", "free text"
    yield "hash", "free text"
    yield '{constant: "x"}', "free text, too short for a hash"


def _named(table: Table, column: Column) -> tuple[str, str] | None:
    # fooBar and Foo-Bar are read as foo_bar.
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", column.name).lower().replace("-", "_")
    for pattern, rule, reason in _BY_NAME:
        if re.search(rf"(^|_)({pattern})(_|$|\d)", name):
            return rule, reason
    if name == "name" and _PEOPLE.search(table.name.lower()):
        return "fake-name", "a name in a table of people"
    return None
