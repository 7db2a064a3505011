"""The plugin's line back to the engine: messages that the user sees."""

from __future__ import annotations

import logging

import grpc

from tools.plugins.stubs import engine_pb2, engine_pb2_grpc

_TIMEOUT_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Engine:
    """The engine at `address` ("127.0.0.1:port"; empty when the plugin was started by hand)."""

    def __init__(self, address: str) -> None:
        self.address = address

    def info(self, message: str, urn: str = "") -> None:
        """Show `message` among the update's diagnostics, beside a resource where `urn` names one.

        A message that can't be delivered must not fail the update.
        """
        if not self.address:
            return
        try:
            with grpc.insecure_channel(self.address) as channel:
                request = engine_pb2.LogRequest(severity=engine_pb2.LogSeverity.INFO, message=message, urn=urn)
                engine_pb2_grpc.EngineStub(channel).Log(request, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            _log.debug("the engine took no message: %s", error.code() if hasattr(error, "code") else error)
