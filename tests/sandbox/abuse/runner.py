"""Plays cases by name: one on each line of standard input, what came of it on each line of output.

A process of its own, so that the same cases are played as root and as anybody else.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback

from tests.sandbox.abuse.stage import Stage
from tests.sandbox.abuse.suite import BY_NAME


def main() -> None:
    """Play what is asked for; at the end of input, say what is left."""
    os.umask(0o022)
    stage = Stage()
    for line in sys.stdin:
        began = time.perf_counter()
        try:
            problems, seen = stage.play(BY_NAME[line.strip()])
        except Exception:  # noqa: BLE001 - whatever it is, it is told to the test
            problems, seen = [traceback.format_exc()], []
        _say(problems, seen, time.perf_counter() - began)
    _say(stage.close(), [], 0.0)


def _say(problems: list[str], seen: list[str], seconds: float) -> None:
    told = {"problems": problems, "seen": seen, "seconds": round(seconds, 3)}
    print(json.dumps(told), flush=True)  # noqa: T201 - it is how it answers


if __name__ == "__main__":
    main()
