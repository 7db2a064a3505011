"""The logins of an application with their passwords, which stay as they are or are rotated by a date in settings."""

from __future__ import annotations

import pulumi

from components.postgres.database_plan import DatabasePlan
from components.secrets.generated import GeneratedSecret
from components.secrets.turns import Turn, in_use, passwords


class Rotation(pulumi.CustomResource):
    """Counts the dates that it is given, and makes a new secret at each; it keeps the one before."""

    number: pulumi.Output[int]
    """1 at the first date."""
    current: pulumi.Output[str]
    """Hexadecimal; a secret."""
    previous: pulumi.Output[str]
    """Hexadecimal; a secret; empty at the first date."""

    def __init__(self, name: str, date: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """`date` is an ISO 8601 date. An earlier one than last time is refused."""
        secret = pulumi.ResourceOptions(additional_secret_outputs=["current", "previous"])
        super().__init__(
            "socle:secrets:Rotation",
            name,
            {"date": date, "number": None, "current": None, "previous": None},
            pulumi.ResourceOptions.merge(opts, secret),
        )


class Logins:
    """The logins of one application: which of them it uses, and each one's password."""

    def __init__(self, name: str, plan: DatabasePlan, secret: GeneratedSecret, date: str | None) -> None:
        """Without a `date` nothing was ever rotated; with one, `plan` has second logins."""
        self._plan, self._secret = plan, secret
        self._rotation = Rotation(f"{name}-rotation", date) if date else None
        self.number: pulumi.Output[str] | None = None
        """Of rotations carried out; None where there are none."""
        if self._rotation:
            self.number = self._rotation.number.apply(lambda number: str(int(number)))
            self._passwords = self._rotated(self._rotation)

    def password(self, login: str) -> pulumi.Output[str]:
        """The password of any of the plan's logins; a secret."""
        if self._rotation is None:
            return self._secret.password(login)
        return pulumi.Output.secret(self._passwords.apply(lambda every: every[login]))

    def in_use(self, role: str) -> pulumi.Output[str]:
        """The login by which the rights of `role`, one of the plan's first two, are used."""
        seconds = {first: second for second, first in self._plan.heirs.items()}
        if self._rotation is None:
            return pulumi.Output.from_input(role)
        return self._rotation.number.apply(lambda number: in_use(int(number), role, seconds[role]))

    def credentials(self, role: str) -> pulumi.Output[tuple[str, str]]:
        """The login in use for `role` and its password; a secret."""
        if self._rotation is None:
            return self._secret.credentials(role)
        return pulumi.Output.all(self.in_use(role), self._passwords).apply(lambda both: (both[0], both[1][both[0]]))

    def _rotated(self, rotation: Rotation) -> pulumi.Output[dict[str, str]]:
        logins = {first: second for second, first in self._plan.heirs.items()}

        def derived(parts: list[str]) -> dict[str, str]:
            number, current, previous, original = parts
            turn = Turn(number=int(number), current=current, previous=previous or original)
            return passwords(turn, logins)

        every = pulumi.Output.all(rotation.number, rotation.current, rotation.previous, self._secret.material)
        return pulumi.Output.secret(every.apply(derived))
