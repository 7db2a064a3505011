"""How an application reaches its part of a shared Redis or Valkey: user, key prefix, URL. Pure."""

from __future__ import annotations

from urllib.parse import quote


def key_prefix(application: str, pull_request: int | None = None) -> str:
    """The prefix that all keys and channels of the application begin with: `city-api:` or `pr-123:city-api:`."""
    return f"pr-{pull_request}:{application}:" if pull_request else f"{application}:"


def user_name(application: str, pull_request: int | None = None) -> str:
    """The ACL user: `city-api` or `pr-123-city-api`."""
    return f"pr-{pull_request}-{application}" if pull_request else application


def url(*, host: str, port: int, user: str, password: str) -> str:
    """`REDIS_URL` for a server without TLS: the embedded one, on loopback."""
    return f"redis://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}/0"
