"""Tests go into no cluster but one that is marked as to be thrown away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.cluster import guard
from tools.errors import ToolError


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text("apiVersion: v1\n")
    return path


def test_a_labelled_cluster_is_taken(kubeconfig: Path) -> None:
    asked: list[Path] = []

    def labels(path: Path) -> dict[str, str]:
        asked.append(path)
        return {"socle.dev/throw-away": "true", "kubernetes.io/metadata.name": "kube-system"}

    guard.require_throw_away(kubeconfig, labels)
    assert asked == [kubeconfig]


@pytest.mark.parametrize(
    "labels", [{}, {"socle.dev/throw-away": "false"}, {"socle.dev/throw-away": ""}, {"throw-away": "true"}]
)
def test_any_other_is_refused_with_the_line_that_labels_it(kubeconfig: Path, labels: dict[str, str]) -> None:
    with pytest.raises(ToolError) as caught:
        guard.require_throw_away(kubeconfig, lambda _: labels)
    assert f"KUBECONFIG={kubeconfig} kubectl label namespace kube-system socle.dev/throw-away=true" in str(caught.value)


def test_a_cluster_that_cannot_be_asked_is_refused(kubeconfig: Path) -> None:
    def unreachable(_: Path) -> dict[str, str]:
        raise ToolError("dial tcp: connection refused")

    with pytest.raises(ToolError, match="connection refused"):
        guard.require_throw_away(kubeconfig, unreachable)


def test_no_kubeconfig_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no kubeconfig"):
        guard.require_throw_away(tmp_path / "none", lambda _: pytest.fail("asked"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"metadata": {"labels": {"a": "b"}}}', {"a": "b"}),
        ('{"metadata": {}}', {}),
    ],
)
def test_labels_are_read_from_what_kubectl_says(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str, expected: dict[str, str]
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\n[ "$1" = "--kubeconfig={kubeconfig}" ] && echo \'{answer}\'\n')
    kubectl.chmod(0o755)
    assert guard.labels_of(kubeconfig) == expected
