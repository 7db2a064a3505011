"""What goes wrong is one message that says what to do, and nothing was made."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.engine.checkout import Checkout


def untouched(checkout: Checkout) -> bool:
    return not (checkout.home / "servers").exists()


def one_message(said: str, *words: str) -> None:
    assert "Traceback" not in said, said
    for word in words:
        assert word in said, said


def test_a_misspelt_key_creates_nothing(bare: Checkout) -> None:
    before = (bare.root / "Pulumi.local.yaml").read_text()

    def misspell(config: dict[str, Any]) -> None:
        config["socle:apps"]["city-api"]["conectionLimit"] = 5
        config["socle:apps"]["docspell"]["database"] = "city_api"

    bare.settings(misspell)
    said = bare.run("up", expect=1).said
    one_message(said, "2 problems", "socle:apps.city-api.conectionLimit", "write:   connectionLimit: 5", "docspell")
    (bare.root / "Pulumi.local.yaml").write_text(before)
    assert untouched(bare)


def test_broken_yaml_names_the_line(bare: Checkout) -> None:
    file = bare.root / "Pulumi.local.yaml"
    before = file.read_text()
    file.write_text(before + "  socle:x: [1\n")
    one_message(bare.run("up", expect=1).said, "Pulumi.local.yaml, line")
    file.write_text(before)


def test_a_kind_that_is_not_built_yet_says_so(bare: Checkout) -> None:
    one_message(bare.run("up", "prod", expect=1).said, "not built yet", "nothing was created")
    assert untouched(bare)


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_a_cluster_that_is_not_named_is_not_touched(bare: Checkout, environment: str) -> None:
    # Whether there is a kubeconfig on this machine or none: which cluster is meant has to be written.
    one_message(bare.run("up", environment, expect=1).said, "socle:cluster.", "nothing was changed")
    assert untouched(bare)


def test_an_environment_that_there_is_not(bare: Checkout) -> None:
    one_message(bare.run("up", "produktion", expect=1).said, "Pulumi.produktion.yaml", "local")


def test_a_pull_request_before_its_base(bare: Checkout) -> None:
    one_message(bare.run("pr", "5", expect=1).said, "never brought up", "make up")
    assert untouched(bare)


def test_a_taken_port_is_named_with_its_key(bare: Checkout) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = bare.root / "Pulumi.local.yaml"
        before = file.read_text()
        bare.settings(lambda config: config["socle:server"].update(port=port))
        one_message(bare.run("up", expect=1).said, str(port), "socle:server", "port:")
        file.write_text(before)


def test_commands_say_which_applications_there_are(bare: Checkout) -> None:
    one_message(bare.run("psql", "nothing", expect=1).said, "city-api, docspell")
    one_message(bare.run("psql", "city-api", "--role", "root", expect=1).said, "rw, ro or owner")


def test_another_passphrase_is_told(small: Checkout) -> None:
    said = small.run("up", expect=1, PULUMI_CONFIG_PASSPHRASE="another").said
    one_message(said, "another passphrase", "PULUMI_CONFIG_PASSPHRASE")


def test_plain_pulumi_says_the_same_of_wrong_settings(small: Checkout) -> None:
    file = small.root / "Pulumi.local.yaml"
    before = file.read_text()
    small.settings(lambda config: config["socle:apps"]["city-api"].update(foo=1))
    done = small.pulumi("preview", "-s", "local", expect=None)
    assert done.code != 0
    one_message(done.said, "socle:apps.city-api.foo", "write:   remove this line")
    file.write_text(before)
