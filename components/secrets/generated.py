"""Generated credentials: one random secret an application, from which each of its passwords is derived."""

from __future__ import annotations

import hashlib
import hmac

import pulumi
import pulumi_random as random

SECRET_BYTES = 32


def derive(secret_hex: str, label: str) -> str:
    """The password for `label`, 48 hexadecimal characters (192 bits), valid unquoted in every URL and file.

    HMAC-SHA256 of the label under the application's secret (the expand step of HKDF, RFC 5869): passwords of one
    application tell nothing of each other, and a new use needs no new resource in the state.
    """
    return hmac.new(bytes.fromhex(secret_hex), label.encode(), hashlib.sha256).hexdigest()[:48]


class GeneratedSecret:
    """The random secret behind one application's passwords.

    `RandomBytes`, not `RandomPassword`: the latter computes a bcrypt hash of each password that nobody here reads.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        self._bytes = random.RandomBytes(name, length=SECRET_BYTES, opts=opts)

    @property
    def material(self) -> pulumi.Output[str]:
        """What the passwords are derived from, hexadecimal; a secret output."""
        return pulumi.Output.secret(self._bytes.hex)

    def password(self, label: str) -> pulumi.Output[str]:
        """The password for `label`, a secret output; the same label gives the same password."""
        return pulumi.Output.secret(self._bytes.hex.apply(lambda value: derive(value, label)))

    def credentials(self, login: str) -> pulumi.Output[tuple[str, str]]:
        """The login with its password; a secret output."""
        return self.password(login).apply(lambda password: (login, password))
