"""Verifies all recorded sessions again and again: `python -m tests.replaying.repeat --times 100`.

Every run is a process of its own with fresh sandboxes. It prints what diverged, and figures.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.cli.machine import Machine
from tests.replaying.recording import SESSIONS


def main():
    """Run them; the exit code is 1 if anything diverged."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100, metavar="N")
    times = parser.parse_args().times
    paths = sorted(SESSIONS.glob("*/*.jsonl"))
    counts, seconds = Counter(), []
    with tempfile.TemporaryDirectory(prefix="llmrepl-repeat-") as directory:
        machine = Machine(Path(directory))
        for number in range(1, times + 1):
            began = time.perf_counter()
            ran = machine.run("verify", "--json", "--fail-on-divergence", *paths, patience=600)
            seconds.append(time.perf_counter() - began)
            reports = [json.loads(line) for line in ran.lines]
            wrong = [r for r in reports if r["problem"] or r["diverged"] or r["estranged"]]
            counts["runs that failed"] += bool(ran.code or wrong or len(reports) < len(paths))
            counts["calls the same"] += sum(report["same"] for report in reports)
            counts["calls diverged"] += sum(report["diverged"] for report in reports)
            counts["calls not run"] += sum(report["not_run"] for report in reports)
            for report in wrong:
                say(f"run {number}: {json.dumps(report, ensure_ascii=False)}")
            if ran.err:
                say(f"run {number}: {ran.err}")
    say(f"{times} runs of {len(paths)} sessions, {min(seconds):.1f} to {max(seconds):.1f} s each")
    for name, count in counts.items():
        say(f"{count:6} {name}")
    return 1 if counts["runs that failed"] else 0


def say(text):
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
