"""Which pull requests are open: asked of a forge, or read from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from branching.errors import SweepRefusedError

TIMEOUT_SECONDS = 20
_PAGES = 100
"""Of a hundred pull requests each."""


class PullRequests(Protocol):
    """A source that either knows or raises: a sweep must never take silence for an empty list."""

    def open(self) -> frozenset[int]:
        """The numbers of all that are open. Raises SweepRefusedError where that can't be known."""

    def is_open(self, number: int) -> bool:
        """Whether one is, asked now. Raises SweepRefusedError where that can't be known."""


@dataclass(frozen=True)
class FromFile:
    """A file with a number on each line, or a JSON list of numbers. An empty file is no list."""

    path: Path

    def open(self) -> frozenset[int]:
        """Read it."""
        try:
            text = self.path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SweepRefusedError(f"{self.path}: {error.strerror}; nothing was removed") from None
        try:
            found = json.loads(text) if text.startswith("[") else [int(line) for line in text.split()]
        except ValueError:
            found = None
        if not text or not isinstance(found, list) or not all(type(one) is int and one > 0 for one in found):
            raise SweepRefusedError(
                f"{self.path} is no list of pull requests; nothing was removed",
                "write a number on each line, or [1, 2]; [] where none is open",
            )
        return frozenset(found)

    def is_open(self, number: int) -> bool:
        """Read it again."""
        return number in self.open()


@dataclass(frozen=True, kw_only=True)
class FromGitHub:
    """GitHub's REST API: https://docs.github.com/rest/pulls/pulls, version 2022-11-28."""

    repository: str
    """`owner/name`."""
    token: str = field(default="", repr=False)
    url: str = "https://api.github.com"

    def open(self) -> frozenset[int]:
        """Ask for every page."""
        numbers: set[int] = set()
        address = f"{self.url}/repos/{self.repository}/pulls?state=open&per_page=100"
        for _ in range(_PAGES):
            page, following = self._get(address)
            if not isinstance(page, list):
                raise self._refused("answered something else than a list")
            numbers |= {_number(one, self) for one in page}
            if not following:
                return frozenset(numbers)
            address = following
        raise self._refused(f"has more than {_PAGES} pages of open pull requests")

    def is_open(self, number: int) -> bool:
        """Ask about this one."""
        found, _ = self._get(f"{self.url}/repos/{self.repository}/pulls/{number}")
        if not isinstance(found, dict) or found.get("state") not in ("open", "closed"):
            raise self._refused(f"doesn't say whether pull request {number} is open")
        return bool(found["state"] == "open")

    def _get(self, address: str) -> tuple[Any, str]:
        """The answer, and the address of the next page."""
        # The token goes to the forge that was named and nowhere else, whatever a page's link says.
        if not address.startswith(f"{self.url}/"):
            raise self._refused(f"leads to {address.partition('?')[0]}")
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            answer = httpx.get(address, headers=headers, timeout=TIMEOUT_SECONDS).raise_for_status()
            return answer.json(), answer.links.get("next", {}).get("url", "")
        except httpx.HTTPStatusError as error:
            raise self._refused(f"answered {error.response.status_code}") from None
        except (httpx.HTTPError, ValueError) as error:
            raise self._refused(f"can't be asked: {error}") from None

    def _refused(self, what: str) -> SweepRefusedError:
        return SweepRefusedError(f"{self.url} {what} ({self.repository}); nothing was removed")


def _number(one: Any, source: FromGitHub) -> int:
    number = one.get("number") if isinstance(one, dict) else None
    if type(number) is not int:
        raise SweepRefusedError(f"{source.url} answered a pull request without a number; nothing was removed")
    return number
