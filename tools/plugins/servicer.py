"""The gRPC side of a provider: wire messages in, `ResourceType` calls, wire messages out.

The service is `ResourceProvider` of provider.proto, pulumi/pulumi `proto/pulumi/provider.proto`.
"""

from __future__ import annotations

import functools
import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty

from tools.plugins import engine, requests
from tools.plugins.provider import Provider
from tools.plugins.resource import Change, CheckFailure, InitializationError, PluginError, ResourceType, heard_by
from tools.plugins.stubs import ResourceProviderServicer, plugin_pb2, provider_pb2
from tools.plugins.values import (
    Properties,
    contains_unknown,
    from_struct,
    plain,
    secret_names,
    secret_texts,
    to_struct,
    wrapped,
)

_log = logging.getLogger(__name__)
_Method = TypeVar("_Method", bound=Callable[..., Any])


def _answers(method: _Method) -> _Method:
    """Turn what a method raises into one gRPC error without a secret in it: the engine shows its text to the user."""

    @functools.wraps(method)
    def guarded(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with heard_by(functools.partial(self.inform, getattr(request, "urn", ""))):
                return method(self, request, context)
        except PluginError as error:
            self.fail(request, context, error)
        except Exception as error:
            # The details go to the log, where `pulumi -v` shows them: a traceback may quote a statement.
            _log.debug("unexpected failure", exc_info=True)
            self.fail(request, context, PluginError(f"unexpected {type(error).__name__}: {error}"))

    return guarded  # type: ignore[return-value]


class Servicer(ResourceProviderServicer):
    """Serves one provider to one engine."""

    def __init__(self, provider: Provider, engine_address: str, stop: Callable[[], None]) -> None:
        self._provider = provider
        self._engine = engine.Engine(engine_address)
        self._stop = stop
        self._config_secrets: frozenset[str] = frozenset()
        self._noticed = threading.Lock()

    def inform(self, urn: str, message: str) -> None:
        """Show the user what a resource tells."""
        self._engine.info(message, urn)

    # Life of the process

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        self._engine.address = request.engine_address or self._engine.address
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Attach(self, request: Any, context: Any) -> Empty:  # noqa: ARG002, N802
        self._engine.address = request.address
        return Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        schema = {
            "name": self._provider.name,
            "version": self._provider.version,
            "resources": {token: {} for token in self._provider.resources},
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Cancel(self, request: Any, context: Any) -> Empty:  # noqa: ARG002, N802
        self._provider.cancel()
        self._stop()
        return Empty()

    # The provider's own configuration

    @_answers
    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        news = from_struct(request.news)
        inputs, failures = self._provider.check_config(plain(news))
        return _checked(wrapped(inputs, secret_names(news) | self._provider.secret_config), failures)

    @_answers
    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        olds, news = plain(from_struct(request.old_inputs)), plain(from_struct(request.news))
        if not olds:
            olds = plain(from_struct(request.olds))
        changes = requests.changed(olds, news)
        for name in self._provider.replaces_config(olds, news):
            changes[name] = changes[name].replacing()
        return _diffed(changes, delete_before_replace=False, stables=())

    @_answers
    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        variables = from_struct(request.args)
        self._config_secrets = secret_texts(variables) | secret_texts(wrapped(variables, self._provider.secret_config))
        self._provider.configure(plain(variables))
        if self._provider.notice and self._noticed.acquire(blocking=False):
            self._engine.info(self._provider.notice)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=True,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    # Resources

    @_answers
    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        resource = self._resource(request)
        news = from_struct(request.news)
        inputs, failures = resource.check(plain(from_struct(request.olds)), plain(news), requests.naming(request))
        return _checked(wrapped(inputs, secret_names(news) | resource.secret_outputs), failures)

    @_answers
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        prior = requests.prior(request, request.olds)
        news = requests.heeding(request.ignoreChanges, prior, plain(from_struct(request.news)))
        result = self._resource(request).diff(prior, news)
        return _diffed(result.changes, delete_before_replace=result.delete_before_replace, stables=result.stables)

    @_answers
    def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        resource = self._resource(request)
        inputs = from_struct(request.properties)
        made, outputs = resource.create(plain(inputs), preview=request.preview)
        return provider_pb2.CreateResponse(id=made, properties=_outputs(resource, inputs, outputs))

    @_answers
    def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        resource = self._resource(request)
        old_inputs, old_outputs = from_struct(request.inputs), from_struct(request.properties)
        state = resource.read(requests.prior(request, request.properties, request.inputs))
        if state is None:
            return provider_pb2.ReadResponse()
        secrets = secret_names(old_inputs) | secret_names(old_outputs) | resource.secret_outputs
        return provider_pb2.ReadResponse(
            id=state.id,
            properties=to_struct(wrapped(state.outputs, secrets)),
            inputs=to_struct(wrapped(state.inputs, secrets)),
        )

    @_answers
    def Update(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        resource = self._resource(request)
        prior = requests.prior(request, request.olds)
        inputs = from_struct(request.news)
        news = requests.heeding(request.ignoreChanges, prior, plain(inputs))
        outputs = resource.update(prior, news, preview=request.preview)
        return provider_pb2.UpdateResponse(properties=_outputs(resource, inputs, outputs))

    @_answers
    def Delete(self, request: Any, context: Any) -> Empty:  # noqa: ARG002, N802
        self._resource(request).delete(requests.prior(request, request.properties))
        return Empty()

    @_answers
    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        arguments = from_struct(request.args)
        if contains_unknown(arguments):
            return provider_pb2.InvokeResponse()
        answer = self._provider.invoke(request.tok, plain(arguments))
        return provider_pb2.InvokeResponse(**{"return": to_struct(answer)})

    def _resource(self, request: Any) -> ResourceType:
        token = requests.resource_type(request.urn)
        if token not in self._provider.resources:
            known = ", ".join(sorted(self._provider.resources))
            raise PluginError(f"this provider has no resource type {token} (it has: {known})")
        return self._provider.resources[token]

    def fail(self, request: Any, context: grpc.ServicerContext, error: PluginError) -> NoReturn:
        """End the call with the error's message, without any secret of the request or of the configuration."""
        secrets = self._config_secrets | requests.secrets_of(request)
        message = requests.redacted(str(error), secrets)
        if isinstance(error, InitializationError):
            resource = self._resource(request)
            inputs = requests.inputs_of(request)
            properties = _outputs(resource, inputs, error.state.outputs)
            context.set_trailing_metadata(requests.partial_state(message, error.state.id, properties))
        context.abort(grpc.StatusCode.UNKNOWN, message)
        raise error  # `abort` has raised: this is for whoever reads the types


def _outputs(resource: ResourceType, inputs: Properties, outputs: Properties) -> Any:
    return to_struct(wrapped(outputs, secret_names(inputs) | resource.secret_outputs))


def _checked(inputs: Properties, failures: list[CheckFailure]) -> Any:
    return provider_pb2.CheckResponse(
        inputs=to_struct(inputs),
        failures=[provider_pb2.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures],
    )


def _diffed(changes: Mapping[str, Change], *, delete_before_replace: bool, stables: tuple[str, ...]) -> Any:
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if changes else none,
        diffs=sorted(changes),
        replaces=sorted(name for name, change in changes.items() if change.replaces),
        stables=stables,
        deleteBeforeReplace=delete_before_replace,
        detailedDiff={name: provider_pb2.PropertyDiff(kind=change.value) for name, change in changes.items()},  # type: ignore[arg-type]
        hasDetailedDiff=True,
    )
