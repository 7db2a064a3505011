"""The table of images: a new one is a few lines here."""

from __future__ import annotations

import re
import subprocess
from functools import cache

from tools import paths, venv
from tools.cluster.images.archive import Config
from tools.cluster.images.contents import Contents, Folder, Link, Program, Script, Tree
from tools.cluster.images.image import Image
from tools.cluster.images.layers import PythonPackages, RootFilesystem
from tools.cluster.versions import CNPG, COREDNS, POD_PARTS, POSTGRES_MAJOR, PROVISIONER, REDIS_EXPORTER, VALKEY_MAJOR
from tools.toolchain.versions import PARTS

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
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
            f"PATH={_POSTGRES_BIN}:{PATH}",
            "LANG=C.UTF-8",
        ),
        user="26",
    ),
    expected_seconds=180,
)

PACKAGES = "/opt/packages"
USER = "65532:65532"
"""Nobody in particular: a name for it is in the root filesystems, since some programs ask for one."""
NAME_THE_USER = (
    'echo nonroot:x:65532: >>"$1/etc/group"',
    'echo nonroot:x:65532:65532::/nonexistent:/usr/sbin/nologin >>"$1/etc/passwd"',
)
_PYTHON = RootFilesystem(
    name="python",
    packages=("python3", "ca-certificates", f"postgresql-client-{POSTGRES_MAJOR}"),
    before=NAME_THE_USER,
)
"""One for every image in Python, so that the node keeps it once; branching alone needs PostgreSQL's clients."""
_PYTHON_ENVIRONMENT = (f"PATH={PATH}", "LANG=C.UTF-8", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
_PYTHON_LINK = Link(path="usr/local/bin/python", target="/usr/bin/python3")


@cache
def _locked(group: str) -> str:
    """The versions and hashes of the lock file, as branching/Dockerfile and restoring/Dockerfile have them."""
    command = [venv.get_uv(), "export", "--quiet", "--frozen", "--only-group", group, "--no-emit-project"]
    done = subprocess.run(
        [*command, "--no-header"], cwd=paths.ROOT, env=venv.uv_environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


BRANCHING = Image(
    name="branching",
    version="test",
    layers=(
        _PYTHON,
        PythonPackages(
            name="branching-packages", root=_PYTHON, path=PACKAGES, requirements=lambda: _locked("branching")
        ),
        Contents(
            of=(
                _PYTHON_LINK,
                Tree(
                    source=paths.ROOT / "branching",
                    path="socle/branching",
                    without=("Dockerfile", "Dockerfile.dockerignore"),
                ),
            )
        ),
    ),
    config=Config(
        entrypoint=("python", "-m", "branching"),
        command=("--help",),
        environment=(*_PYTHON_ENVIRONMENT, f"PYTHONPATH={PACKAGES}", f"SOCLE_PG_BIN={_POSTGRES_BIN}"),
        user=USER,
        folder="/socle",
    ),
    expected_seconds=180,
)

RESTORING = Image(
    name="restoring",
    version="test",
    layers=(
        _PYTHON,
        PythonPackages(
            name="restoring-packages", root=_PYTHON, path=PACKAGES, requirements=lambda: _locked("restoring")
        ),
        Contents(
            of=(
                _PYTHON_LINK,
                Tree(
                    source=paths.ROOT / "restoring",
                    path="socle/restoring",
                    without=("Dockerfile", "Dockerfile.dockerignore"),
                ),
            )
        ),
    ),
    config=Config(
        entrypoint=("python", "-m", "restoring"),
        command=("--help",),
        environment=(*_PYTHON_ENVIRONMENT, f"PYTHONPATH={PACKAGES}"),
        user=USER,
        folder="/socle",
    ),
    expected_seconds=60,
)

_CITY_API = paths.ROOT / "tests" / "kubernetes" / "city_api"
_RELEASES = {"test": ("migrations/versions/0003_elevation.py",), "test2": ()}
"""Tag → what that release of the application does not have yet."""


def _city_api(tag: str) -> Image:
    return Image(
        name="city-api",
        version=tag,
        layers=(
            _PYTHON,
            PythonPackages(
                name="city-api-packages",
                root=_PYTHON,
                path=PACKAGES,
                requirements=(_CITY_API / "requirements.txt").read_text,
            ),
            Contents(
                of=(
                    _PYTHON_LINK,
                    Script(
                        path="usr/local/bin/alembic",
                        text="#!/usr/bin/python3\nfrom alembic.config import main\n\nmain()\n",
                    ),
                    Tree(source=_CITY_API, path="app/city_api", without=_RELEASES[tag]),
                )
            ),
        ),
        config=Config(
            command=("python", "-m", "city_api"),
            environment=(
                *_PYTHON_ENVIRONMENT,
                f"PYTHONPATH={PACKAGES}:/app",
                "ALEMBIC_CONFIG=/app/city_api/alembic.ini",
                f"CITY_API_VERSION={tag}",
            ),
            user=USER,
            folder="/app",
        ),
        expected_seconds=180,
    )


_CACHE = RootFilesystem(
    name="cache",
    packages=("valkey-server", "valkey-tools", "prometheus-redis-exporter", "ca-certificates"),
    before=NAME_THE_USER,
    # The image is named by what is expected; another version in Debian has to be written there.
    after=(
        'grep -A 9 "^Package: prometheus-redis-exporter$" "$1/var/lib/dpkg/status"'
        f' | grep -q "^Version: {re.escape(REDIS_EXPORTER)}-"',
    ),
)
"""One for both: whoever has the one in a cluster has the other."""

VALKEY = Image(
    name="valkey",
    version=str(VALKEY_MAJOR),
    layers=(_CACHE, Contents(of=(Folder(path="data", mode=0o1777),))),
    config=Config(command=("valkey-server",), environment=(f"PATH={PATH}",), user=USER, folder="/data"),
    expected_seconds=120,
)

EXPORTER = Image(
    name="redis-exporter",
    version=REDIS_EXPORTER,
    layers=(_CACHE, Contents(of=(Link(path="redis_exporter", target="/usr/bin/prometheus-redis-exporter"),))),
    config=Config(entrypoint=("/redis_exporter",), user=USER),
)

FERRETDB = Image(
    name="ferretdb",
    version=PARTS["ferretdb"].version,
    layers=(Contents(of=(Program(part=PARTS["ferretdb"], path="/ferretdb"),)),),
    config=Config(
        entrypoint=("/ferretdb",),
        environment=(
            "FERRETDB_LISTEN_ADDR=:27017",
            "FERRETDB_TELEMETRY=disable",
            "FERRETDB_DEBUG_ADDR=-",
            # Else it keeps an identity for the telemetry in its folder, which is read-only.
            "FERRETDB_STATE_DIR=-",
        ),
        user=USER,
    ),
)

CLUSTER = (PAUSE, DNS, VOLUMES, OPERATOR, POSTGRESQL)
"""What the cluster itself runs, and every PostgreSQL in it."""
TESTS = (BRANCHING, RESTORING, *(_city_api(tag) for tag in _RELEASES), VALKEY, EXPORTER, FERRETDB)
"""What tests deploy."""
ALL = (*CLUSTER, *TESTS)
