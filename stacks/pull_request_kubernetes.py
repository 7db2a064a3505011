"""A pull request in a Kubernetes cluster: for each of its applications a branch, and a namespace of its own."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from branching.names import branch_owner, snapshot_name
from components import names
from components.kubernetes import network_policies, objects
from components.kubernetes.network_policies import CLIENTS
from components.kubernetes.task import Task, TaskArgs
from components.postgres import branching_pods
from components.postgres.branching_pods import BranchingAccess, BranchPlan
from components.postgres.limits import BranchQuota, Lifetime, Limits
from components.redis.cache_manifests import PORT as CACHE_PORT
from components.redis.connection import key_prefix, user_name
from components.redis.shared_cache import CacheUser
from components.secrets.certificates import Authority
from components.secrets.generated import GeneratedSecret
from stacks import templates
from stacks.cluster import require
from stacks.in_cluster import Facts, InNamespace, Login, cache_facts, database_facts, documents_facts, provider
from stacks.kubernetes import cache_plan
from stacks.kubernetes_outputs import AppOutputs, KubernetesOutputs
from stacks.settings import PullRequest
from stacks.workload_plan import in_pull_request, workload_plan

PULL_REQUEST = "socle.dev/pull-request"
DAYS = "socle.dev/time-to-live-days"
POD_SECURITY = "pod-security.kubernetes.io/enforce"


class KubernetesPullRequest:
    """Composes the stack of one pull request out of what its base environment exported."""

    def __init__(self, settings: PullRequest, base: pulumi.StackReference, contract: KubernetesOutputs) -> None:
        self.settings, self.base, self.contract = settings, base, contract
        self.stack = names.pull_request_stack(settings.number)
        self.access = require(contract.context, contract.identity, self.stack)
        self.provider = provider(self.access)

    def application(self, name: str) -> dict[str, Any]:
        """Everything of one application; what its branch was made from."""
        app, settings = self.contract.apps[name], self.settings
        namespace = names.pull_request_namespace(name, settings.number)
        room = self._namespace(name, namespace, app)
        branch, secret = settings.branch(name), GeneratedSecret(name)
        made = self._branch(name, branch, app, secret, room)
        login = Login(
            host=self.contract.host, database=branch, user=branch, owner=branch_owner(app.database),
            password=secret.password(branch),
        )  # fmt: skip
        place = InNamespace(name=name, namespace=namespace, access=self.access, options=self._options)
        self._in_namespace(place, app, login, secret, [*room, made])
        about: pulumi.Output[Any] = made.message.apply(_about)
        return {"database": branch, "namespace": namespace, "snapshot": about["snapshot"], "taken": about["taken"]}

    def _options(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[self.provider], depends_on=list(after))

    def _namespace(self, name: str, namespace: str, app: AppOutputs) -> list[pulumi.Resource]:
        """The namespace, and what holds whoever is in it within bounds."""
        quota, number = self.contract.quota, str(self.settings.number)
        given = {
            PULL_REQUEST: number,
            DAYS: str(self.contract.time_to_live_days),
            CLIENTS: self.contract.namespace,
            POD_SECURITY: "restricted",
        }
        made = objects.namespace(namespace, given, self._options())
        meta = {"name": "pull-request", "namespace": namespace}
        inside = self._options(made)
        hard = {"pods": str(quota.pods)}
        for kind in ("requests", "limits"):
            hard |= {f"{kind}.cpu": quota.cpu, f"{kind}.memory": quota.memory}
        # What says nothing of itself would be refused by the quota.
        limit = {
            "type": "Container",
            "default": {"cpu": "500m", "memory": "256Mi"},
            "defaultRequest": {"cpu": "10m", "memory": "32Mi"},
        }
        port = app.workload.port if app.workload else 8080
        return [
            made,
            kubernetes.core.v1.ResourceQuota(f"{name}-quota", metadata=meta, spec={"hard": hard}, opts=inside),
            kubernetes.core.v1.LimitRange(f"{name}-limits", metadata=meta, spec={"limits": [limit]}, opts=inside),
            kubernetes.networking.v1.NetworkPolicy(
                f"{name}-isolated",
                metadata=meta,
                spec=network_policies.isolated(servers=self.contract.namespace, port=port),
                opts=inside,
            ),
        ]

    def _branch(
        self, name: str, branch: str, app: AppOutputs, secret: GeneratedSecret, after: list[pulumi.Resource]
    ) -> Task:
        """The branch, dropped before what it needs goes: its password's Secret, and the namespace of who uses it."""
        contract = self.contract
        login = f"{names.pull_request_namespace(name, self.settings.number)}-login"
        password = objects.secret(
            login,
            namespace=contract.namespace,
            secret_name=login,
            data={"username": branch, "password": secret.password(branch)},
            kind="kubernetes.io/basic-auth",
            given={PULL_REQUEST: str(self.settings.number)},
            opts=self._options(*after),
        )
        access = BranchingAccess(
            host=contract.host,
            image=contract.branching_image,
            login_secret=contract.brancher_secret,
            authority_secret=contract.authority_secret,
        )
        plan = BranchPlan(
            name=branch,
            application=name,
            database=app.database,
            pull_request=self.settings.number,
            content=self.settings.content,
            password_secret=login,
            limits=Limits(
                connections=app.connection_limit,
                statement_timeout_ms=app.statement_timeout_ms,
                idle_in_transaction_timeout_ms=app.idle_in_transaction_timeout_ms,
            ),
            lifetime=Lifetime(days=contract.time_to_live_days, idle_days=contract.idle_days),
            quota=BranchQuota(per_application=contract.branches_per_application, total=contract.branches_total),
        )
        args = TaskArgs(
            access=self.access,
            namespace=contract.namespace,
            apply=branching_pods.branch(access, plan),
            remove=branching_pods.drop(access, branch),
            generation=self.settings.generation,
            attempts=2,
        )
        return Task(f"{names.pull_request_namespace(name, self.settings.number)}-branch", args, self._options(password))

    def _in_namespace(
        self, place: InNamespace, app: AppOutputs, login: Login, secret: GeneratedSecret, after: list[pulumi.Resource]
    ) -> None:
        name, facts = place.name, [database_facts(login)]
        if app.cache:
            made, user = self._cache(name, secret)
            facts.append(made)
            after = [*after, *user]
        authority: pulumi.Output[str] = self.base.require_output("authority")
        own = None
        if app.documents:
            own, documents = self._documents(place, app, login, secret)
            facts.append(documents)
            # FerretDB proves itself by an authority of the pull request's own: the environment's key stays where it is.
            authority = pulumi.Output.concat(authority, own.certificate)
        wanted = self.base.require_output("secretVariables")
        variables = {one: wanted.apply(partial(_picked, name, one)) for one in app.secrets}
        secrets = place.secrets(variables, facts, authority, after=after)
        generation = self.settings.generation
        if own is not None and self.contract.documents:
            plan = place.ferret_plan(self.contract.documents, self.contract.psql_image)
            served = place.ferret(
                plan, login, secret.password("documents"), own, after=[*after, secrets.trust], generation=generation
            )
            after = [*after, served.ready]
        if app.workload:
            plan_of = workload_plan(
                app.workload, application=name, namespace=place.namespace, secrets=secrets.names,
                tag=self.settings.tags.get(name, ""),
            )  # fmt: skip
            place.workload(
                in_pull_request(plan_of, self.settings.number), secrets, app.workload.migrations,
                generation=generation, after=after,
            )  # fmt: skip

    def _cache(self, name: str, secret: GeneratedSecret) -> tuple[Facts, list[pulumi.Resource]]:
        number = self.settings.number
        user, prefix = user_name(name, number), key_prefix(name, number)
        if self.contract.cache is None:
            url: pulumi.Output[str] = pulumi.Output.secret(self.base.require_output("cacheUrl"))
            return url.apply(lambda value: templates.external_redis_facts(str(value), prefix)), []
        plan, password = cache_plan(self.contract.cache), secret.password("cache")
        made = CacheUser(
            f"{name}-cache", plan=plan, access=self.access, user=user, prefix=prefix, password=password,
            opts=self._options(),
        )  # fmt: skip
        return cache_facts(plan.hosts[0], CACHE_PORT, user, prefix, password), [made.ready]

    def _documents(
        self, place: InNamespace, app: AppOutputs, login: Login, secret: GeneratedSecret
    ) -> tuple[Authority, Facts]:
        if self.contract.documents is None:
            raise pulumi.RunError(
                f"{place.name} keeps its documents on a MongoDB that is not Socle's, and of those a pull request gets "
                "no copy. Leave it out of APPS, or write: socle:documents: {type: ferretdb}"
            )
        plan = place.ferret_plan(self.contract.documents, self.contract.psql_image)
        authority = Authority(f"{place.name}-authority", common_name=place.namespace)
        return authority, documents_facts(plan, login, secret.password("documents"), app.database)


def _picked(application: str, secret: str, every: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    return every[application][secret]


def _about(message: str) -> dict[str, str]:
    """What the branch was made from, of what its Job said."""
    if not message:
        raise pulumi.RunError("the image of branching doesn't say what it made: it is older than this program")
    found = json.loads(message)
    return {
        "snapshot": snapshot_name(found["database"], int(found["snapshot_version"])),
        "taken": found["taken_at"],
    }
