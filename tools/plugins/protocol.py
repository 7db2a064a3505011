"""Run a `Provider` as a Pulumi plugin: listen, print the port, serve until the engine is done.

How a plugin is started and spoken to: pulumi/pulumi, `sdk/go/common/resource/plugin/plugin.go`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import grpc

from tools.plugins.provider import Provider
from tools.plugins.servicer import Servicer
from tools.plugins.stubs import add_ResourceProviderServicer_to_server

_THREADS = 32
_GRACE_SECONDS = 5.0
_PARENT_CHECK_SECONDS = 2.0
_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit (`rpcutil.GrpcChannelOptions`)."""


def serve(provider: Provider, arguments: list[str]) -> int:
    """Serve `provider` until the engine ends it. `arguments` are the command line's, the last one the engine's address.

    Returns the exit code of the process.
    """
    stop = threading.Event()
    server = _server()
    address = next((argument for argument in reversed(arguments) if not argument.startswith("-")), "")
    add_ResourceProviderServicer_to_server(Servicer(provider, address, stop.set), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _on_signals(stop)
    # The engine reads the first line of stdout and takes it for the port.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    _wait(stop)
    server.stop(_GRACE_SECONDS).wait()
    provider.close()
    return 0


def _server() -> grpc.Server:
    limits = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    return grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="plugin"), options=limits)


def _on_signals(stop: threading.Event) -> None:
    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


def _wait(stop: threading.Event) -> None:
    """Until somebody asks to stop, or the engine is gone without having said so (killed): nobody else would end us."""
    parent = os.getppid()
    while not stop.wait(_PARENT_CHECK_SECONDS):
        if os.getppid() != parent:
            return
