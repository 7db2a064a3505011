"""Typed settings: all that `Pulumi.<env>.yaml` may say under `socle:`.

Keys are written in camelCase there. Every model is frozen and refuses keys that it does not know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from branching.names import branch_name
from components import names
from components.postgres.privileges import OBJECT_PRIVILEGES
from stacks.base import (
    ApplicationName,
    DatabaseName,
    Days,
    DnsLabel,
    Milliseconds,
    Model,
    Port,
    Quantity,
    RoleName,
    Schedule,
    Size,
    Text,
    VariableName,
)
from stacks.kubernetes_settings import (
    CloudNativePgServer,
    FerretDocuments,
    KubernetesCache,
    KubernetesCluster,
    Monitoring,
)
from stacks.workload_settings import Workload


class Environment(Model):
    """What kind of place this environment is."""

    kind: Literal["local", "kubernetes", "aws", "coolify"] = Field(examples=["local"])


class Container(Model):
    """How a container on this machine reaches the embedded servers, which listen on loopback only."""

    host: str = "host.docker.internal"
    ca_file: str = "/etc/socle/ca.crt"
    """Where the container has the certificate authority's certificate mounted."""


Management = Literal["resources", "plan"]
"""By what means an application's roles, database and rights are made.

`resources`: some eighteen pulumi-postgresql resources an application; a preview shows each right that changes.
`plan`: one resource of Socle's own plugin, the same statements at once; to choose with dozens of applications, since
the engine writes its whole state at every resource. A preview shows the changed plan, a refresh lists what drifted.

From `resources` to `plan` an environment changes by itself: the databases stay as they are and are taken over, where
their applications are retained (`deletionPolicy: retain`, which has to be in force before, not set in the same run).
A database that isn't retained is refused, test databases among them: remove it, run `up`, add it again. From `plan`
to `resources` there is no way but `pulumi import`: pulumi-postgresql refuses what is there, and nothing is lost.
"""


class EmbeddedServer(Model):
    """PostgreSQL run by Socle on this machine."""

    type: Literal["embedded"] = "embedded"
    management: Management = "resources"
    version: Literal[15, 16, 17, 18] = 18
    port: Port = 5435
    test_port: Port = 5433
    """Of a second server, durability off, for applications with a test database."""
    container: Container = Container()


class Administrator(Model):
    """A login with CREATEROLE and CREATEDB, or a superuser."""

    user: str = Field(examples=["postgres"])
    password: str = Field(examples=["{secure: …}   # pulumi config set --secret --path socle:server.admin.password"])


class ExternalServer(Model):
    """PostgreSQL that is there already; what Socle did not make there it never touches."""

    type: Literal["external"] = "external"
    management: Management = "resources"
    host: str = Field(examples=["db.example.org"])
    port: Port = 5432
    admin: Administrator
    superuser: bool = False
    database: str = "postgres"
    """The database that the administrator logs in to."""
    sslmode: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    ca_file: str = ""


class AuroraServer(Model):
    """An Aurora PostgreSQL cluster."""

    type: Literal["aurora"] = "aurora"
    engine_version: str = Field(default="17.6", pattern=r"^1[5-8]\.\d+$", examples=["17.6"])
    instance_class: str = "db.r7g.large"
    instances: int = Field(default=2, ge=1, le=16)
    backup_retention_days: int = Field(default=7, ge=1, le=35)
    performance_insights: bool = True


Server = Annotated[EmbeddedServer | ExternalServer | CloudNativePgServer | AuroraServer, Field(discriminator="type")]


class EmbeddedCache(Model):
    """Valkey run by Socle on this machine, started when an application asks for a cache."""

    type: Literal["embedded"] = "embedded"
    port: Port = 6379


class ExternalCache(Model):
    """A Redis-compatible server that is there already."""

    type: Literal["external"] = "external"
    url: str = Field(examples=["{secure: …}   # pulumi config set --secret --path socle:cache.url"])


class ElastiCache(Model):
    """An ElastiCache replication group."""

    type: Literal["elasticache"] = "elasticache"
    node_type: str = "cache.t4g.small"
    snapshot_retention_days: int = Field(default=7, ge=0, le=35)


Cache = Annotated[EmbeddedCache | ExternalCache | KubernetesCache | ElastiCache, Field(discriminator="type")]


class EmbeddedDocuments(Model):
    """FerretDB over each application's own database, started when an application asks for documents."""

    type: Literal["embedded"] = "embedded"
    port: Port = 27017
    """The first port tried; each application takes the next free one."""


class ExternalDocuments(Model):
    """A MongoDB that is there already."""

    type: Literal["external"] = "external"
    uri: str = Field(examples=["{secure: …}   # pulumi config set --secret --path socle:documents.uri"])


Documents = Annotated[EmbeddedDocuments | ExternalDocuments | FerretDocuments, Field(discriminator="type")]


class ExtraGrant(Model):
    """A right for another role of the same server."""

    to: str = Field(examples=["docspell_ro"])
    on: Literal["table", "sequence", "function"] = "table"
    in_schema: str = Field(default="public", alias="schema")
    privileges: tuple[str, ...] = Field(min_length=1, examples=["[SELECT]"])

    def problem(self) -> str | None:
        """Which privilege can't be granted on that kind of object, or None."""
        wrong = sorted(set(self.privileges) - set(OBJECT_PRIVILEGES[self.on]))
        return f"{', '.join(wrong)} on a {self.on}" if wrong else None


class TestDatabase(Model):
    """A second, throw-away database for the application's own tests."""

    __test__ = False  # not for pytest, in spite of its name

    database: DatabaseName = Field(examples=["test_db"])
    role: RoleName = Field(examples=["test_user"])
    env: dict[VariableName, Text] = Field(examples=['{TEST_DATABASE_URL: "{database.url}"}'])


class App(Model):
    """One application: it owns one database and three roles."""

    database: DatabaseName | None = Field(default=None, examples=["city_api"])
    """By default the application's name with underscores."""
    role: RoleName | None = Field(default=None, examples=["city_api"])
    """What it logs in as; by default the application's name with underscores."""
    connection_limit: int = Field(default=20, ge=1, le=1000)
    statement_timeout: Milliseconds = Field(default=60_000, examples=["60s"])
    idle_in_transaction_timeout: Milliseconds = Field(default=60_000, examples=["60s"])
    extensions: tuple[str, ...] = ()
    schemas: tuple[RoleName, ...] = ()
    grants: tuple[ExtraGrant, ...] = ()
    cache: bool = False
    documents: bool = False
    env: dict[VariableName, Text] = Field(default_factory=lambda: {"DATABASE_URL": "{database.url}"})
    """Its environment variables: literal text with placeholders such as `{database.url}`."""
    namespace: DnsLabel | None = Field(default=None, examples=["city-api"])
    """Of its Secrets, in a Kubernetes cluster; by default the application's name."""
    secrets: dict[DnsLabel, dict[VariableName, Text]] = Field(
        default_factory=dict, examples=['{platform-database: {DATABASE_URL: "{database.url}"}}']
    )
    """Further Secrets, by name, beside the one that has `env`."""
    readers: tuple[str, ...] = ()
    """Groups that may read its Secrets, beside its service account."""
    workload: Workload | None = None
    """The application itself, where it is to run in the Kubernetes cluster."""
    container: bool = False
    """Whether a second file with a container's addresses is written."""
    test: TestDatabase | None = None
    masking: str | None = None
    """Path of its masking rules; by default `masking/<app>.yaml`."""
    deletion_policy: Literal["retain", "delete"] = "retain"
    """What becomes of the database when the application is removed from the settings."""


class Quota(Model):
    """What all of a pull request's pods in one namespace may ask for and use together."""

    cpu: Quantity = "2"
    memory: Size = "2Gi"
    pods: int = Field(default=10, ge=1, le=200)


class PullRequests(Model):
    """What holds for every pull request's stack of this environment."""

    time_to_live: Days = Field(default=14, examples=["14d"])
    idle_time: Days | None = Field(default=None, examples=["3d"])
    per_application: int | None = Field(default=None, ge=1, examples=[20])
    total: int | None = Field(default=None, ge=1, examples=[50])
    warm: int = Field(default=0, ge=0, le=20, examples=[2])
    quota: Quota = Quota()
    """Of each pull request's namespace, on Kubernetes."""


class Snapshots(Model):
    """How the copies are made that pull requests' databases begin with."""

    max_age: Days = Field(default=1, ge=1, examples=["7d"])
    sessions: int = Field(default=2, ge=1, le=32, examples=[2])
    image: str = Field(default="", examples=["ghcr.io/owner/branching:v1.0.0"])
    """Of branching, on Kubernetes; empty for no snapshots there."""
    schedule: Schedule = Field(default="", examples=["30 3 * * *"])
    """When, on Kubernetes, snapshots older than `max_age` are made anew; empty for by hand."""
    megabytes_per_second: int | None = Field(default=None, ge=1, examples=[20])
    replica: str | None = Field(default=None, min_length=1, examples=["standby.example.org"])
    tablespace: str | None = Field(default=None, pattern=r"^[a-z_][a-z0-9_]{0,62}$", examples=["previews"])


class EnvironmentSettings(Model):
    """A long-lived environment: `local`, `dev`, `staging`, `prod`."""

    environment: Environment
    cluster: KubernetesCluster = KubernetesCluster()
    server: Server
    cache: Cache = EmbeddedCache()
    documents: Documents = EmbeddedDocuments()
    monitoring: Monitoring | None = None
    apps: dict[ApplicationName, App] = Field(default_factory=dict)
    snapshots: Snapshots = Snapshots()
    pull_requests: PullRequests = PullRequests()


class PullRequest(Model):
    """One pull request: what its stack copies, and from where."""

    number: int = Field(ge=1, le=names.MAX_PULL_REQUEST, examples=[123])
    base: str = Field(default="local", examples=["local"])
    """The environment whose snapshots are branched."""
    apps: tuple[ApplicationName, ...] = Field(min_length=1, examples=["[city-api]"])
    tags: dict[ApplicationName, str] = Field(default_factory=dict, examples=["{city-api: sha-1a2b3c4}"])
    """Each application's image tag, on Kubernetes; the base environment's where left out."""
    content: Literal["masked", "synthetic", "schema"] = "masked"
    """What of the rows its copies have."""
    generation: int = Field(default=0, ge=0)
    """Counts the resets: a new value makes the branches afresh."""

    def branch(self, application: str) -> str:
        """The application's branch: `pr_123`, or `pr_123_<app>` when the pull request spans several."""
        return branch_name(self.number, application if len(self.apps) > 1 else None)


class PullRequestSettings(Model):
    """A pull request's stack."""

    pull_request: PullRequest
