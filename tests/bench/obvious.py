"""The obvious program that Socle is measured against: seven pulumi-postgresql resources an application, no more."""

from __future__ import annotations

import os

import pulumi
import pulumi_postgresql as postgresql

server = postgresql.Provider(
    "server",
    host=os.environ["BENCH_HOST"],
    port=int(os.environ["BENCH_PORT"]),
    username=os.environ["BENCH_USER"],
    password=pulumi.Output.secret(os.environ["BENCH_PASSWORD"]),
    sslmode="verify-full",
    sslrootcert=os.environ["BENCH_CA"],
)


def application(name: str) -> None:
    """One application, as its documentation's first example would have it."""
    on_server = pulumi.ResourceOptions(provider=server)
    role = postgresql.Role(
        name, name=name, login=True, password=pulumi.Output.secret(f"password-{name}"), opts=on_server
    )
    database = postgresql.Database(name, name=name, owner=role.name, opts=on_server)
    reader = postgresql.Role(
        f"{name}-ro", name=f"{name}_ro", login=True, password=pulumi.Output.secret(f"ro-{name}"), opts=on_server
    )
    where = {"database": database.name, "role": reader.name}
    postgresql.Grant(f"{name}-connect", **where, object_type="database", privileges=["CONNECT"], opts=on_server)
    postgresql.Grant(
        f"{name}-usage", **where, object_type="schema", schema="public", privileges=["USAGE"], opts=on_server
    )
    for kind in ("table", "sequence"):
        postgresql.DefaultPrivileges(
            f"{name}-{kind}",
            **where,
            owner=role.name,
            schema="public",
            object_type=kind,
            privileges=["SELECT"],
            opts=on_server,
        )


for number in range(int(os.environ["BENCH_APPLICATIONS"])):
    application(f"app{number:03d}")
