"""The table of images: a new one is a few lines here."""

from __future__ import annotations

from tools.cluster.images.archive import Config
from tools.cluster.images.contents import Contents, Folder, Link, Program
from tools.cluster.images.image import Image
from tools.cluster.images.layers import RootFilesystem
from tools.cluster.versions import CNPG, COREDNS, POD_PARTS, POSTGRES_MAJOR, PROVISIONER

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_POSTGRES_BIN = f"/usr/lib/postgresql/{POSTGRES_MAJOR}/bin"

PAUSE = Image(
    name="pause",
    version="1",
    layers=(Contents(of=(Program(part=POD_PARTS["pause"], path="/pause"),)),),
    config=Config(entrypoint=("/pause",), user="65535:65535"),
)

DNS = Image(
    name="coredns",
    version=COREDNS,
    layers=(Contents(of=(Program(part=POD_PARTS["coredns"], path="/coredns"),)),),
    config=Config(entrypoint=("/coredns",)),
)

VOLUMES = Image(
    name="localpath",
    version=PROVISIONER,
    layers=(Contents(of=(Folder(path="tmp", mode=0o1777), Program(part=POD_PARTS["localpath"], path="/localpath"))),),
    config=Config(entrypoint=("/localpath",)),
)

OPERATOR = Image(
    name="cloudnative-pg",
    version=CNPG,
    # As in upstream's Dockerfile: instances fetch the manager of their architecture from /operator.
    layers=(
        Contents(
            of=(
                Program(part=POD_PARTS["cnpg-manager"], path="/operator/manager_amd64"),
                Link(path="/manager", target="operator/manager_amd64"),
            )
        ),
    ),
    config=Config(entrypoint=("/manager",), user="65532:65532"),
)

POSTGRESQL = Image(
    name="postgresql",
    version=str(POSTGRES_MAJOR),
    layers=(
        RootFilesystem(
            name=f"postgresql-{POSTGRES_MAJOR}",
            packages=(f"postgresql-{POSTGRES_MAJOR}", f"postgresql-client-{POSTGRES_MAJOR}"),
            # CloudNativePG runs PostgreSQL as user 26: that user is made before the packages would make their own.
            before=(
                'echo postgres:x:999: >>"$1/etc/group"',
                'echo postgres:x:26:999::/var/lib/postgresql:/bin/bash >>"$1/etc/passwd"',
            ),
            # The database cluster that the package makes is not wanted.
            after=(
                'rm -rf "$1"/var/lib/postgresql/* "$1"/etc/postgresql/* "$1"/var/log/postgresql/*',
                'install -d -m 2775 -o 26 -g 999 "$1/run/postgresql"',
            ),
        ),
    ),
    config=Config(
        command=("postgres",),
        environment=(
            f"PATH={_POSTGRES_BIN}:{_PATH}",
            "LANG=C.UTF-8",
        ),
        user="26",
    ),
    expected_seconds=180,
)

CLUSTER = (PAUSE, DNS, VOLUMES, OPERATOR, POSTGRESQL)
"""What the cluster itself runs, and every PostgreSQL in it."""
