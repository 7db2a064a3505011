"""What a user types around an environment in the cluster: a command in an application's image, a session, snapshots."""

from __future__ import annotations

import subprocess

from tests.engine.checkout import SECONDS, Checkout
from tests.kubernetes.support import Cluster


def test_a_command_runs_once_with_the_applications_secrets_and_leaves_nothing(cluster: Cluster, dev: Checkout) -> None:
    before = {pod.metadata.name for pod in cluster.core.list_namespaced_pod("city-api").items}
    done = dev.run("run", "city-api", "alembic current", "--env", "dev")
    assert "0002" in done.out
    assert {pod.metadata.name for pod in cluster.core.list_namespaced_pod("city-api").items} <= before


def test_its_exit_status_is_the_commands(dev: Checkout) -> None:
    done = dev.run("run", "city-api", "python -c 'raise SystemExit(7)'", "--env", "dev", expect=7)
    assert done.code == 7


def test_an_application_without_a_workload_is_told(dev: Checkout) -> None:
    done = dev.run("run", "docspell", "true", "--env", "dev", expect=1)
    assert "applications with a workload in dev: city-api" in done.said


def session(dev: Checkout, role: str, text: str) -> str:
    done = subprocess.run(
        dev.command("psql", "docspell", "--env", "dev", "--role", role), cwd=dev.root, env=dev.environment, input=text,
        capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_session_has_the_rights_of_its_role(dev: Checkout) -> None:
    assert "docspell_ro" in session(dev, "ro", "SELECT current_user;")
    assert "permission denied" in session(dev, "ro", "CREATE TABLE mine (id int);")
    assert "docspell_owner" in session(dev, "owner", "SELECT current_user;")


def test_what_reaches_no_server_from_here_says_what_does(dev: Checkout) -> None:
    done = dev.run("dump", "city-api", "--env", "dev", expect=1)
    assert "inside its cluster" in done.said
    assert "make psql" in done.said
