"""Takes thousands of turns and prints what came of them: `python -m tests.soak --turns 2000`."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.soak.driving import Soak
from tests.soak.faults import FAULTS, KILLS
from tests.soak.judging import judge, missed
from tests.soak.money import PICO


def main() -> int:
    """Soak, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--faults", type=float, default=0.1, help="the part of requests that fail")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--window", type=int, default=16_000, help="tokens that the models take")
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--keep", type=Path, help="a new directory to leave everything in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = given.keep or Path(scratch) / "home"
        home.mkdir(parents=True)
        soak = Soak(home, given.turns, given.faults, given.seed, given.window, given.kills)
        soak.run()
        verdict = judge(soak)
    money, write = verdict.ledger, sys.stdout.write
    write(f"{given.turns} turns in {soak.seconds:.0f} s, seed {given.seed}\n\nFaults\n")
    for kind in (*FAULTS, *KILLS):
        write(f"  {soak.reasons[kind]:5d}  {kind}\n")
    write("\nTurns\n")
    for reason, count in verdict.outcomes.most_common():
        write(f"  {count:5d}  {reason}\n")
    write(
        f"  {verdict.blocks:5d}  blocks in the sandbox\n"
        f"  {verdict.compactions:5d}  summaries\n\nCalls\n"
        f"  {verdict.requests:,} requests in the services' books, {verdict.attempts:,} in the log\n"
        f"  {verdict.told:,} told their counts, {verdict.estimated:,} had to be estimated\n"
        f"  tokens of those told   ↑ {verdict.served.input_tokens:,}"
        f" ↓ {verdict.served.output_tokens:,} in the books,"
        f" ↑ {verdict.logged.input_tokens:,} ↓ {verdict.logged.output_tokens:,} in the log\n"
        f"  {verdict.kept:,} in the usage database, with {soak.killed} kills\n"
        f"\nLedger\n"
        f"  {money.counted:5,} calls that a service has counted:"
        f" ${money.booked / PICO:.6f} in the books, ${money.charged / PICO:.6f} in the ledger\n"
        f"  {money.refused:5,} refused, $0\n"
        f"  {money.estimated:5,} broken off, which nobody has counted:"
        f" ${money.estimates / PICO:.6f} by our estimate\n"
        f"  {money.unarrived:5,} that no service has seen\n"
        f"  {money.lost:5,} summaries lost in a kill\n"
    )
    write("\nMemory\n   turn      log      rss  fds  tasks  threads  children\n")
    for look in soak.looks:
        write(
            f"  {look.turns:5d} {look.log / 1e6:5.2f} MB {look.rss / 1e6:5.1f} MB"
            f" {look.fds:4d} {look.tasks:6d} {look.threads:8d} {look.children:9d}\n"
        )
    if missing := missed(soak):
        write(f"\nThese have not happened: {', '.join(missing)}\n")
    write("".join(f"\nWRONG {problem}" for problem in verdict.wrong[:40]) or "\nAll is well.")
    write("\n")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
