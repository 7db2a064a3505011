"""Lines for a rules file, as YAML. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def lines(table: str, rules: Sequence[tuple[str, str]]) -> str:
    """A table with a rule for each column, to paste into a rules file."""
    body = "\n".join(f"    {scalar(column)}: {word if word != 'null' else scalar(word)}" for column, word in rules)
    return f"tables:\n  {scalar(table)}:\n{body}"


def scalar(text: str) -> str:
    """`text` as YAML, quoted where a plain scalar would be read as something else."""
    plain = text.replace("_", "a").replace(".", "a")
    words = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}
    if plain.isascii() and plain.isalnum() and not plain[0].isdigit() and text[0] != "." and text.lower() not in words:
        return text
    # Not JSON's escapes: it writes what lies beyond 16 bits as two, which YAML reads as two.
    shown = (one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}" for one in text)
    return f'"{"".join(shown)}"'
