"""The way in: `python3 tools/bootstrap.py [command...]` makes the venv when needed, then runs `tools.cli` in it.

This file alone may be read by a Python that is too old for the rest, so it stays within the grammar of Python 3.6 and
imports the project only after the check.
"""

import sys
from pathlib import Path

MINIMUM = (3, 11)


def main() -> None:
    """Check the interpreter, then hand over to `tools.venv`; never returns when all is well."""
    if sys.version_info < MINIMUM:
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit(
            "socle: Python {}.{} or newer is needed, and {} is {}.\n"
            "  → apt-get install python3.11, or make PYTHON=/path/to/python3.11".format(*MINIMUM, sys.executable, found)
        )
    # Run as a file, Python puts tools/ first on the path, where a module of ours could hide one of the library's.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from tools import venv

    venv.enter(sys.argv[1:])


if __name__ == "__main__":
    main()
