"""The plugins' common base: property values on the wire, and one provider served over real gRPC.

It does not prove that the engine is happy with it: tests/engine does.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from tools import paths
from tools.plugins import requests
from tools.plugins.provider import Provider
from tools.plugins.resource import Change, CheckFailure, DiffResult, InitializationError, Naming, PluginError, State
from tools.plugins.servicer import Servicer
from tools.plugins.stubs import (
    ResourceProviderStub,
    add_ResourceProviderServicer_to_server,
    provider_pb2,
    status_pb2,
)
from tools.plugins.values import (
    SIGNATURE,
    UNKNOWN,
    Properties,
    Secret,
    contains_unknown,
    from_struct,
    plain,
    secret_names,
    secret_texts,
    to_struct,
)

TOKEN = "shop:index/shelf:Shelf"
URN = f"urn:pulumi:dev::shop::socle:index:App${TOKEN}::top::shelf"
PASSWORD = "correct horse"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_what_goes_over_the_wire_comes_back(properties: Properties) -> None:
    assert from_struct(to_struct(properties)) == properties


def test_integers_arrive_as_integers() -> None:
    struct = Struct()
    struct.update({"port": 5432.0, "share": 0.5, "flag": True})
    types = {name: type(value) for name, value in from_struct(struct).items()}
    assert types == {"port": int, "share": float, "flag": bool}


def test_secrets_and_unknowns_have_the_engine_s_form() -> None:
    struct = to_struct({"password": Secret("x"), "id": UNKNOWN, "nested": [{"key": Secret(None)}]})
    assert struct["password"][SIGNATURE] == "1b47061264138c4ac30d75fd1eb44270"
    assert struct["id"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    back = from_struct(struct)
    assert back == {"password": Secret("x"), "id": UNKNOWN, "nested": [{"key": Secret(None)}]}
    assert plain(back) == {"password": "x", "id": UNKNOWN, "nested": [{"key": None}]}
    assert secret_names(back) == {"password", "nested"}
    assert contains_unknown(back)


def test_secrets_show_in_no_repr_and_are_found_anywhere() -> None:
    secret = Secret({"user": "u", "keys": [PASSWORD]})
    assert PASSWORD not in repr(secret)
    assert secret_texts({"login": [secret]}) == {"u", PASSWORD}


def test_a_value_without_a_wire_form_is_refused() -> None:
    with pytest.raises(TypeError, match="a set"):
        to_struct({"names": {"a"}})


def test_a_urn_says_type_and_name() -> None:
    assert requests.resource_type(URN) == TOKEN
    assert requests.resource_name(URN) == "top::shelf"


def test_a_message_is_one_line_without_secrets() -> None:
    message = requests.redacted("refused:\n  'correct horse' is no 'correct'", {"correct", PASSWORD, ""})
    assert message == "refused: '[secret]' is no '[secret]'"


class Shelf:
    """A resource type that remembers nothing."""

    secret_outputs = frozenset({"key"})

    def check(self, olds: Properties, news: Properties, naming: Naming) -> tuple[Properties, list[CheckFailure]]:
        failures = (
            [] if news.get("size", 0) is UNKNOWN or news.get("size", 0) >= 0 else [CheckFailure("size", "too small")]
        )
        return {"name": naming.resource} | news, failures

    def diff(self, prior: State, news: Properties) -> DiffResult:
        changes = requests.changed(prior.outputs, news)
        return DiffResult(changes={n: c.replacing() if n == "name" else c for n, c in changes.items()})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        if inputs.get("size") == 13:
            raise ValueError(f"no shelf for {inputs['password']}")
        if inputs.get("size") == 14:
            raise InitializationError("it wobbles", State(id="s", inputs=inputs, outputs=inputs | {"key": "k"}))
        return ("", inputs | {"key": UNKNOWN}) if preview else ("s", inputs | {"key": "k"})

    def read(self, prior: State) -> State | None:
        return None if prior.id == "gone" else prior

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        return news

    def delete(self, prior: State) -> None:
        raise PluginError("it is\nbolted to the wall")


class Shop(Provider):
    """A provider with one resource type."""

    secret_config = frozenset({"till"})

    def __init__(self) -> None:
        super().__init__("shop", "1.2.3", {TOKEN: Shelf()})
        self.configured: Properties = {}

    def configure(self, variables: Properties) -> None:
        self.configured = variables

    def invoke(self, token: str, arguments: Properties) -> Properties:
        raise PluginError(f"the till says {self.configured['till']}")


@pytest.fixture
def stub() -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(4))
    add_ResourceProviderServicer_to_server(Servicer(Shop(), "", lambda: None), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield ResourceProviderStub(channel)
    server.stop(None)


def test_it_says_what_it_can(stub: Any) -> None:
    assert stub.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets
    answer = stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"till": Secret("t")})))
    assert (answer.acceptSecrets, answer.supportsPreview, answer.acceptResources, answer.acceptOutputs) == (
        True,
        True,
        True,
        False,
    )


def test_check_keeps_secrets_and_names_the_faulty_property(stub: Any) -> None:
    news = to_struct({"size": -1, "password": Secret(PASSWORD)})
    answer = stub.Check(provider_pb2.CheckRequest(urn=URN, news=news))
    assert from_struct(answer.inputs) == {"name": "top::shelf", "size": -1, "password": Secret(PASSWORD)}
    assert [(failure.property, failure.reason) for failure in answer.failures] == [("size", "too small")]


def test_check_config_marks_what_is_always_secret(stub: Any) -> None:
    answer = stub.CheckConfig(provider_pb2.CheckRequest(urn=URN, news=to_struct({"till": "t"})))
    assert from_struct(answer.inputs) == {"till": Secret("t")}


def test_a_diff_names_what_changes_and_what_replaces(stub: Any) -> None:
    olds, news = to_struct({"name": "a", "size": 1}), to_struct({"name": "b", "size": 2})
    answer = stub.Diff(provider_pb2.DiffRequest(id="s", urn=URN, olds=olds, news=news))
    assert (list(answer.diffs), list(answer.replaces)) == (["name", "size"], ["name"])
    assert answer.detailedDiff["name"].kind == Change.UPDATE_REPLACE.value


def test_ignored_changes_are_none(stub: Any) -> None:
    olds, news = to_struct({"name": "a", "size": 1}), to_struct({"name": "a", "size": 2})
    request = provider_pb2.DiffRequest(id="s", urn=URN, olds=olds, news=news, ignoreChanges=["size"])
    assert stub.Diff(request).changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize("preview", [True, False])
def test_outputs_are_secret_by_type_and_by_input(stub: Any, preview: bool) -> None:
    inputs = to_struct({"password": Secret(PASSWORD)})
    answer = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs, preview=preview))
    expected = {"password": Secret(PASSWORD), "key": Secret(UNKNOWN if preview else "k")}
    assert from_struct(answer.properties) == expected
    assert answer.id == ("" if preview else "s")


def test_a_resource_that_is_gone_has_no_id(stub: Any) -> None:
    assert stub.Read(provider_pb2.ReadRequest(id="gone", urn=URN)).id == ""


def test_no_error_shows_a_secret(stub: Any) -> None:
    inputs = to_struct({"size": 13, "password": Secret(PASSWORD)})
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs))
    assert caught.value.details() == "unexpected ValueError: no shelf for [secret]"


def test_no_error_shows_a_secret_of_the_configuration(stub: Any) -> None:
    stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"till": "4711"})))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Invoke(provider_pb2.InvokeRequest(tok="shop:index:count"))
    assert caught.value.details() == "the till says [secret]"


def test_an_error_is_one_sentence_on_one_line(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Delete(provider_pb2.DeleteRequest(id="s", urn=URN))
    assert caught.value.details() == "it is bolted to the wall"


def test_a_half_made_resource_is_kept_with_its_state(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"size": 14})))
    metadata = dict(caught.value.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status.details[1].Unpack(failed)
    assert (failed.id, from_struct(failed.properties)) == ("s", {"size": 14, "key": Secret("k")})


def test_an_unknown_resource_type_is_named(stub: Any) -> None:
    with pytest.raises(grpc.RpcError, match="no resource type shop:index/till:Till"):
        stub.Check(provider_pb2.CheckRequest(urn="urn:pulumi:dev::shop::shop:index/till:Till::t"))


def test_the_plugin_starts_without_pulumi_and_psycopg() -> None:
    """Those two take longer to import than everything else together."""
    code = (
        "import sys, tools.plugins.postgresql.__main__;"
        "print(sorted({'pulumi', 'psycopg', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_script_prints_a_port_from_any_directory_and_ends_when_asked(tmp_path: Any) -> None:
    link = tmp_path / "pulumi-resource-postgresql"
    link.symlink_to(paths.ROOT / "tools" / "plugins" / "bin" / "pulumi-resource-postgresql")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    environment = {"PATH": "/usr/bin:/bin", "SOCLE_PYTHON": sys.executable}
    with subprocess.Popen(
        [link, "--unused"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert 0 < int(process.stdout.readline()) < 65536
        process.terminate()
        assert process.wait(10) == 0
