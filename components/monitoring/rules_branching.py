"""Rules on snapshots and branches. Pure."""

from __future__ import annotations

from components.monitoring import selectors
from components.monitoring.args import MonitoringArgs
from components.monitoring.rule import Alert, Severity, minutes, number

_AGE = "cnpg_socle_snapshots_newest_data_age_seconds"


def alerts(args: MonitoringArgs) -> tuple[Alert, ...]:
    """The rules on what branching leaves; none where it isn't used."""
    if not args.branching:
        return ()
    missing = (_missing(args),) if args.snapshots_of else ()
    return (_too_old(args), *missing, *_left_over(args))


def _too_old(args: MonitoringArgs) -> Alert:
    # Only masked snapshots hold data that ages; the others are made from definitions when they are asked for.
    masked = f'{_AGE}{{{selectors.server(args)},content="masked"}}'
    return Alert(
        name="SocleSnapshotTooOld",
        expression=f"max by (namespace, application) ({masked}) > {number(args.thresholds.snapshot_age_seconds)}",
        hold_seconds=minutes(30),
        severity=Severity.WARNING,
        summary="The newest data for branches of {{ $labels.application }} is {{ $value | humanizeDuration }} old",
        description="Refreshing fails or doesn't run. Pull requests go on with old data.",
    )


def _missing(args: MonitoringArgs) -> Alert:
    series = selectors.server(args)
    each = (f'absent({_AGE}{{{series},application="{name}",content="masked"}})' for name in args.snapshots_of)
    return Alert(
        name="SocleSnapshotMissing",
        expression=" or ".join(each),
        hold_seconds=minutes(30),
        severity=Severity.WARNING,
        summary="{{ $labels.application }} has no snapshot",
        description="A pull request would have to wait for one to be built, or gets none.",
    )


def _left_over(args: MonitoringArgs) -> tuple[Alert, ...]:
    series = selectors.server(args)
    return (
        Alert(
            name="SocleOrphanBranches",
            expression=f"sum by (namespace, application) (cnpg_socle_branches_orphans{{{series}}}) > 0",
            hold_seconds=round(args.thresholds.orphan_seconds),
            severity=Severity.WARNING,
            summary="{{ $value }} branches of {{ $labels.application }} outlived their pull request",
            description="Their pull requests are closed, and no sweep has dropped them: a copy of the data too many.",
        ),
        Alert(
            name="SocleHalfDroppedDatabases",
            expression=f"max by (namespace) (cnpg_socle_branching_half_dropped{{{series}}}) > 0",
            hold_seconds=minutes(60),
            severity=Severity.WARNING,
            summary="{{ $value }} databases were dropped by half",
            description="Nobody can use them any more; they only take room until somebody drops them again.",
        ),
        Alert(
            name="SocleBranchingUnwatched",
            expression=f"absent(cnpg_socle_branching_half_dropped{{{series}}})",
            hold_seconds=minutes(30),
            severity=Severity.WARNING,
            summary=f"Nothing is known of the branches on {args.cluster}",
            description="The custom queries don't run: the rules on snapshots and branches are blind.",
        ),
    )
