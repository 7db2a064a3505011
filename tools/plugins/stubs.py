"""Pulumi's gRPC stubs without Pulumi: `import pulumi` takes a second, and a plugin is started at every command."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, errors_pb2, plugin_pb2, provider_pb2, status_pb2
    from pulumi.runtime.proto.provider_pb2_grpc import (
        ResourceProviderServicer,
        ResourceProviderStub,
        add_ResourceProviderServicer_to_server,
    )
else:
    _ALIAS = "socle_pulumi_stubs"

    def _stub(name: str) -> ModuleType:
        """One stub module, found on disk by the SDK's place; the stubs import each other relatively."""
        if _ALIAS not in sys.modules:
            found = importlib.util.find_spec("pulumi")
            if found is None or not found.submodule_search_locations:
                raise ModuleNotFoundError("the plugin needs the package `pulumi`; install the project's dependencies")
            package = ModuleType(_ALIAS)
            package.__path__ = [str(Path(next(iter(found.submodule_search_locations))) / "runtime" / "proto")]
            sys.modules[_ALIAS] = package
        return importlib.import_module(f"{_ALIAS}.{name}")

    engine_pb2 = _stub("engine_pb2")
    engine_pb2_grpc = _stub("engine_pb2_grpc")
    errors_pb2 = _stub("errors_pb2")
    plugin_pb2 = _stub("plugin_pb2")
    provider_pb2 = _stub("provider_pb2")
    status_pb2 = _stub("status_pb2")
    _grpc = _stub("provider_pb2_grpc")
    ResourceProviderServicer = _grpc.ResourceProviderServicer
    ResourceProviderStub = _grpc.ResourceProviderStub
    add_ResourceProviderServicer_to_server = _grpc.add_ResourceProviderServicer_to_server  # noqa: N816

__all__ = [
    "ResourceProviderServicer",
    "ResourceProviderStub",
    "add_ResourceProviderServicer_to_server",
    "engine_pb2",
    "engine_pb2_grpc",
    "errors_pb2",
    "plugin_pb2",
    "provider_pb2",
    "status_pb2",
]
