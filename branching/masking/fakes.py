"""Invented values that look real and are the same for the same value. None of them reaches a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from branching.masking.column_types import is_text, limit
from branching.masking.masks import as_text, digest, number
from branching.relations import Column

FIRST_NAMES = (
    "Adèle", "Bruno", "Chloé", "David", "Élise", "Farid", "Gaëlle", "Hugo", "Inès", "Jules", "Karim", "Léa", "Malik",
    "Nina", "Oscar", "Pauline", "Quentin", "Rose", "Samir", "Théa", "Ulysse", "Violette", "Wassim", "Xavier", "Yasmine",
    "Zoé", "Arthur", "Camille", "Emma", "Gabriel", "Louise", "Marius",
)  # fmt: skip
LAST_NAMES = (
    "Abadie", "Barbier", "Caron", "Dumas", "Evrard", "Faure", "Gauthier", "Hubert", "Imbert", "Jacquet", "Klein",
    "Lacroix", "Marchand", "Noël", "Olivier", "Perrin", "Quéré", "Renaud", "Salmon", "Tessier", "Urbain", "Vidal",
    "Weber", "Yvon", "Zimmermann", "Berger", "Collet", "Fournier", "Guérin", "Leclerc", "Moulin", "Prévost",
)  # fmt: skip
STREETS = ("rue des Lilas", "rue du Moulin", "avenue de la Gare", "place du Marché", "chemin des Vignes", "quai Vert")
TOWNS = ("Villeneuve", "Beaulieu", "Rochefort-le-Haut", "Saint-Exemple", "Montfleuri", "Clairfontaine")


def _chosen(column: Column, kind: str, values: tuple[str, ...]) -> sql.Composed:
    array = sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(sql.Literal(value) for value in values))
    place = number(sql.SQL("{} || {}").format(sql.Literal(f"{kind}:"), as_text(column)), len(values))
    return sql.SQL("({})[1 + {}]").format(array, place)


def _first(column: Column) -> sql.Composed:
    return _chosen(column, "first", FIRST_NAMES)


def _last(column: Column) -> sql.Composed:
    return _chosen(column, "last", LAST_NAMES)


def _name(column: Column) -> sql.Composed:
    return sql.SQL("({} || ' ' || {})").format(_first(column), _last(column))


def _email(column: Column) -> sql.Composed:
    # A domain that RFC 2606 keeps for examples: no mail ever arrives.
    return sql.SQL("('user-' || substr({}, 1, 16) || '@example.org')").format(digest(as_text(column)))


def _phone(column: Column) -> sql.Composed:
    # 01 99 00 xx xx is a range that France's regulator keeps for fiction (Arcep, decision 2018-0881).
    line = number(sql.SQL("'phone:' || {}").format(as_text(column)), 10_000)
    return sql.SQL("('+3319900' || lpad({}::text, 4, '0'))").format(line)


def _address(column: Column) -> sql.Composed:
    house = number(sql.SQL("'house:' || {}").format(as_text(column)), 199)
    # No French postal code begins with 00.
    return sql.SQL("((1 + {})::text || ' ' || {} || ', 00000 ' || {})").format(
        house, _chosen(column, "street", STREETS), _chosen(column, "town", TOWNS)
    )


def _longest(*parts: tuple[str, ...]) -> int:
    return sum(max(map(len, part)) for part in parts)


_KINDS = {
    "first-name": (_first, _longest(FIRST_NAMES)),
    "last-name": (_last, _longest(LAST_NAMES)),
    "name": (_name, _longest(FIRST_NAMES, (" ",), LAST_NAMES)),
    "email": (_email, len("user-@example.org") + 16),
    "phone": (_phone, len("+3319900") + 4),
    "address": (_address, _longest(("199 ",), STREETS, (", 00000 ",), TOWNS)),
}
"""Each with the characters that it may take."""


@dataclass(frozen=True)
class Fake:
    """An invented value of one kind."""

    what: str
    needs: tuple[str, ...] = ()
    salted: bool = True
    across_rows: bool = False

    @property
    def word(self) -> str:
        return f"fake-{self.what}"

    @property
    def kind(self) -> str:
        return self.word

    def expression(self, column: Column) -> sql.Composable:
        return _KINDS[self.what][0](column)

    def refusal(self, column: Column) -> str:
        if not is_text(column.base):
            return f"is {column.type}, and a fake {self.what} is text"
        size = limit(column.base)
        if size is not None and size < _KINDS[self.what][1]:
            return f"is {column.type}, too short for a fake {self.what} of up to {_KINDS[self.what][1]} characters"
        if column.unique and self.what != "email":
            return f"is unique, and two rows could get the same {self.what}"
        return "decides a row's partition" if column.partition_key else ""


FAKES = tuple(Fake(kind) for kind in _KINDS)
