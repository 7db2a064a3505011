"""`pulumi-resource-socle`: run the provider of Socle's own resources."""

from __future__ import annotations

import sys

from tools.plugins.protocol import serve
from tools.plugins.provider import Provider
from tools.plugins.socle.acl_user import AclUser
from tools.plugins.socle.arrival import Arrival
from tools.plugins.socle.branch_database import BranchDatabase
from tools.plugins.socle.certificates import Authority, ServerCertificate
from tools.plugins.socle.document_server import DocumentServer
from tools.plugins.socle.env_file import EnvFile
from tools.plugins.socle.planned_database import PlannedDatabase
from tools.plugins.socle.rotation import Rotation
from tools.plugins.socle.task import Task

VERSION = "0.1.0"


def main() -> int:
    """Serve until the engine is done."""
    provider = Provider(
        "socle",
        VERSION,
        {
            "socle:secrets:EnvFile": EnvFile(),
            "socle:redis:AclUser": AclUser(),
            "socle:mongodb:DocumentServer": DocumentServer(),
            "socle:postgres:BranchDatabase": BranchDatabase(),
            "socle:postgres:PlannedDatabase": PlannedDatabase(),
            "socle:kubernetes:Task": Task(),
            "socle:kubernetes:Arrival": Arrival(),
            "socle:secrets:Authority": Authority(),
            "socle:secrets:ServerCertificate": ServerCertificate(),
            "socle:secrets:Rotation": Rotation(),
        },
    )
    return serve(provider, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
