"""Each check of the doctor fires at what it is for, with the command to type, and is quiet otherwise.

Doesn't prove: that facts are gathered rightly, or that commands mend anything; tests/kubernetes/test_doctor.py does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from branching.inventory import Branch, Inventory, Snapshot
from branching.metadata import BranchMetadata, SnapshotMetadata
from components.kubernetes.network_policies import CLIENTS
from tests.unit.doctor_support import INSTANCE, RUNS, VOLUME, bad, credentials, healthy, only, spoilt
from tools.doctor.checks import examine
from tools.doctor.facts import (
    ClusterFacts,
    Condition,
    Controller,
    Database,
    Enforcement,
    Facts,
    FailedJob,
    Login,
    Network,
    PullRequestNamespace,
    Role,
    SecretFacts,
    Service,
    Synced,
    Trust,
    Unseen,
    Workload,
)
from tools.doctor.finding import Level, first

WRONG = Login(ok=False, said='password authentication failed for user "city_api"')
IN_NAMESPACE = "kubectl --context home -n databases "
LABEL = f"{IN_NAMESPACE}label secret city-api-postgresql-credentials cnpg.io/reload=true"


def test_a_healthy_environment_has_nothing_to_do() -> None:
    assert bad(healthy()) == []
    assert first(examine(healthy())) is None
    assert {one.check for one in examine(healthy())} >= {"roles", "login", "way-in", "public", "trust", "workload"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ClusterFacts(error="it doesn't answer"), "doesn't answer"),
        (ClusterFacts(host="h", identity="other", error="h is the cluster other"), "cluster other"),
    ],
)
def test_of_another_cluster_nothing_else_is_told(found: ClusterFacts, said: str) -> None:
    one = only(spoilt("facts", cluster=found))
    assert one.level is Level.FAULT
    assert said in one.found
    assert one.next == "kubectl config get-contexts"


def test_an_identity_that_is_not_set_is_named() -> None:
    facts = spoilt("facts", cluster=ClusterFacts(host="h", identity="new", error="none is meant"))
    one = only(replace(facts, wanted=replace(facts.wanted, identity="")))
    assert "socle:cluster: {identity: new}" in one.next


@pytest.mark.parametrize("enforcement", [Enforcement.NO, Enforcement.UNKNOWN])
def test_a_network_without_policies_is_told(enforcement: Enforcement) -> None:
    one = only(spoilt("cluster", network=Network(enforcement=enforcement, by="kube-flannel")))
    assert (one.level, one.check) == (Level.WARNING, "network-policies")


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"image": "x/cloudnative-pg:1.26.3"}, "operator-version", Level.FAULT),
        ({"image": "x/cloudnative-pg:v1.31.0"}, "operator-version", Level.WARNING),
        ({"image": "x:5000/cloudnative-pg:latest"}, "operator-version", Level.WARNING),
        ({"ready": 0}, "operator", Level.FAULT),
    ],
)
def test_the_operator_runs_in_a_version_that_is_known(changes: dict[str, object], check: str, level: Level) -> None:
    controller = Controller(namespace="o", name="manager", image="x:1.30.1", ready=1, wanted=1)
    assert bad(spoilt("operator", controllers=(controller,))) == []
    one = only(spoilt("operator", controllers=(replace(controller, **changes),)))
    assert (one.check, one.level) == (check, level)


def test_without_operator_or_kinds() -> None:
    assert only(spoilt("operator", controllers=())).found == "no operator is installed"
    assert "databases" in only(spoilt("operator", kinds=frozenset({"clusters"}))).found


def test_a_server_that_is_not_there() -> None:
    facts = spoilt("server", cluster=None, service=None, databases={"city-api": Condition(type="a", status="True")})
    one = first(examine(facts))
    assert one is not None
    assert (one.found, one.next) == ("no Cluster shared", "make up ENV=dev")


@pytest.mark.parametrize(
    ("changes", "check", "level"),
    [
        ({"phase": "Setting up primary", "reason": "creating", "ready": 0}, "server", Level.FAULT),
        ({"phase": "Failing over"}, "server", Level.WARNING),
        ({"fenced": True}, "server-fenced", Level.FAULT),
        (
            {"conditions": (Condition(type="ContinuousArchiving", status="False", reason="Failing", message="no"),)},
            "server-conditions",
            Level.WARNING,
        ),
    ],
)
def test_the_state_of_the_cluster(changes: dict[str, object], check: str, level: Level) -> None:
    one = only(spoilt("server.cluster", **changes))
    assert (one.check, one.level) == (check, level)
    assert one.next.startswith(IN_NAMESPACE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phase": "Pending", "unschedulable": "0/1 nodes: Insufficient cpu"}, "Pending: 0/1 nodes: Insufficient cpu"),
        ({"waiting": "ImagePullBackOff", "message": "not found"}, "ImagePullBackOff: not found"),
        ({"waiting": "CrashLoopBackOff", "restarts": 3, "log": "disk full"}, "Running, CrashLoopBackOff, 3 restarts"),
    ],
)
def test_a_pod_says_why_it_does_not_run(changes: dict[str, object], said: str) -> None:
    one = only(spoilt("server", pods=(replace(INSTANCE, ready=False, **changes),)))
    assert (one.found, one.detail) == (said, changes.get("log", ""))
    assert "shared-1" in one.next


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"phase": "Pending", "capacity": "", "event": "ProvisioningFailed: no class"}, Level.FAULT),
        ({"wanted": "2Gi"}, Level.WARNING),
        ({"conditions": (Condition(type="FileSystemResizePending", status="True"),)}, Level.WARNING),
    ],
)
def test_volumes_that_wait_or_grow(changes: dict[str, object], level: Level) -> None:
    one = only(spoilt("server", claims=(replace(VOLUME, **changes),)))
    assert (one.check, one.level) == ("server-volumes", level)


def test_a_server_that_does_not_answer_is_one_fault_and_the_rest_is_said_to_be_unseen() -> None:
    found = bad(spoilt("facts", postgres=Unseen(why="connection refused")))
    faults = [one for one in found if one.level is Level.FAULT]
    assert [one.check for one in faults] == ["postgres-answers"]
    assert {one.check for one in found} == {
        "postgres-answers",
        "roles",
        "database",
        "login",
        "snapshot",
        "pull-requests",
    }
    assert all("connection refused" in one.found for one in found)


def test_connections_near_the_limit() -> None:
    assert only(spoilt("postgres", sessions=80)).check == "connections"
    assert bad(spoilt("postgres", sessions=79)) == []
    roles = healthy().postgres.roles | {"city_api": Role(login=True, limit=20, sessions=16)}
    assert only(spoilt("postgres", roles=roles)).check == "role-connections"
    unlimited = healthy().postgres.roles | {"city_api": Role(login=True, limit=-1, sessions=16)}
    assert bad(spoilt("postgres", roles=unlimited)) == []


# Seed 001: role does not exist.


def test_a_missing_role_is_named_with_the_command_that_makes_it() -> None:
    roles = {name: role for name, role in healthy().postgres.roles.items() if name != "city_api_ro"}
    one = only(spoilt("postgres", roles=roles))
    assert (one.found, one.next) == ("role missing: city_api_ro", "make privileges ENV=dev APP=city-api")


def test_a_login_of_a_missing_role_is_not_blamed_on_its_password() -> None:
    facts = spoilt("application", credentials=(credentials("city_api_ro", "-ro", login=WRONG),))
    roles = {name: role for name, role in facts.postgres.roles.items() if name != "city_api_ro"}
    found = bad(replace(facts, postgres=replace(facts.postgres, roles=roles)))
    assert {one.next for one in found} == {"make privileges ENV=dev APP=city-api"}


def test_what_the_operator_says_of_a_role() -> None:
    refused = only(spoilt("server.cluster", refused={"city_api": "role is used"}))
    assert (refused.level, refused.found) == (Level.FAULT, "city_api: role is used")
    pending = healthy().server.cluster.roles | {"city_api": "pending-reconciliation"}
    assert only(spoilt("server.cluster", roles=pending)).level is Level.WARNING
    assert only(spoilt("server.cluster", roles={"city_api": "reconciled"})).found.startswith("not managed: ")


# Databases.


@pytest.mark.parametrize(
    ("database", "check", "command"),
    [
        (None, "database", "make privileges ENV=dev APP=city-api"),
        (
            Database(owner="postgres", public_connects=False, connects=frozenset({"city_api", "city_api_ro"})),
            "database",
            'ALTER DATABASE "city_api" OWNER TO "city_api_owner"',
        ),
        (
            Database(owner="city_api_owner", public_connects=True, connects=frozenset()),
            "public",
            'REVOKE ALL ON DATABASE "city_api" FROM PUBLIC',
        ),
        (
            Database(owner="city_api_owner", public_connects=False, connects=frozenset({"city_api"})),
            "connect",
            "make privileges ENV=dev APP=city-api",
        ),
    ],
)
def test_databases_and_who_gets_in(database: Database | None, check: str, command: str) -> None:
    one = only(spoilt("postgres", databases={"city_api": database} if database else {}))
    assert (one.check, one.level) == (check, Level.FAULT)
    assert command in one.next


def test_a_database_object_that_is_not_applied_says_why() -> None:
    failed = {"city-api": Condition(type="applied", status="False", message='role "x" does not exist')}
    assert only(spoilt("server", databases=failed)).found == 'not applied: role "x" does not exist'
    assert only(spoilt("server", databases={})).found == "it is not there"


# Seed 001: Secret not synchronised.


@pytest.mark.parametrize(
    ("changes", "said", "command"),
    [
        ({"there": False, "login": None}, "it is not there", "pulumi up --refresh --yes --stack dev"),
        (
            {"complete": False, "login": None},
            "its username is not city_api, or a key is missing",
            "pulumi up --refresh",
        ),
        ({"labelled": False}, "the label cnpg.io/reload is missing", LABEL),
        ({"login": WRONG}, "the Secret's password is not the role's", "socle.dev/looked-at="),
        ({"login": Login(ok=False, said="too many connections for role")}, "too many connections for role", "psql"),
        ({"login": Login(ok=False, said="permission denied for database")}, "permission denied", "make privileges"),
    ],
)
def test_credentials_that_are_out_of_step(changes: dict[str, object], said: str, command: str) -> None:
    both = (credentials("city_api", "", **changes), credentials("city_api_ro", "-ro"))
    one = only(spoilt("application", credentials=both))
    assert one.level is Level.FAULT
    assert said in one.found
    assert command in one.next


def test_a_wrong_password_without_the_label_wants_the_label_first() -> None:
    found = bad(spoilt("application", credentials=(credentials("city_api", "", labelled=False, login=WRONG),)))
    assert [one.next for one in found] == [LABEL, LABEL]


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (SecretFacts(name="city-api-env", there=False), "it is not there"),
        (SecretFacts(name="city-api-env", there=True, missing=("URL",)), "without URL"),
        (SecretFacts(name="city-api-env", there=True, stale=("URL",)), "another password than the credentials': URL"),
    ],
)
def test_an_applications_own_secret(secret: SecretFacts, said: str) -> None:
    one = only(spoilt("application", secrets=(secret,)))
    assert (one.found, one.level) == (said, Level.FAULT)


def test_a_trust_that_does_not_verify() -> None:
    assert only(spoilt("application", trust=Trust(there=False))).check == "trust"
    assert only(spoilt("application", trust=Trust(there=True, verifies=False, reason="other"))).found == "other"
    assert only(spoilt("application", trust=Trust(there=True, reason="no certificate"))).level is Level.WARNING


@pytest.mark.parametrize(
    ("conditions", "level"),
    [
        ((Condition(type="Ready", status="False", reason="SecretSyncedError", message="403"),), Level.FAULT),
        ((), Level.WARNING),
        ((Condition(type="secrets.infisical.com/AutoRedeployReady", status="False"),), Level.WARNING),
    ],
)
def test_objects_that_bring_secrets(conditions: tuple[Condition, ...], level: Level) -> None:
    one = only(
        spoilt("facts", synced=(Synced(namespace="city", kind="infisicalsecrets", name="s", conditions=conditions),))
    )
    assert (one.level, one.name) == (level, "city-api")
    assert "-n city annotate infisicalsecrets s --overwrite reconcile=" in one.next
    synced = Condition(type="Ready", status="True")
    fine = Synced(namespace="city", kind="externalsecrets", name="s", conditions=(synced,))
    assert bad(spoilt("facts", synced=(fine,))) == []


# Seed 001: connection refused.


def test_a_service_that_selects_nobody_is_mended_by_its_selector() -> None:
    service = Service(name="shared-rw", selector={"app": "wrong"}, ready=0)
    one = only(spoilt("server", service=service))
    assert one.found == "no endpoint: it selects app=wrong, which is not the primary"
    assert '"app": null' in one.next and '"cnpg.io/instanceRole": "primary"' in one.next
    right = replace(service, selector=healthy().server.service.selector, not_ready=1)
    assert only(spoilt("server", service=right)).found == "no endpoint is ready; 1 are not"
    assert only(spoilt("server", service=None)).found == "it is not there"


def test_a_service_that_leads_nowhere_though_it_has_an_address() -> None:
    past = credentials("city_api", "", login=Login(ok=True, by_service=False))
    one = only(spoilt("application", credentials=(past,)))
    assert (one.check, one.level) == ("service", Level.FAULT)


@pytest.mark.parametrize(
    ("enforcement", "level"),
    [(Enforcement.YES, Level.FAULT), (Enforcement.UNKNOWN, Level.FAULT), (Enforcement.NO, Level.WARNING)],
)
def test_a_namespace_without_the_label(enforcement: Enforcement, level: Level) -> None:
    facts = spoilt("application", namespace_labels={})
    network = Network(enforcement=enforcement, by="x")
    found = bad(replace(facts, cluster=replace(facts.cluster, network=network)))
    one = next(one for one in found if one.check == "way-in")
    assert (one.level, one.next) == (
        level,
        f"kubectl --context home label namespace city --overwrite {CLIENTS}=databases",
    )


def test_a_namespace_that_is_not_there() -> None:
    one = first(examine(spoilt("application", namespace_labels=None, trust=Trust(there=True, verifies=True))))
    assert one is not None
    assert (one.found, one.next) == ("the namespace is not there", "make up ENV=dev")


# Applications, Jobs, snapshots.


def test_an_application_that_is_not_available_tells_its_pods_reason_and_log() -> None:
    pod = replace(RUNS, ready=False, waiting="CrashLoopBackOff", restarts=2, log="no such table")
    one = only(spoilt("application", workload=Workload(available=0, wanted=1, pods=(pod,))))
    assert "CrashLoopBackOff" in one.found
    assert one.detail == "no such table"
    quiet = only(spoilt("application", workload=Workload(available=0, wanted=1, message="quota exceeded")))
    assert "quota exceeded" in quiet.found
    assert quiet.next == "kubectl --context home -n city describe deployment city-api"
    assert only(spoilt("application", workload=None)).next == "make up ENV=dev"
    assert only(spoilt("application", workload=Unseen(why="403"))).level is Level.WARNING


def test_a_roll_out_that_stands_still_is_a_warning() -> None:
    new = replace(RUNS, name="city-api-2", ready=False, phase="Pending", waiting="ErrImagePull", message="not found")
    one = only(spoilt("application", workload=Workload(available=1, wanted=1, pods=(RUNS, new), checksum="now")))
    assert (one.level, one.found) == (Level.WARNING, "ErrImagePull: not found")
    starting = replace(new, waiting="", message="")
    workload = Workload(available=1, wanted=1, pods=(RUNS, starting), checksum="now")
    assert bad(spoilt("application", workload=workload)) == []


def test_pods_that_were_started_with_older_variables() -> None:
    workload = Workload(available=1, wanted=1, pods=(replace(RUNS, checksum="before"),), checksum="now")
    assert only(spoilt("application", workload=workload)).check == "variables"


@pytest.mark.parametrize(
    ("job", "level", "command"),
    [
        (FailedJob(namespace="city", name="city-api-workload-migration", reason="x"), Level.WARNING, "make up ENV=dev"),
        (
            FailedJob(namespace="databases", name="snapshot-city-api-123", reason="x", cron_job="snapshot-city-api"),
            Level.FAULT,
            "make snapshot ENV=dev APP=city-api",
        ),
        (
            FailedJob(namespace="databases", name="snapshot-city-api-now", reason="x"),
            Level.FAULT,
            "make snapshot ENV=dev APP=city-api",
        ),
        (
            FailedJob(namespace="databases", name="city-api-pr-7-branch", reason="x"),
            Level.WARNING,
            "make pr ENV=dev PR=7",
        ),
    ],
)
def test_jobs_that_failed(job: FailedJob, level: Level, command: str) -> None:
    one = only(spoilt("facts", jobs=(replace(job, log="the end"),), stacks=frozenset({7})))
    assert (one.level, one.next, one.detail) == (level, command, "the end")


def test_a_failed_job_that_a_later_one_made_good_is_nothing() -> None:
    job = FailedJob(namespace="databases", name="j", reason="x", cron_job="snapshot-city-api", superseded=True)
    assert bad(spoilt("facts", jobs=(job,))) == []


def snapshot(days: float) -> Inventory:
    taken = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    metadata = SnapshotMetadata(
        application="city-api", database="city_api", version=3, taken_at=taken, rules_digest="", rows=0, bytes=0,
        seconds=0, dropped=(), settings=(), login_settings=(), owner="o", comment="",
    )  # fmt: skip
    one = Snapshot(
        name="city_api_snapshot_v3", database="city_api", version=3, owner="o", published=True, half_dropped=False,
        bytes=0, metadata=metadata,
    )  # fmt: skip
    return Inventory(snapshots=(one,), branches=())


def test_snapshots_are_as_young_as_the_settings_have_it() -> None:
    assert bad(spoilt("postgres", inventory=snapshot(1))) == []
    one = only(spoilt("postgres", inventory=snapshot(3)))
    assert (one.level, one.next) == (Level.WARNING, "make snapshot ENV=dev APP=city-api")
    facts = healthy()
    assert only(replace(facts, wanted=replace(facts.wanted, scheduled=True))).found == "there is none"


# Pull requests.


def branch(number: int, *, made: bool = True) -> Inventory:
    metadata = BranchMetadata(
        application="city-api", database="city_api", pull_request=number, snapshot_version=1, snapshot_taken_at="",
        created_at="",
    )  # fmt: skip
    one = Branch(
        name=f"pr_{number}", pull_request=number, owner="o", ready=made, half_dropped=False, bytes=0,
        metadata=metadata if made else None,
    )  # fmt: skip
    return Inventory(snapshots=(), branches=(one,))


def pulls(
    namespaces: tuple[int, ...] = (), inventory: Inventory | None = None, stacks: tuple[int, ...] = (),
    closed: tuple[int, ...] = (),
) -> Facts:  # fmt: skip
    facts = spoilt("postgres", inventory=inventory or Inventory(snapshots=(), branches=()), closed=frozenset(closed))
    spaces = tuple(PullRequestNamespace(name=f"city-api-pr-{number}", number=number) for number in namespaces)
    return replace(facts, namespaces=spaces, stacks=frozenset(stacks))


@pytest.mark.parametrize(
    ("facts", "said", "command"),
    [
        (pulls((5,)), "there is no stack pr-5 here", "kubectl --context home delete namespace city-api-pr-5"),
        (pulls((5,), branch(5), (5,), (5,)), "its pull request is closed", "make pr-down PR=5"),
        (pulls((5,), None, (5,)), "it has no database", "make pr ENV=dev PR=5 RESET=1"),
        (pulls((), branch(5), (5,)), "there is no namespace city-api-pr-5", "make pr-down PR=5"),
        (pulls((), branch(5)), "there is no namespace city-api-pr-5", 'DROP DATABASE IF EXISTS "pr_5" WITH (FORCE)'),
        (pulls((5,), branch(5, made=False), (5,), (5,)), "its pull request is closed", "make pr-down PR=5"),
    ],
)
def test_pull_requests_that_lost_a_part(facts: Facts, said: str, command: str) -> None:
    one = bad(facts)[0]
    assert (one.found, one.name) == (said, "pr-5")
    assert command in one.next


def test_a_pull_request_that_is_whole_is_nothing() -> None:
    assert bad(pulls((5,), branch(5), (5,))) == []
    unseen = replace(pulls((5,), branch(5)), stacks=Unseen(why="no toolchain"))
    assert only(unseen).found == "not looked at: the stacks: no toolchain"


def test_one_application_alone() -> None:
    facts = spoilt("facts", synced=(Synced(namespace="city", kind="externalsecrets", name="s", conditions=()),))
    assert [one.name for one in bad(facts)] == ["city-api"]
    assert bad(replace(facts, wanted=replace(facts.wanted, only="docspell"))) == []


def test_first_is_what_is_nearest_to_the_cause() -> None:
    facts = spoilt("application", secrets=(SecretFacts(name="city-api-env", there=False),))
    fenced = replace(facts.server, cluster=replace(facts.server.cluster, fenced=True))
    todo = first(examine(replace(facts, server=fenced)))
    assert todo is not None
    assert todo.check == "server-fenced"
