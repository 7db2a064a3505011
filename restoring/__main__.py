"""`python -m restoring before | after | drill`: what the pod is for; the plan is in SOCLE_PLAN.

Ends with 0 where it is proven, with 65 where it is proven not to be (trying again is of no use), else with 1.
"""

from __future__ import annotations

import argparse
import os
import sys

from restoring import drilling, plan, proof

FELL_SHORT = 65
"""EX_DATAERR: https://man.freebsd.org/cgi/man.cgi?query=sysexits."""


def main(words: list[str]) -> int:
    """Do what the first of `words` says."""
    parser = argparse.ArgumentParser(prog="restoring", description=__doc__)
    parser.add_argument("what", choices=("before", "after", "drill"))
    what = parser.parse_args(words).what
    document = plan.read(os.environ)
    try:
        if what == "drill":
            return 0 if drilling.run(plan.drill(document), {}, _say) else FELL_SHORT
        if what == "before":
            proof.before(plan.restore(document))
        else:
            _say(f"The restore is proven: {proof.after(plan.restore(document), {})}.")
    except proof.ShortError as error:
        _say(str(error))
        return FELL_SHORT
    except proof.UnansweredError as error:
        _say(str(error))
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
