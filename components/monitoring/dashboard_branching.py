"""The branching dashboard: how many copies there are, how big, how old, and how long one takes. Pure."""

from __future__ import annotations

from components.monitoring.dashboard import Dashboard, Line, Panel, Row, Variable
from components.monitoring.postgres_series import SERVER

_APPLICATIONS = f'{SERVER},application=~"$application"'
_PER_APPLICATION = "{{application}}"


def _value(metric: str) -> str:
    """The primary's alone, but after a failover the former one's for some minutes as well."""
    return f"max by (application) ({metric}{{{_APPLICATIONS}}})"


def _of_server(metric: str) -> str:
    return f"max({metric}{{{SERVER}}})"


_BRANCHES = Row(
    title="Branches",
    panels=(
        Panel(
            title="Branches",
            description="Databases of pull requests.",
            unit="short",
            lines=(Line(query=_value("cnpg_socle_branches_total"), legend=_PER_APPLICATION),),
        ),
        Panel(
            title="Size of the branches",
            description="Sum of the files; a filesystem that shares blocks has less.",
            unit="bytes",
            lines=(Line(query=_value("cnpg_socle_branches_bytes"), legend=_PER_APPLICATION),),
        ),
        Panel(
            title="Age of the oldest branch",
            description="Since it was made. A time to live ends those that nobody pushes to.",
            unit="s",
            lines=(Line(query=_value("cnpg_socle_branches_oldest_age_seconds"), legend=_PER_APPLICATION),),
        ),
        Panel(
            title="Seconds to make a branch",
            description="The copy of the newest one, and of the slowest that is there.",
            unit="s",
            lines=(
                Line(query=_value("cnpg_socle_branches_newest_copy_seconds"), legend="{{application}} newest"),
                Line(query=_value("cnpg_socle_branches_slowest_copy_seconds"), legend="{{application}} slowest"),
            ),
        ),
    ),
)

_SNAPSHOTS = Row(
    title="Snapshots",
    panels=(
        Panel(
            title="Age of the newest snapshot's data",
            description="What a branch that is made now begins with.",
            unit="s",
            lines=(
                Line(
                    query="max by (application, content) "
                    f"(cnpg_socle_snapshots_newest_data_age_seconds{{{_APPLICATIONS}}})",
                    legend="{{application}} {{content}}",
                ),
            ),
        ),
        Panel(
            title="Seconds to make a snapshot",
            description="Of the newest one, from its first look at the live database until it was published.",
            unit="s",
            lines=(
                Line(
                    query="max by (application, content) "
                    f"(cnpg_socle_snapshots_newest_build_seconds{{{_APPLICATIONS}}})",
                    legend="{{application}} {{content}}",
                ),
            ),
        ),
        Panel(
            title="Snapshots",
            description="Versions that are there: the newest, and those that a lease or a branch keeps.",
            unit="short",
            lines=(
                Line(
                    query=f"max by (application, content) (cnpg_socle_snapshots_total{{{_APPLICATIONS}}})",
                    legend="{{application}} {{content}}",
                ),
            ),
        ),
        Panel(
            title="Size of the snapshots",
            description="Sum of the files; a filesystem that shares blocks has less.",
            unit="bytes",
            lines=(
                Line(
                    query=f"max by (application, content) (cnpg_socle_snapshots_bytes{{{_APPLICATIONS}}})",
                    legend="{{application}} {{content}}",
                ),
            ),
        ),
    ),
)

_LEFT_OVER = Row(
    title="What is left over",
    panels=(
        Panel(
            title="Branches whose pull request is closed",
            description="A sweep drops them; more than a few hours is too long.",
            unit="short",
            lines=(Line(query=_value("cnpg_socle_branches_orphans"), legend=_PER_APPLICATION),),
        ),
        Panel(
            title="Unfinished and half dropped",
            description="Being made or interrupted; dropped by half; and copies that wait for a pull request.",
            unit="short",
            lines=(
                Line(query=_of_server("cnpg_socle_branching_unfinished"), legend="unfinished"),
                Line(query=_of_server("cnpg_socle_branching_half_dropped"), legend="half dropped"),
                Line(query=_of_server("cnpg_socle_branching_warm"), legend="waiting for a pull request"),
                Line(query=_of_server("cnpg_socle_branching_tombstones"), legend="closed pull requests"),
            ),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="socle-branching",
    title="Socle: branching",
    description="Snapshots and branches of one server.",
    variables=(
        Variable(
            name="namespace", label="Namespace", query="label_values(cnpg_socle_branching_half_dropped, namespace)"
        ),
        Variable(
            name="cluster", label="Server", query='label_values(cnpg_collector_up{namespace="$namespace"}, cluster)'
        ),
        Variable(
            name="application",
            label="Application",
            query=f"label_values(cnpg_socle_branches_total{{{SERVER}}}, application)",
            several=True,
        ),
    ),
    rows=(_BRANCHES, _SNAPSHOTS, _LEFT_OVER),
)
