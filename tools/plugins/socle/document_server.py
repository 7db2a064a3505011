"""`socle:mongodb:DocumentServer`: a FerretDB process on this machine, over an application's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import paths
from tools.plugins.resource import PluginError, State
from tools.plugins.socle.plain import Plain
from tools.plugins.values import UNKNOWN, Properties

if TYPE_CHECKING:
    from tools.embedded.ferretdb import FerretUnit


class DocumentServer(Plain):
    """Inputs as `components.mongodb.document_server` gives them. The id is the unit's name: `<stack>-<app>`.

    Imports what starts processes only where it does: a run without a change needs none of it.
    """

    replacing = frozenset({"stack", "application"})
    secrets = frozenset({"postgresqlUrl", "password"})

    def create(self, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Start the process on the first port that is free."""
        if preview:
            return "", inputs | {"port": UNKNOWN}
        return _name(inputs), _started(inputs)

    def read(self, prior: State) -> State | None:
        """The recorded unit; None where it is gone. Whether it runs is no part of the state: `make down` stops it."""
        from tools.embedded import ferretdb

        unit = ferretdb.read(paths.home(), prior.id)
        if unit is None:
            return None
        inputs = prior.inputs | {
            "postgresqlUrl": unit.postgresql_url,
            "user": unit.username,
            "password": unit.password,
        }
        return State(id=prior.id, inputs=inputs, outputs=inputs | {"port": unit.port})

    def update(self, prior: State, news: Properties, *, preview: bool) -> Properties:
        """Start the process again as it is to be now, on the port that it has."""
        if preview:
            return news | {"port": prior.outputs.get("port")}
        if prior.inputs.get("generation") != news.get("generation"):
            from tools.embedded import ferretdb

            # Its database was made anew, and with it went the users that a start sets up.
            ferretdb.stop(paths.home(), prior.id)
        return _started(news)

    def delete(self, prior: State) -> None:
        """End the process, and forget it."""
        from tools.embedded import ferretdb

        ferretdb.remove(paths.home(), prior.id)


def _started(inputs: Properties) -> Properties:
    from tools.embedded import ferretdb
    from tools.errors import ToolError

    try:
        unit = _unit(inputs)
        ferretdb.start(paths.home(), unit)
    except ToolError as error:
        raise PluginError(str(error)) from None
    return inputs | {"port": unit.port}


def _unit(inputs: Properties) -> FerretUnit:
    from tools import toolchain
    from tools.embedded import ferretdb

    return ferretdb.FerretUnit(
        stack=inputs["stack"],
        app=inputs["application"],
        port=ferretdb.choose_port(paths.home(), _name(inputs), inputs["firstPort"]),
        postgresql_url=inputs["postgresqlUrl"],
        username=inputs["user"],
        password=inputs["password"],
        binary=str(toolchain.binary("ferretdb")),
    )


def _name(inputs: Properties) -> str:
    return f"{inputs['stack']}-{inputs['application']}"
