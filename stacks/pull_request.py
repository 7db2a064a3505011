"""A pull request's stack: for each of its applications a branch, a cache user, documents, and an environment file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pulumi

from branching.names import branch_owner
from components import names
from components.contracts import Credentials, Endpoint
from components.postgres import connection
from components.postgres.branch_database import BranchDatabase, BranchDatabaseArgs
from components.postgres.connection import Address
from components.postgres.limits import BranchQuota, Lifetime, Limits
from components.redis.acl_user import AclUser
from components.redis.connection import key_prefix, user_name
from components.secrets.generated import GeneratedSecret
from stacks import kubernetes_outputs, outputs, templates
from stacks.kubernetes_outputs import CONTRACT
from stacks.local import document_facts, env_file
from stacks.outputs import AppOutputs, CacheOutputs, EnvironmentOutputs
from stacks.problems import SettingsError
from stacks.settings import PullRequest


class PullRequestStack:
    """Composes the stack of one pull request out of what its base environment exported."""

    def __init__(self, settings: PullRequest) -> None:
        self.settings = settings
        self.stack = names.pull_request_stack(settings.number)
        self.base = pulumi.StackReference(f"organization/{pulumi.get_project()}/{settings.base}")

    def compose(self) -> None:
        """Make everything. What there is depends on the base's contract, so it is made once that is read."""
        contracts = pulumi.Output.all(self.base.get_output("contract"), self.base.get_output(CONTRACT))
        branches = contracts.apply(
            lambda found: self._on_kubernetes(found[1]) if found[1] else self._applications(found[0])
        )
        pulumi.export("branches", branches)
        pulumi.export("base", self.settings.base)

    def _on_kubernetes(self, contract: Any) -> dict[str, Any]:
        # Importing its SDK takes as long as an empty program.
        from stacks.pull_request_kubernetes import KubernetesPullRequest

        base = kubernetes_outputs.read(contract, self.settings.base)
        self._require_known(base.apps)
        if not base.branching_image:
            raise pulumi.RunError(
                f"{self.settings.base} has no image of branching, which makes pull requests' databases in its cluster. "
                "Write: socle:snapshots: {image: …}, and bring it up"
            )
        try:
            composed = KubernetesPullRequest(self.settings, self.base, base)
        except SettingsError as error:
            raise pulumi.RunError(str(error)) from None
        return {name: composed.application(name) for name in self.settings.apps}

    def _require_known(self, apps: Collection[str]) -> None:
        unknown = [name for name in self.settings.apps if name not in apps]
        if unknown:
            raise pulumi.RunError(
                f"socle:pullRequest.apps: {', '.join(unknown)} is no application of {self.settings.base}; "
                f"there are {', '.join(sorted(apps))}. Write: apps: [{min(apps, default='…')}]"
            )

    def _applications(self, contract: Any) -> dict[str, Any]:
        base = outputs.read(contract, self.settings.base)
        self._require_known(base.apps)
        return {name: self._application(name, base.apps[name], base) for name in self.settings.apps}

    def _application(self, name: str, app: AppOutputs, base: EnvironmentOutputs) -> dict[str, Any]:
        settings = self.settings
        branch_name = settings.branch(name)
        secret = GeneratedSecret(name)
        password = secret.password(branch_name)
        branch = self._branch(name, branch_name, app, base, password)
        address = Address(
            host=base.server.host, port=base.server.port, sslmode=base.server.sslmode, ca_file=base.server.ca_file
        )
        facts = [self._database_facts(address, branch_name, password)]
        if app.cache:
            facts.append(self._cache(name, base.cache, secret) if base.cache else self._external_cache(name))
        if app.documents:
            if not base.documents:
                raise pulumi.RunError(
                    f"{name} keeps its documents on a MongoDB that is not Socle's, and of those a pull request gets no "
                    "copy. Leave it out of APPS, or write: socle:documents: {type: embedded}"
                )
            facts.append(self._documents(name, app, address, branch_name, base.documents.port, secret, branch))
        self._env_files(name, app, base, facts, branch, branch_name, password)
        return {"database": branch_name, "snapshot": branch.snapshot, "taken": branch.taken}

    def _branch(
        self, name: str, branch: str, app: AppOutputs, base: EnvironmentOutputs, password: pulumi.Output[str]
    ) -> BranchDatabase:
        server = base.server
        args = BranchDatabaseArgs(
            server=Endpoint(host=server.host, port=server.port, sslmode=server.sslmode, ca_file=server.ca_file),
            brancher=Credentials(
                user=server.brancher, password=pulumi.Output.secret(self.base.require_output("brancherPassword"))
            ),
            branch=branch,
            application=name,
            source=app.database,
            pull_request=self.settings.number,
            password=password,
            limits=Limits(
                connections=app.connection_limit,
                statement_timeout_ms=app.statement_timeout_ms,
                idle_in_transaction_timeout_ms=app.idle_in_transaction_timeout_ms,
            ),
            content=self.settings.content,
            generation=self.settings.generation,
            lifetime=Lifetime(days=base.time_to_live_days, idle_days=base.idle_days),
            quota=BranchQuota(per_application=base.branches_per_application, total=base.branches_total),
        )
        return BranchDatabase(name, args)

    @staticmethod
    def _database_facts(address: Address, branch: str, password: pulumi.Output[str]) -> pulumi.Output[dict[str, str]]:
        return password.apply(
            lambda value: templates.database_facts(address, database=branch, user=branch, password=value)
        )

    def _cache(self, name: str, cache: CacheOutputs, secret: GeneratedSecret) -> pulumi.Output[dict[str, str]]:
        number, password = self.settings.number, secret.password("cache")
        user, prefix = user_name(name, number), key_prefix(name, number)
        AclUser(f"{name}-cache", user=user, prefix=prefix, password=password)
        return password.apply(
            lambda value: templates.redis_facts(
                host=cache.host, port=cache.port, user=user, password=value, prefix=prefix
            )
        )

    def _external_cache(self, name: str) -> pulumi.Output[dict[str, str]]:
        """The cache that the base environment uses, under a prefix of the pull request's own."""
        prefix = key_prefix(name, self.settings.number)
        url: pulumi.Output[str] = pulumi.Output.secret(self.base.require_output("cacheUrl"))
        return url.apply(lambda value: templates.external_redis_facts(str(value), prefix))

    def _documents(
        self,
        name: str,
        app: AppOutputs,
        address: Address,
        branch: str,
        port: int,
        secret: GeneratedSecret,
        after: pulumi.Resource,
    ) -> pulumi.Output[dict[str, str]]:
        url = secret.password(branch).apply(
            lambda password: connection.libpq_url(address, branch, branch, password)
        )  # fmt: skip
        return document_facts(
            stack=self.stack, application=name, user=branch, database=app.database, url=url,
            role=branch_owner(app.database), password=secret.password("documents"), first_port=port, after=[after],
            generation=self.settings.generation,
        )  # fmt: skip

    def _env_files(
        self,
        name: str,
        app: AppOutputs,
        base: EnvironmentOutputs,
        facts: list[pulumi.Output[dict[str, str]]],
        branch: pulumi.Resource,
        branch_name: str,
        password: pulumi.Output[str],
    ) -> None:
        variables = self.base.require_output("variables").apply(lambda every: every[name])
        files = [("", facts, variables)]
        if app.container and base.server.container_host:
            inside = Address(
                host=base.server.container_host, port=base.server.port, sslmode=base.server.sslmode,
                ca_file=base.server.container_ca_file,
            )  # fmt: skip
            docker = variables.apply(lambda own: {"RUNNING_IN_DOCKER": "true", **own})
            files.append((".docker", [self._database_facts(inside, branch_name, password), *facts[1:]], docker))
        for variant, its_facts, its_variables in files:
            env_file(self.stack, name, variant, its_variables, its_facts, [branch])
