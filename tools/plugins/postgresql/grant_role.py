"""`postgresql:index/grantRole:GrantRole` (upstream: resource_postgresql_grant_role.go)."""

from __future__ import annotations

from tools.plugins.postgresql import catalog
from tools.plugins.postgresql.bridged import Bridged, Desired
from tools.plugins.postgresql.catalog import quoted, run
from tools.plugins.postgresql.properties import Kind, Property
from tools.plugins.resource import PluginError
from tools.plugins.values import Properties

_MEMBERSHIP = (
    "SELECT bool_or(admin_option) FROM pg_auth_members WHERE member = to_regrole(%s) AND roleid = to_regrole(%s)"
)


class GrantRole(Bridged):
    """A membership of `role` in `grantRole`. Nothing changes in place."""

    schema = (
        Property(name="role", required=True, force_new=True),
        Property(name="grantRole", required=True, force_new=True),
        Property(name="withAdminOption", kind=Kind.BOOLEAN, force_new=True, default=False),
    )

    def identify(self, values: Properties) -> str:
        """`role_grantrole_true`, or `_false`: the last is the admin option."""
        return f"{values['role']}_{values['grantRole']}_{str(values['withAdminOption']).lower()}"

    def make(self, desired: Desired) -> Properties:
        """REVOKE, then GRANT: an admin option that there may have been must go."""
        option = " WITH ADMIN OPTION" if desired["withAdminOption"] else ""
        with self.server.transaction() as connection:
            run(connection, _revoke(desired.new))
            run(connection, f"GRANT {quoted(desired['grantRole'])} TO {quoted(desired['role'])}{option}")
        facts = self.look(desired.new)
        if facts is None:
            raise PluginError(f"the membership of {desired['role']} in {desired['grantRole']} has vanished")
        return facts

    def look(self, values: Properties) -> Properties | None:
        """The row in pg_auth_members."""
        with self.server.transaction() as connection:
            admin = catalog.one(connection, _MEMBERSHIP, quoted(values["role"]), quoted(values["grantRole"]))
        return None if admin is None else {"withAdminOption": admin}

    def drop(self, values: Properties) -> None:
        """REVOKE, if both roles are still there."""
        if self.look(values) is None:
            return
        with self.server.transaction() as connection:
            run(connection, _revoke(values))


def _revoke(values: Properties) -> str:
    return f"REVOKE {quoted(values['grantRole'])} FROM {quoted(values['role'])}"
