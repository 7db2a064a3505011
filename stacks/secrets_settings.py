"""Typed settings of secrets: where passwords come from, where else they go, when they are made anew."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BeforeValidator, Field

from stacks.base import Model


def _date(value: object) -> object:
    # YAML reads an unquoted date as one, and Pulumi hands it on as a moment.
    text = str(value).removesuffix("T00:00:00Z").removesuffix(" 00:00:00+00:00").removesuffix(" 00:00:00")
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a date, year-month-day: 2026-11-21") from None


Date = Annotated[str, BeforeValidator(_date)]


class Secrets(Model):
    """The passwords of the environment's applications."""

    rotation: Date | None = Field(default=None, examples=['"2026-11-21"'])
    """Of every application's passwords; a later date makes them anew once more."""
