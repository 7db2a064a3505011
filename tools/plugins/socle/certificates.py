"""`socle:secrets:Authority` and `socle:secrets:ServerCertificate`: kept in the state, renewed by an update."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from typing import TYPE_CHECKING

from tools.plugins.resource import Change, DiffResult, PluginError, State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import UNKNOWN, Properties

if TYPE_CHECKING:
    from tools.certificates import Certificate

OUTPUTS = ("certificate", "key")
"""PEM texts."""


class _Pair(Plain):
    """A certificate with its key. What changes it, and its coming end, has it made anew in place."""

    secrets = frozenset({"key"})

    def diff(self, prior: State, news: Properties) -> DiffResult:
        """What the inputs change, and that it is to be renewed."""
        changes = dict(super().diff(prior, news).changes)
        if not changes and _ends_soon(prior.outputs["certificate"]):
            changes["certificate"] = Change.UPDATE
        return DiffResult(changes=changes)

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make it."""
        if preview:
            return "", inputs | dict.fromkeys(OUTPUTS, UNKNOWN)
        return "certificate", inputs | self._made(inputs)

    def read(self, prior: State) -> State | None:
        """As it was: it is nowhere but in the state."""
        return prior if prior.outputs else None

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Make it anew."""
        del prior
        return news | (dict.fromkeys(OUTPUTS, UNKNOWN) if preview else self._made(news))

    def delete(self, prior: State) -> None:
        """Nothing is left of it but in the state."""

    def _made(self, inputs: Properties) -> Properties:
        made = self._make(inputs, dt.datetime.now(dt.UTC))
        return {"certificate": made.certificate_pem(), "key": made.key_pem()}

    @abstractmethod
    def _make(self, inputs: Properties, now: dt.datetime) -> Certificate:
        """A new pair."""


class Authority(_Pair):
    """Input: `commonName`."""

    def _make(self, inputs: Properties, now: dt.datetime) -> Certificate:
        from tools.certificates import make_authority

        return make_authority(inputs["commonName"], now)


class ServerCertificate(_Pair):
    """Inputs: `hosts`, `authorityCertificate`, `authorityKey`."""

    secrets = frozenset({"key", "authorityKey"})

    def _make(self, inputs: Properties, now: dt.datetime) -> Certificate:
        from tools.certificates import load, make_server

        try:
            authority = load(inputs["authorityCertificate"], inputs["authorityKey"])
        except ValueError as error:
            raise PluginError(f"the authority can't sign: {error}") from None
        return make_server(authority, inputs["hosts"], now)


def _ends_soon(certificate: str) -> bool:
    from cryptography import x509

    from tools.certificates import ends_soon

    return ends_soon(x509.load_pem_x509_certificate(certificate.encode()), dt.datetime.now(dt.UTC))
