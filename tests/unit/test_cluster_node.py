"""The throw-away cluster's pure parts: what a machine must have, addresses, keys, files that are filled in."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from ruamel.yaml import YAML

from tools import cluster
from tools.cluster import kubectl, layout, network, node, patches, pki, preconditions, templates, versions
from tools.cluster.network import Route
from tools.cluster.preconditions import Machine
from tools.errors import ToolError

GOOD = Machine(
    system="Linux",
    cpu="x86_64",
    root=True,
    missing_packages=("conntrack",),
    apt=True,
    namespaces=True,
    memory_controller=True,
    other_kubelet=False,
    taken=(),
)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_good_machine_has_no_problem() -> None:
    assert preconditions.problems(GOOD) == []


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (replace(GOOD, system="Darwin", cpu="arm64"), "Darwin on arm64"),
        (replace(GOOD, cpu="aarch64"), "Linux on aarch64"),
        (replace(GOOD, root=False), "sudo make cluster"),
        (replace(GOOD, apt=False), "install conntrack"),
        (replace(GOOD, namespaces=False), "--privileged"),
        (replace(GOOD, memory_controller=False), "cgroups"),
        (replace(GOOD, other_kubelet=True), "another Kubernetes"),
        (replace(GOOD, taken=(Route(network="10.96.0.0/12", interface="wg0"),)), "10.96.0.0/12 by wg0"),
    ],
)
def test_each_obstacle_is_named(machine: Machine, said: str) -> None:
    [problem] = preconditions.problems(machine)
    assert said in problem


def test_all_obstacles_are_said_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        preconditions, "look", lambda: replace(GOOD, root=False, other_kubelet=True, namespaces=False, apt=False)
    )
    with pytest.raises(ToolError) as caught:
        preconditions.require()
    text = str(caught.value)
    assert text.count("\n  - ") == 3
    assert "nothing was changed" in text and "export KUBECONFIG=" in text


@pytest.mark.parametrize(
    ("found", "overlaps"),
    [
        (Route(network="default", interface="eth0"), False),
        (Route(network="192.168.1.0/24", interface="eth0"), False),
        (Route(network="10.0.0.0/8", interface="tun0"), True),
        (Route(network="10.244.0.17", interface="tun0"), True),
        (Route(network="10.244.1.0/24", interface="tun0"), False),
        (Route(network=network.SERVICES, interface=network.INTERFACE), False),
    ],
)
def test_routes_that_are_in_the_way(found: Route, overlaps: bool) -> None:
    assert (network.taken([found]) == [found]) is overlaps


@pytest.mark.parametrize("file", sorted((templates.HERE / "node").rglob("*.*")), ids=lambda file: file.name)
def test_the_nodes_files_name_only_what_is_filled_in(file: Path, own_cache: Path) -> None:
    if file.suffix == ".sh":
        assert not re.search(r"@[A-Z_]+@", file.read_text()), "it gets variables instead"
        return
    (own_cache / "conf" / "cni").mkdir(parents=True)
    node._configure(own_cache, "localhost/pause:1")
    written = (own_cache / "conf" / file.relative_to(templates.HERE / "node")).read_text()
    assert "@" not in written


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="NODE"):
        templates.fill("a @NODE@", {})


def test_the_nodes_script_gets_every_variable_it_names(own_cache: Path) -> None:
    script = (templates.HERE / "node" / "init.sh").read_text()
    named = set(re.findall(r"\$\{?([A-Z][A-Z_]+)\b", script))
    assert named <= node._environment(own_cache).keys() | {"BASHPID"}
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_keys_are_signed_by_the_one_authority(tmp_path: Path) -> None:
    pki.make(tmp_path)
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    for subject in pki.SUBJECTS:
        certificate = x509.load_pem_x509_certificate((tmp_path / f"{subject.file}.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        assert (tmp_path / f"{subject.file}.key").stat().st_mode & 0o777 == 0o600
    names = x509.load_pem_x509_certificate((tmp_path / "apiserver.crt").read_bytes()).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc" in found.get_values_for_type(x509.DNSName)
    assert network.API_SERVICE in map(str, found.get_values_for_type(x509.IPAddress))


def test_keys_are_made_once_and_all_together(tmp_path: Path) -> None:
    pki.make(tmp_path)
    before = (tmp_path / "admin.crt").read_bytes()
    pki.make(tmp_path)
    assert (tmp_path / "admin.crt").read_bytes() == before
    (tmp_path / "ca.crt").unlink()
    pki.make(tmp_path)
    assert (tmp_path / "admin.crt").read_bytes() != before


def test_a_kubeconfig_works_alone(tmp_path: Path) -> None:
    pki.make(tmp_path)
    path = tmp_path / "admin.kubeconfig"
    read = YAML(typ="safe").load(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read["clusters"][0]["cluster"]["server"] == network.API
    key = base64.b64decode(read["users"][0]["user"]["client-key-data"])
    assert key == (tmp_path / "admin.key").read_bytes()


def test_a_self_signed_certificate_answers_for_its_name() -> None:
    certificate, key = pki.self_signed("barman-cloud-server", "barman-cloud")
    found = x509.load_pem_x509_certificate(certificate.encode())
    found.verify_directly_issued_by(found)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["barman-cloud"]
    assert "PRIVATE KEY" in key


def test_no_cluster_has_no_kubeconfig(own_cache: Path) -> None:
    layout.state().mkdir(parents=True)
    layout.kubeconfig().write_text("of one that ended")
    assert cluster.kubeconfig() is None


def test_a_process_that_was_not_started_here_is_not_ended(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[list[str]] = []
    monkeypatch.setattr(node, "_remove_cgroups", lambda: None)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        monkeypatch.setattr(node.subprocess, "run", lambda command, **_: touched.append(command))
        layout.state().mkdir(parents=True)
        (layout.state() / "node.pid").write_text(json.dumps({"pid": stranger.pid, "created": 1.0}))
        assert node.end() is False
        alive = stranger.poll() is None
        stranger.kill()
    assert alive
    assert touched == [["ip", "link", "del", network.INTERFACE]]


def test_what_was_not_started_here_is_not_touched(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.subprocess, "run", lambda *_, **__: pytest.fail("changed the machine's network"))
    assert node.end() is False


def test_a_proxy_is_not_asked_for_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert kubectl.environment()["NO_PROXY"] == f"example.org,{network.NODE_ADDRESS}"
    assert kubectl.environment()["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("folder", "module", "version"),
    [
        ("kubernetes", "k8s.io/kubernetes", versions.KUBERNETES),
        ("kubernetes", "go.etcd.io/etcd/server/v3", versions.ETCD),
        ("kubernetes", "k8s.io/kubectl", "0." + versions.KUBERNETES.partition(".")[2]),
        ("addons", "github.com/coredns/coredns", versions.COREDNS),
        ("addons", "sigs.k8s.io/sig-storage-lib-external-provisioner/v13", versions.PROVISIONER),
        ("cnpg", versions.CNPG_MODULE, versions.CNPG),
        ("barman-plugin", versions.BACKUP_MODULE, versions.BACKUP_PLUGIN),
        ("versitygw", "github.com/versity/versitygw", versions.OBJECT_STORE),
        ("external-secrets", versions.EXTERNAL_SECRETS_MODULE, versions.EXTERNAL_SECRETS),
    ],
)
def test_the_modules_are_at_the_versions_that_are_named(folder: str, module: str, version: str) -> None:
    text = (versions.MODULES / folder / "go.mod").read_text()
    assert re.search(rf"(?:{re.escape(module)} => )?{re.escape(module)} v{re.escape(version)}\b", text)
    assert f"{module} v{version} h1:" in (versions.MODULES / folder / "go.sum").read_text()


def test_every_part_has_its_module() -> None:
    parts = [*versions.NODE_PARTS, *versions.POD_PARTS.values(), *versions.EXTRA_PARTS.values()]
    assert {part.folder.name for part in parts} == {each.name for each in versions.MODULES.iterdir()}
    assert len({part.output for part in parts}) == len(parts)


def test_barman_is_at_the_version_that_is_named() -> None:
    text = (templates.HERE / "extras" / "backup" / "requirements.txt").read_text()
    assert f"barman=={versions.BARMAN} " in text


def test_a_library_that_reads_otherwise_is_not_patched_blindly(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (library / "pkg" / "restorer").mkdir(parents=True)
    (library / "pkg" / "restorer" / "restorer.go").write_text("package restorer\n")
    copy = tmp_path / "copy"
    copy.mkdir()
    with pytest.raises(ToolError, match=r"restorer\.go .* not as expected"):
        patches.barman_plugin(copy, lambda _: library)


def test_the_providers_are_the_only_ones(tmp_path: Path) -> None:
    folder = tmp_path / "pkg" / "provider" / "register"
    folder.mkdir(parents=True)
    patches.external_secrets(tmp_path, lambda _: tmp_path)
    imported = re.findall(r"provider/(\w+)\"", (folder / "register.go").read_text())
    assert imported == list(patches.PROVIDERS)
