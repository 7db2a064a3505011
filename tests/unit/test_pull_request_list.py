"""The forge's list of open pull requests, from a local server that answers as GitHub does, or doesn't."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from branching.errors import SweepRefusedError
from branching.pull_requests import FromGitHub


class Forge(ThreadingHTTPServer):
    answers: dict[str, tuple[int, Any, str]]
    asked: list[tuple[str, str]]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        forge = self.server
        assert isinstance(forge, Forge)
        forge.asked.append((self.path, self.headers.get("Authorization", "")))
        status, body, link = forge.answers.get(self.path, (404, {}, ""))
        self.send_response(status)
        if link:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def forge() -> Iterator[Forge]:
    server = Forge(("127.0.0.1", 0), Handler)
    server.answers, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def github(forge: Forge, token: str = "s3cret") -> FromGitHub:
    return FromGitHub(repository="us/city", token=token, url=f"http://127.0.0.1:{forge.server_port}")


FIRST = "/repos/us/city/pulls?state=open&per_page=100"


def test_every_page_is_asked_for_with_the_token(forge: Forge) -> None:
    url = f"http://127.0.0.1:{forge.server_port}"
    forge.answers = {
        FIRST: (200, [{"number": 1}, {"number": 5}], f'<{url}/second>; rel="next", <{url}/last>; rel="last"'),
        "/second": (200, [{"number": 9}], f'<{url}/first>; rel="prev"'),
    }
    assert github(forge).open() == {1, 5, 9}
    assert {authorization for _, authorization in forge.asked} == {"Bearer s3cret"}
    assert "s3cret" not in repr(github(forge))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {}, ""), "answered 500"),
        ((401, {"message": "Bad credentials"}, ""), "answered 401"),
        ((200, {"message": "?"}, ""), "something else than a list"),
        ((200, [{"id": 1}], ""), "without a number"),
        ((200, b"<html>", ""), "can't be asked"),
        ((200, [{"number": 1}], '<https://elsewhere.example.org/pulls?x=1>; rel="next"'), "leads to https://elsewhere"),
    ],
)
def test_anything_but_an_answer_is_no_list(forge: Forge, answer: tuple[int, Any, str], said: str) -> None:
    forge.answers = {FIRST: answer}
    with pytest.raises(SweepRefusedError, match=said) as caught:
        github(forge).open()
    assert "nothing was removed" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_forge_that_is_not_there(forge: Forge) -> None:
    gone = FromGitHub(repository="us/city", url="http://127.0.0.1:9")
    with pytest.raises(SweepRefusedError, match="can't be asked"):
        gone.open()


def test_one_is_asked_about_by_itself(forge: Forge) -> None:
    forge.answers = {
        "/repos/us/city/pulls/1": (200, {"state": "open"}, ""),
        "/repos/us/city/pulls/2": (200, {"state": "closed"}, ""),
        "/repos/us/city/pulls/3": (200, {}, ""),
    }
    assert github(forge, token="").is_open(1)
    assert not github(forge).is_open(2)
    assert forge.asked[0][1] == ""
    for number in (3, 4):
        with pytest.raises(SweepRefusedError):
            github(forge).is_open(number)
