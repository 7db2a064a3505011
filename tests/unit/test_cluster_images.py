"""Images written without a builder: what they hold, and when they are made anew."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from tools.cluster import layout
from tools.cluster.extras.table import EXTRAS, chosen
from tools.cluster.images import archive, recipes
from tools.cluster.images.archive import Config
from tools.cluster.images.contents import Contents, Folder, Link, Program, Script, Tree
from tools.cluster.images.image import Image, ensure
from tools.cluster.images.layers import PythonPackages, RootFilesystem
from tools.errors import ToolError

EVERY = (*recipes.ALL, *(image for extra in EXTRAS.values() for image in extra.images))


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of code; the cache is a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    layout.root().mkdir(parents=True)
    folder = tmp_path / "code"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n")
    (folder / "inner" / "b.py").write_text("b = 2\n")
    return folder


def image(folder: Path, *, without: tuple[str, ...] = (), user: str = "65532:65532") -> Image:
    contents = Contents(
        of=(
            Tree(source=folder, path="app/code", without=without),
            Link(path="usr/bin/python", target="python3"),
            Folder(path="tmp", mode=0o1777),
            Script(path="usr/bin/run", text="#!/bin/sh\n"),
        )
    )
    return Image(name="app", version="1", layers=(contents,), config=Config(command=("run",), user=user))


def layer(made: Image) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(made.artifact.path) as outer:
        [document] = json.load(_open(outer, "manifest.json"))
        with tarfile.open(fileobj=_open(outer, document["Layers"][0])) as inner:
            return {member.name: member for member in inner}


def _open(outer: tarfile.TarFile, name: str):
    found = outer.extractfile(name)
    assert found is not None
    return found


def test_an_archive_is_what_a_runtime_checks(code: Path) -> None:
    made = image(code)
    ensure(made)
    with tarfile.open(made.artifact.path) as outer:
        [document] = json.load(_open(outer, "manifest.json"))
        assert document["RepoTags"] == ["localhost/app:1"]
        config_bytes = _open(outer, document["Config"]).read()
        assert document["Config"] == f"{hashlib.sha256(config_bytes).hexdigest()}.json"
        config = json.loads(config_bytes)
        digests = [hashlib.sha256(_open(outer, path).read()).hexdigest() for path in document["Layers"]]
        assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in digests]
        assert config["config"]["Cmd"] == ["run"]
        assert config["config"]["User"] == "65532:65532"


def test_a_layer_has_files_folders_and_links_with_their_modes(code: Path) -> None:
    (code / "a.py").chmod(0o600)
    made = image(code)
    ensure(made)
    found = layer(made)
    modes = {name: oct(entry.mode) for name, entry in found.items() if entry.isfile()}
    assert modes == {"app/code/a.py": "0o644", "app/code/inner/b.py": "0o644", "usr/bin/run": "0o755"}
    assert found["usr/bin/python"].linkname == "python3"
    assert found["tmp"].mode == 0o1777
    assert found["app/code"].isdir() and found["app/code/inner"].isdir()
    assert "app" not in found, "a root filesystem's own folders keep their modes"


def test_the_same_input_gives_the_same_bytes(code: Path) -> None:
    made = image(code)
    ensure(made)
    first = made.artifact.path.read_bytes()
    made.artifact.path.unlink()
    ensure(made)
    assert made.artifact.path.read_bytes() == first


def test_it_is_made_once_for_an_input(code: Path) -> None:
    ensure(image(code))
    written = image(code).artifact.path.stat().st_mtime_ns
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "a.pyc").write_text("compiled")
    ensure(image(code))
    assert image(code).artifact.path.stat().st_mtime_ns == written


@pytest.mark.parametrize("change", ["content", "name", "new", "user", "without"])
def test_whatever_decides_it_makes_it_anew(code: Path, change: str) -> None:
    before = image(code).fingerprint()
    if change == "content":
        (code / "a.py").write_text("a = 2\n")
    elif change == "name":
        (code / "a.py").rename(code / "c.py")
    elif change == "new":
        (code / "d.py").write_text("")
    after = image(
        code,
        user="0" if change == "user" else "65532:65532",
        without=("a.py",) if change == "without" else (),
    )
    assert after.fingerprint() != before


def test_the_second_release_of_city_api_has_one_migration_more() -> None:
    def files(version: str) -> set[str]:
        [found] = [one for one in recipes.TESTS if one.tag == f"localhost/city-api:{version}"]
        contents = found.layers[-1]
        assert isinstance(contents, Contents)
        return {entry.name for content in contents.of for entry, _ in content.entries()}

    assert files("test2") - files("test") == {"app/city_api/migrations/versions/0003_elevation.py"}
    assert files("test") - files("test2") == set()


def test_the_branching_image_has_the_code_and_not_its_dockerfile() -> None:
    contents = recipes.BRANCHING.layers[-1]
    assert isinstance(contents, Contents)
    names = {entry.name for content in contents.of for entry, _ in content.entries()}
    assert {"socle/branching/__main__.py", "socle/branching/masking/rules.py"} <= names
    assert not [name for name in names if "Dockerfile" in name or name.endswith(".pyc")]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.tag)
def test_each_image_is_named_as_the_node_knows_it(one: Image) -> None:
    assert one.tag.startswith("localhost/")
    assert one.tag.count(":") == 1
    assert len([other for other in EVERY if other.artifact.path == one.artifact.path]) == 1


@pytest.mark.parametrize("one", recipes.TESTS, ids=lambda one: one.tag)
def test_what_tests_deploy_runs_as_a_numbered_user_who_is_not_root(one: Image) -> None:
    uid = one.config.user.partition(":")[0]
    assert uid.isdecimal() and int(uid) > 0


def test_an_image_knows_its_programs() -> None:
    assert [part.name for part in recipes.OPERATOR.parts] == ["cnpg-manager"]
    assert all(part.static for one in EVERY for part in one.parts), "there is no C library to link with"


def test_a_layers_fingerprint_has_all_that_decides_it() -> None:
    root = RootFilesystem(name="a", packages=("python3",))
    packages = PythonPackages(name="p", root=root, path="/opt/p", requirements=lambda: "a==1\n")
    changed = (
        RootFilesystem(name="a", packages=("python3", "b")),
        RootFilesystem(name="a", packages=("python3",), before=("x",)),
        RootFilesystem(name="a", packages=("python3",), after=("x",)),
        packages,
        PythonPackages(name="p", root=root, path="/opt/p", requirements=lambda: "a==2\n"),
        PythonPackages(name="p", root=root, path="/opt/q", requirements=lambda: "a==1\n"),
    )
    assert len({one.fingerprint() for one in (root, *changed)}) == 1 + len(changed)


def test_unknown_extras_are_refused_with_those_there_are() -> None:
    assert [extra.title for extra in chosen("backup, external-secrets")] == ["backups", "External Secrets"]
    assert chosen("") == []
    with pytest.raises(ToolError, match="WITH=backup,external-secrets"):
        chosen("backup,velero")


def test_a_program_of_an_image_is_where_it_says(code: Path) -> None:
    part = recipes.PAUSE.parts[0]
    [(entry, source)] = list(_program_entries(part, code))
    assert (entry.name, entry.mode, entry.size) == ("pause", 0o755, 7)
    assert isinstance(source, Path) and source.read_text() == "program"


def _program_entries(part, code: Path):
    binary = layout.binaries() / "pause"
    binary.parent.mkdir(parents=True)
    binary.write_text("program")
    return Program(part=part, path="/pause").entries()


def test_an_archive_of_no_layer_has_none(tmp_path: Path) -> None:
    archive.write(tmp_path / "empty.tar", ["localhost/empty:1"], [], Config())
    with tarfile.open(tmp_path / "empty.tar") as outer:
        assert json.load(_open(outer, "manifest.json"))[0]["Layers"] == []
