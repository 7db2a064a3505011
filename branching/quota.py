"""How many branches there may be. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from branching.errors import QuotaExceededError
from branching.inventory import Branch, Inventory


@dataclass(frozen=True, kw_only=True)
class Quota:
    """None is without limit."""

    per_application: int | None = None
    total: int | None = None


def require(found: Inventory, quota: Quota, name: str, application: str) -> None:
    """Refuse one more branch, `name` of `application`, where there are as many as there may be.

    Raises:
        QuotaExceededError: with those that were longest without a push.
    """
    others = [one for one in found.branches if one.name != name]
    own = [one for one in others if one.metadata and one.metadata.application == application]
    for limit, there, of in ((quota.per_application, own, f" of {application}"), (quota.total, others, "")):
        if limit is not None and len(there) >= limit:
            oldest = ", ".join(one.name for one in sorted(there, key=_last_push)[:3])
            raise QuotaExceededError(
                f"there are {len(there)} branches{of}, and {limit} are allowed",
                f"close pull requests that nobody needs; longest without a push: {oldest}",
            )


def _last_push(branch: Branch) -> str:
    made = branch.metadata
    return (made.pushed_at or made.created_at) if made else ""
