"""The provider's configuration: where the server is, and as whom to connect. Values not given come from `PG*`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

_CLOUD = ("awsRdsIamAuth", "azureIdentityAuth")


@dataclass(frozen=True, kw_only=True)
class Config:
    """How to connect. Names and defaults are the real plugin's; `connect_timeout` is in seconds."""

    host: str = "localhost"
    port: int = 5432
    username: str = "postgres"
    password: str = field(default="", repr=False)
    database: str = "postgres"
    sslmode: str = "require"
    sslrootcert: str = ""
    sslcert: str = ""
    sslkey: str = ""
    superuser: bool = True
    connect_timeout: int = 180
    max_connections: int = 20
    database_username: str = ""

    @property
    def role(self) -> str:
        """The role that the connections act as."""
        return self.database_username or self.username


def from_variables(variables: Properties) -> Config:
    """The configuration that the engine gives: strings, or JSON's types. Raises PluginError on what can't be served."""
    scheme = variables.get("scheme") or "postgres"
    cloud = [name for name in _CLOUD if _boolean(variables.get(name, False), name)]
    if scheme != "postgres" or cloud:
        raise PluginError(
            f"the offline postgresql plugin connects to plain PostgreSQL only, not with {', '.join(cloud) or scheme}; "
            "install the real plugin for it"
        )
    certificate = variables.get("clientcert") or {}
    return Config(
        host=_text(variables, "host", "PGHOST", "localhost"),
        port=_integer(_text(variables, "port", "PGPORT", "5432"), "port"),
        username=_text(variables, "username", "PGUSER", "postgres"),
        password=_text(variables, "password", "PGPASSWORD", ""),
        database=_text(variables, "database", "PGDATABASE", "postgres"),
        sslmode=_text(variables, "sslmode", "PGSSLMODE", "") or variables.get("sslMode") or "require",
        sslrootcert=variables.get("sslrootcert") or "",
        sslcert=certificate.get("cert", "") if isinstance(certificate, dict) else "",
        sslkey=certificate.get("key", "") if isinstance(certificate, dict) else "",
        superuser=_boolean(_text(variables, "superuser", "PGSUPERUSER", "true"), "superuser"),
        connect_timeout=_integer(_text(variables, "connectTimeout", "PGCONNECT_TIMEOUT", "180"), "connectTimeout"),
        max_connections=_integer(variables.get("maxConnections", 20), "maxConnections"),
        database_username=variables.get("databaseUsername") or "",
    )


def _text(variables: Properties, name: str, variable: str, otherwise: str) -> str:
    value = variables.get(name)
    if value is None or value == "":
        return os.environ.get(variable) or otherwise
    return str(value).lower() if isinstance(value, bool) else str(value)


def _integer(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise PluginError(f"the provider's '{name}' must be a whole number, not '{value}'") from None


def _boolean(value: Any, name: str) -> bool:
    text = str(value).lower()
    if text not in {"true", "false", "1", "0", "t", "f"}:
        raise PluginError(f"the provider's '{name}' must be true or false, not '{value}'")
    return text in {"true", "1", "t"}
