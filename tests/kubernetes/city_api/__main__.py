"""The web service: `/health`, `/communes?name=…`, `/version`, on port 8080."""

from __future__ import annotations

import json
import os
import signal
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from city_api.settings import parameters
from psycopg.rows import dict_row

PORT = 8080
_COMMUNES = "SELECT commune.* FROM commune WHERE name ILIKE %s ORDER BY name, code LIMIT 100"


class Handler(BaseHTTPRequestHandler):
    """Opens a connection a request: there is no pool that could hide whether the database answers."""

    def do_GET(self) -> None:
        """Answer in JSON; 503 when the database doesn't."""
        address = urlsplit(self.path)
        try:
            self._route(address.path, parse_qs(address.query))
        except psycopg.Error as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error).strip()})

    def _route(self, path: str, query: dict[str, list[str]]) -> None:
        if path == "/version":
            self._answer(HTTPStatus.OK, {"version": os.environ["CITY_API_VERSION"]})
        elif path == "/health":
            rows = _select("SELECT current_user AS user, current_database() AS database", ())
            self._answer(HTTPStatus.OK, {"status": "ok", **rows[0]})
        elif path == "/communes":
            self._answer(HTTPStatus.OK, _select(_COMMUNES, (f"%{query.get('name', [''])[0]}%",)))
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "unknown path"})

    def _answer(self, status: HTTPStatus, content: Any) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _select(query: str, values: tuple[str, ...]) -> list[dict[str, Any]]:
    with psycopg.connect(**parameters(), row_factory=dict_row) as connection:
        return connection.execute(query, values).fetchall()


def main() -> None:
    """Serve until the pod is told to end: as pid 1 this process would otherwise ignore that."""
    server = ThreadingHTTPServer(("", PORT), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
