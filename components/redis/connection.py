"""How an application reaches its part of a shared Redis or Valkey: user, key prefix, URL. Pure."""

from __future__ import annotations

from urllib.parse import quote


def key_prefix(application: str, pull_request: int | None = None) -> str:
    """The prefix that all keys and channels of the application begin with: `city-api:` or `pr-123:city-api:`."""
    return f"pr-{pull_request}:{application}:" if pull_request else f"{application}:"


def user_name(application: str, pull_request: int | None = None) -> str:
    """The ACL user: `city-api` or `pr-123-city-api`."""
    return f"pr-{pull_request}-{application}" if pull_request else application


def url(*, host: str, port: int, user: str, password: str, ca_file: str = "") -> str:
    """`REDIS_URL`: without TLS for the embedded server, on loopback; with `ca_file` over TLS.

    redis-py takes the authority's file from the URL; other clients have a setting of their own for it, and pass over
    the parameter.
    """
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    trust = f"?ssl_ca_certs={quote(ca_file)}" if ca_file else ""
    return f"{'rediss' if ca_file else 'redis'}://{login}@{host}:{port}/0{trust}"
