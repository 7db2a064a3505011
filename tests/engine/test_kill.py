"""`kill -9` of pulumi in the middle of an `up`: the next `up` converges, and nothing is left over.

Does not prove it for a kill of the whole machine: what the system had not written to disk is another matter.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tests.engine import checkout
from tests.engine.checkout import Checkout

MOMENTS = (1, 3, 5, 7, 9, 12, 15, 18, 22, 26)
"""After how many lines that tell of a resource being made or deleted; an application has 17 of each."""


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = checkout.make(tmp_path_factory.mktemp("fragile"), "docspell")
    try:
        made.run("up")
        yield made
    finally:
        made.destroy()


def kill_pulumi_after(made: Checkout, lines: int) -> bool:
    """Run `up`, and kill the engine after so many creations; False where it was done before."""
    process = subprocess.Popen(
        made.command("up"), cwd=made.root, env=made.environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        lines -= "creating" in line or "deleting" in line
        if lines <= 0:
            break
    engines = [child for child in psutil.Process(process.pid).children(recursive=True) if child.name() == "pulumi"]
    for engine in engines:
        engine.kill()
    process.communicate(timeout=60)
    return bool(engines)


@pytest.mark.parametrize(
    "moment", [*MOMENTS[::2], *(pytest.param(moment, marks=pytest.mark.long) for moment in MOMENTS[1::2])]
)
def test_the_next_up_converges(fragile: Checkout, moment: int) -> None:
    name = f"killed-{moment}"

    def add(config: dict) -> None:  # type: ignore[type-arg]
        # The last one goes while this one comes, so that deletions are hit as well.
        for other in [other for other in config["socle:apps"] if other.startswith("killed-")]:
            del config["socle:apps"][other]
        config["socle:apps"][name] = {"deletionPolicy": "delete"}

    fragile.settings(add)
    assert kill_pulumi_after(fragile, moment)
    fragile.run("up")
    with psycopg.connect(fragile.variables(name)["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    database = name.replace("-", "_")
    assert {one for one in fragile.databases() if one.startswith("killed")} == {database}
    assert {one for one in fragile.roles() if one.startswith("killed")} == {
        database,
        f"{database}_owner",
        f"{database}_ro",
    }
    backend = fragile.home / "state" / ".pulumi"
    stacks = backend / "stacks" / "socle"
    assert not json.loads((stacks / "local.json").read_text())["checkpoint"]["latest"].get("pending_operations")
    # No half-written file, no lock, and none of the sidecars that a kill can leave empty.
    assert {file.name for file in stacks.iterdir()} == {"local.json", "local.json.bak"}
    assert [file for file in (backend / "locks").rglob("*") if file.is_file()] == []
    assert list(backend.rglob("*.attrs")) == []


def test_after_all_of_it_nothing_is_to_be_done(fragile: Checkout) -> None:
    fragile.pulumi("preview", "-s", "local", "--refresh", "--expect-no-changes")
