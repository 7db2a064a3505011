"""A certificate authority of an environment's own, and what it signs."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


class Authority(pulumi.CustomResource):
    """Signs the servers of one environment, for ten years.

    CloudNativePG's own authority lives three months, and each application has to be given every new one: what an
    application trusts must outlive that (documentation of CloudNativePG 1.28, "Certificates").
    """

    certificate: pulumi.Output[str]
    """PEM; what clients trust."""
    key: pulumi.Output[str]
    """PEM, SEC 1; a secret."""

    def __init__(self, name: str, *, common_name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = {"commonName": common_name, "certificate": None, "key": None}
        super().__init__("socle:secrets:Authority", name, inputs, _secret(opts, "key"))


class ServerCertificate(pulumi.CustomResource):
    """A server's certificate, signed by an authority; the first `up` of its last thirty days renews it."""

    certificate: pulumi.Output[str]
    """PEM."""
    key: pulumi.Output[str]
    """PEM, SEC 1; a secret."""

    def __init__(
        self, name: str, *, hosts: Sequence[str], authority: Authority, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs = {
            "hosts": list(hosts),
            "authorityCertificate": authority.certificate,
            "authorityKey": authority.key,
            "certificate": None,
            "key": None,
        }
        super().__init__("socle:secrets:ServerCertificate", name, inputs, _secret(opts, "key", "authorityKey"))


def _secret(opts: pulumi.ResourceOptions | None, *outputs: str) -> pulumi.ResourceOptions:
    own = pulumi.ResourceOptions(additional_secret_outputs=list(outputs))
    return pulumi.ResourceOptions.merge(opts, own)
