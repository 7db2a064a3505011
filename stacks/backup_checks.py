"""What the settings of backups, restores and drills get wrong among themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from stacks import cron
from stacks.backup_settings import ArchiveStore
from stacks.kubernetes_settings import CloudNativePgServer
from stacks.problems import Problem
from stacks.settings import EnvironmentSettings

_AT = "socle:server"


def problems(settings: EnvironmentSettings) -> Iterator[Problem]:
    """Everything that is wrong with backups, with the restore and with the drill."""
    server = settings.server
    if not isinstance(server, CloudNativePgServer):
        return
    if server.backup:
        yield from _store(f"{_AT}.backup", server.backup)
        if (wrong := cron.problem(server.backup.schedule, 6)) is not None:
            yield _six_fields(server.backup.schedule, wrong)
    yield from _restore(server)
    yield from _drill(settings, server)
    if (server.restore_from or server.drill) and not server.restoring_image:
        yield Problem(
            path=f"{_AT}.restoringImage", found="nothing, with " + ("restoreFrom" if server.restore_from else "drill"),
            allowed="the image of restoring/Dockerfile, which proves what a restore has reached",
            write="restoringImage: registry.example.org/socle-restoring:1",
        )  # fmt: skip


def _store(path: str, store: ArchiveStore) -> Iterator[Problem]:
    if bool(store.credentials) == store.inherit_from_iam_role:
        yield Problem(
            path=f"{path}.credentials",
            found="both credentials and inheritFromIamRole" if store.credentials else "nothing",
            allowed="either credentials or inheritFromIamRole: true",
            write="remove inheritFromIamRole" if store.credentials else "credentials: {accessKey: …, secretKey: …}",
        )


def _six_fields(schedule: str, wrong: str) -> Problem:
    fields = schedule.split()
    silently = ", of which the operator would take the first for seconds without a word" if len(fields) == 5 else ""
    return Problem(
        path=f"{_AT}.backup.schedule",
        found=f"{schedule}: {wrong}{silently}",
        allowed="six fields: second, minute, hour, day of the month, month, day of the week",
        write=f'schedule: "{f"0 {schedule}" if len(fields) == 5 and not cron.problem(schedule, 5) else "0 0 2 * * *"}"',
    )


def _restore(server: CloudNativePgServer) -> Iterator[Problem]:
    given, own = server.restore_from, server.backup
    if not given:
        return
    path = f"{_AT}.restoreFrom"
    if given.backup and given.point_in_time:
        yield Problem(
            path=f"{path}.backup", found="a backup and a point in time",
            allowed="one of the two: the backup that a point in time needs is found by itself",
            write="remove this line",
        )  # fmt: skip
    if given.store:
        yield from _store(f"{path}.store", given.store)
    elif not own:
        yield Problem(
            path=f"{path}.store", found="nothing, in an environment without backup",
            allowed="the store that has the archive", write="store: {destination: s3://backups/dev, …}",
        )  # fmt: skip
    if own and given.server_name == server.archive_name and given.store in (None, _plain(own)):
        yield Problem(
            path=f"{path}.serverName",
            found=f"{given.server_name}, the folder that this cluster archives to itself",
            allowed="another folder: an archive has one history, and a cluster writes into no folder that isn't empty",
            write=f"name: {server.name}-2   # at {_AT}; the restored cluster stands beside the one that was there",
        )


def _plain(store: ArchiveStore) -> ArchiveStore:
    return ArchiveStore.model_construct(**{name: getattr(store, name) for name in ArchiveStore.model_fields})


def _drill(settings: EnvironmentSettings, server: CloudNativePgServer) -> Iterator[Problem]:
    drill = server.drill
    if not drill:
        return
    path = f"{_AT}.drill"
    if not server.backup:
        yield Problem(
            path=path, found="a drill, without backup", allowed="a drill where there are backups to restore",
            write="backup: {destination: s3://backups/dev, …}",
        )  # fmt: skip
    if (wrong := cron.problem(drill.schedule, 5)) is not None:
        yield Problem(
            path=f"{path}.schedule", found=f"{drill.schedule}: {wrong}",
            allowed="five fields: minute, hour, day of the month, month, day of the week (a CronJob has no seconds)",
            write='schedule: "0 4 * * 0"',
        )  # fmt: skip
    for name in drill.queries:
        if name not in settings.apps:
            yield Problem(
                path=f"{path}.queries.{name}", found="no application of this environment",
                allowed=", ".join(settings.apps) or "there is none", write="remove this line",
            )  # fmt: skip
