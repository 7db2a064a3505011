"""promtool, built from its module where it isn't there yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import toolchain


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The program. The first use on a machine builds it, in some minutes."""
    return toolchain.binary("promtool")
