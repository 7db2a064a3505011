"""The local environment: applications on an embedded or external PostgreSQL, with cache and documents if asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pulumi

from components import names
from components.contracts import ApplicationDatabase, Credentials, Endpoint
from components.mongodb.document_server import DocumentServer, DocumentServerArgs
from components.postgres import connection
from components.postgres.app_database import AppDatabase, AppDatabaseArgs
from components.postgres.connection import Address
from components.postgres.limits import Limits
from components.postgres.planned_database import PlannedDatabase
from components.postgres.privileges import plan
from components.postgres.server import ReachableServer, ReachableServerArgs, brancher
from components.redis.acl_user import AclUser
from components.redis.connection import key_prefix, user_name
from components.secrets.dotenv import EnvFile, render
from components.secrets.generated import GeneratedSecret
from stacks import outputs, templates
from stacks.applications import database_plan, granted_to, in_order
from stacks.checks import database_of, role_of
from stacks.embedded import EmbeddedServer as Description
from stacks.embedded import read_description
from stacks.settings import (
    App,
    EmbeddedCache,
    EmbeddedDocuments,
    EmbeddedServer,
    EnvironmentSettings,
    ExternalCache,
    ExternalDocuments,
    ExternalServer,
    TestDatabase,
)

LOOPBACK = "localhost"


class LocalStack:
    """Composes one local environment out of its settings."""

    def __init__(self, settings: EnvironmentSettings, stack: str, home: Path) -> None:
        self.settings, self.stack, self.home = settings, stack, home
        self.server = self._server()
        self._test_server: ReachableServer | None = None
        self._databases: dict[str, ApplicationDatabase] = {}

    def compose(self) -> None:
        """Make everything, and export the contract for pull requests."""
        brancher_secret = GeneratedSecret("brancher")
        # Nobody but the administrator may connect to an embedded server's maintenance database by default.
        closed = "postgres" if isinstance(self.settings.server, EmbeddedServer) else ""
        brancher(self.server.provider, brancher_secret.password(names.BRANCHER), connect_to=closed)
        for name, app in in_order(self.settings.apps):
            self._application(name, app)
        cache = self.settings.cache
        cache_url = cache.url if isinstance(cache, ExternalCache) else ""
        outputs.export(self._contract(), self._variables(), brancher_secret.password(names.BRANCHER), cache_url)

    def _server(self) -> ReachableServer:
        server = self.settings.server
        if isinstance(server, ExternalServer):
            endpoint = Endpoint(host=server.host, port=server.port, sslmode=server.sslmode, ca_file=server.ca_file)
            admin = Credentials(user=server.admin.user, password=pulumi.Output.secret(server.admin.password))
            args = ReachableServerArgs(
                endpoint=endpoint, admin=admin, superuser=server.superuser, database=server.database
            )
            return ReachableServer("server", args)
        return embedded_server("server", describe(self.home, "main"))

    def _application(self, name: str, app: App) -> None:
        secret = GeneratedSecret(name)
        database = self._database(name, app, secret)
        self._databases[name] = database
        facts: list[pulumi.Output[dict[str, str]]] = [self._database_facts(name, app, secret, self._address())]
        if app.cache:
            facts.append(self._cache(name, secret))
        if app.documents:
            facts.append(self._documents(name, app, secret, database))
        self._env_file(name, "", app.env, facts, database.ready)
        if app.container and isinstance(self.settings.server, EmbeddedServer):
            inside = self._container_address(self.settings.server)
            facts[0] = self._database_facts(name, app, secret, inside)
            variables = {"RUNNING_IN_DOCKER": "true", **app.env}
            self._env_file(name, ".docker", variables, facts, database.ready)
        if app.test:
            self._test_database(name, app, app.test, secret)

    def _database(self, name: str, app: App, secret: GeneratedSecret) -> ApplicationDatabase:
        its = database_plan(name, app)
        roles = its.roles
        args = AppDatabaseArgs(
            database=its.database,
            roles=roles,
            privileges=its.privileges,
            limits=limits_of(app),
            password=secret.password(roles.readwrite),
            readonly_password=secret.password(roles.readonly),
            extensions=app.extensions,
            schemas=app.schemas,
            retain=app.deletion_policy == "retain",
            after=[
                self._databases[other].ready
                for other in granted_to(app, self.settings.apps)
                if other in self._databases
            ],
        )
        return self._made(name, args, self.server)

    def _made(self, name: str, args: AppDatabaseArgs, server: ReachableServer) -> ApplicationDatabase:
        settings = self.settings.server
        if isinstance(settings, EmbeddedServer | ExternalServer) and settings.management == "plan":
            return PlannedDatabase(name, args, server.login)
        administrator = None if server.login.superuser else server.login.admin.user
        options = pulumi.ResourceOptions(providers=[server.provider])
        return AppDatabase(name, replace(args, administrator=administrator), options)

    def _database_facts(
        self, name: str, app: App, secret: GeneratedSecret, address: Address
    ) -> pulumi.Output[dict[str, str]]:
        roles = names.roles(role_of(name, app))
        return pulumi.Output.all(secret.password(roles.readwrite), secret.password(roles.readonly)).apply(
            lambda both: templates.database_facts(
                address,
                database=database_of(name, app),
                user=roles.readwrite,
                password=both[0],
                readonly_user=roles.readonly,
                readonly_password=both[1],
            )
        )

    def _cache(self, name: str, secret: GeneratedSecret) -> pulumi.Output[dict[str, str]]:
        cache = self.settings.cache
        if isinstance(cache, ExternalCache):
            return pulumi.Output.secret(templates.external_redis_facts(cache.url, key_prefix(name)))
        password = secret.password("cache")
        AclUser(f"{name}-cache", user=user_name(name), prefix=key_prefix(name), password=password)
        port = cache.port if isinstance(cache, EmbeddedCache) else 0
        return password.apply(
            lambda value: templates.redis_facts(
                host=LOOPBACK, port=port, user=user_name(name), password=value, prefix=key_prefix(name)
            )
        )

    def _documents(
        self, name: str, app: App, secret: GeneratedSecret, database: ApplicationDatabase
    ) -> pulumi.Output[dict[str, str]]:
        documents = self.settings.documents
        if isinstance(documents, ExternalDocuments):
            return pulumi.Output.secret(templates.external_mongodb_facts(documents.uri))
        first_port = documents.port if isinstance(documents, EmbeddedDocuments) else 0
        roles, address = names.roles(role_of(name, app)), self._address()
        url = secret.password(roles.readwrite).apply(
            lambda password: connection.libpq_url(address, database_of(name, app), roles.readwrite, password)
        )  # fmt: skip
        return document_facts(
            stack=self.stack, application=name, user=roles.readwrite, database=database_of(name, app),
            url=url, role=roles.owner, password=secret.password("documents"),
            first_port=first_port, after=[database.ready],
        )  # fmt: skip

    def _test_database(self, name: str, app: App, test: TestDatabase, secret: GeneratedSecret) -> None:
        if self._test_server is None:
            self._test_server = embedded_server("test-server", describe(self.home, "test"))
        roles = names.roles(test.role)
        args = AppDatabaseArgs(
            database=test.database,
            roles=roles,
            privileges=plan(roles),
            limits=limits_of(app),
            password=secret.password(f"test/{roles.readwrite}"),
            readonly_password=secret.password(f"test/{roles.readonly}"),
            extensions=app.extensions,
            retain=False,
        )
        database = self._made(f"{name}-test", args, self._test_server)
        endpoint = self._test_server.endpoint
        address = Address(
            host=str(endpoint.host), port=int(str(endpoint.port)), sslmode=endpoint.sslmode, ca_file=endpoint.ca_file
        )
        facts = pulumi.Output.all(args.password, args.readonly_password).apply(
            lambda both: templates.database_facts(
                address, database=test.database, user=roles.readwrite, password=both[0],
                readonly_user=roles.readonly, readonly_password=both[1],
            )
        )  # fmt: skip
        self._env_file(name, ".test", test.env, [facts], database.ready)

    def _env_file(
        self,
        name: str,
        variant: str,
        variables: dict[str, str],
        facts: list[pulumi.Output[dict[str, str]]],
        after: pulumi.Resource,
    ) -> None:
        env_file(self.stack, name, variant, variables, facts, [after])

    def _address(self) -> Address:
        endpoint = self.server.endpoint
        return Address(
            host=str(endpoint.host), port=int(str(endpoint.port)), sslmode=endpoint.sslmode, ca_file=endpoint.ca_file
        )

    @staticmethod
    def _container_address(server: EmbeddedServer) -> Address:
        return Address(
            host=server.container.host, port=server.port, sslmode="verify-full", ca_file=server.container.ca_file
        )

    def _variables(self) -> dict[str, dict[str, str]]:
        return {name: app.env for name, app in self.settings.apps.items()}

    def _contract(self) -> outputs.EnvironmentOutputs:
        settings, address = self.settings, self._address()
        container = settings.server.container if isinstance(settings.server, EmbeddedServer) else None
        cache, documents = settings.cache, settings.documents
        return outputs.EnvironmentOutputs.model_validate(
            {
                "environment": self.stack,
                "server": {
                    "host": address.host, "port": address.port, "sslmode": address.sslmode, "caFile": address.ca_file,
                    "brancher": names.BRANCHER,
                    "containerHost": container.host if container else "",
                    "containerCaFile": container.ca_file if container else "",
                },
                "cache": {"host": LOOPBACK, "port": cache.port} if isinstance(cache, EmbeddedCache) else None,
                "documents": (
                    {"host": LOOPBACK, "port": documents.port} if isinstance(documents, EmbeddedDocuments) else None
                ),
                "apps": {name: _app_outputs(name, app) for name, app in settings.apps.items()},
                "timeToLiveDays": settings.pull_requests.time_to_live,
                "idleDays": settings.pull_requests.idle_time,
                "branchesPerApplication": settings.pull_requests.per_application,
                "branchesTotal": settings.pull_requests.total,
            }
        )  # fmt: skip


def _app_outputs(name: str, app: App) -> dict[str, object]:
    return {
        "database": database_of(name, app),
        "cache": app.cache,
        "documents": app.documents,
        "container": app.container,
        "connectionLimit": app.connection_limit,
        "statementTimeoutMs": app.statement_timeout,
        "idleInTransactionTimeoutMs": app.idle_in_transaction_timeout,
    }


def limits_of(app: App) -> Limits:
    """The application's limits, as its settings give them."""
    return Limits(
        connections=app.connection_limit,
        statement_timeout_ms=app.statement_timeout,
        idle_in_transaction_timeout_ms=app.idle_in_transaction_timeout,
    )


def describe(home: Path, server: str) -> Description:
    """The embedded server's description. Raises RunError where it was never started."""
    description = read_description(home, server)
    if description is None:
        raise pulumi.RunError(
            f"The embedded server “{server}” was never started on this machine: run `make up`, which starts it first."
        )
    return description


def embedded_server(name: str, description: Description) -> ReachableServer:
    """The embedded server, as its description on this machine says to reach it."""
    return ReachableServer(
        name,
        ReachableServerArgs(
            endpoint=Endpoint(host=description.host, port=description.port, ca_file=description.ca_file),
            admin=Credentials(user=description.admin, password=pulumi.Output.secret(description.admin_password)),
            superuser=True,
        ),
    )


def env_file(
    stack: str,
    application: str,
    variant: str,
    variables: pulumi.Input[dict[str, str]],
    facts: list[pulumi.Output[dict[str, str]]],
    after: list[pulumi.Resource],
) -> EnvFile:
    """`env/<stack>/<app><variant>.env`, with `variables` filled in from `facts`."""

    def content(values: list[dict[str, str]]) -> str:
        own, *parts = values
        known = {key: value for part in parts for key, value in part.items()}
        try:
            return render(templates.render_all(own, known), f"{application} in {stack}, written by Socle")
        except ValueError as error:
            raise pulumi.RunError(f"socle:apps.{application}.env.{error}") from None

    return EnvFile(
        f"{application}{variant.replace('.', '-')}-env",
        path=f"env/{stack}/{application}{variant}.env",
        content=pulumi.Output.all(variables, *facts).apply(content),
        opts=pulumi.ResourceOptions(depends_on=after),
    )


def document_facts(
    *,
    stack: str,
    application: str,
    user: str,
    database: str,
    url: pulumi.Output[str],
    role: str,
    password: pulumi.Output[str],
    first_port: int,
    after: list[pulumi.Resource],
    generation: int = 0,
) -> pulumi.Output[dict[str, str]]:
    """Run the application's FerretDB on the database behind `url`, as `role`, and say how its clients connect."""
    server = DocumentServer(
        f"{application}-documents",
        DocumentServerArgs(
            stack=stack,
            application=application,
            port=first_port,
            # What FerretDB makes has to belong to the owner, as everything in the database does.
            postgresql_url=url.apply(lambda value: f"{value}&options=-c%20role%3D{role}"),
            user=user,
            password=password,
            generation=generation,
        ),
        pulumi.ResourceOptions(depends_on=after),
    )
    return pulumi.Output.all(server.port, password).apply(
        lambda both: templates.mongodb_facts(
            host=LOOPBACK, port=int(both[0]), user=user, password=both[1], database=database
        )
    )
