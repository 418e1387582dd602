"""A process that makes calls within a budget, as it is told line by line; for the tests of it."""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path

from llmrepl.accounting.charges import Charge
from llmrepl.accounting.ledger import Ledger, Periods, Spender
from llmrepl.budgets import Asked, Budget
from llmrepl.usage import Cost

TODAY = Periods(now=2_000, day=1_000, month=1_000)


def spend(job):
    """Make calls; each sends, is bounded by and answers so many cents."""
    ledger = Ledger(Path(job["path"]))
    budget = Budget(job["scope"], Decimal(job["budget"]) / 100)
    spender = Spender(job["session"], "/tea", "ada")
    made, refused = 0, 0
    for number, (sent, most, said, capped) in enumerate(job["calls"], 1):
        least = Decimal(sent) / 100
        asked = Asked(least, None if most is None else least + Decimal(most) / 100, capped)
        while True:
            verdict, held = ledger.hold(spender, [budget], asked, TODAY)
            if verdict.word != "wait":
                break
            time.sleep(0.001)
        if verdict.word == "stop":
            refused += 1
            continue
        made += 1
        cost = Cost(least, Decimal(said) / 100)
        charge = Charge(number, TODAY.now, "groq", "tea", cost=cost)
        ledger.settle(held, spender, [charge])
        ledger.add(spender, [charge])  # as one who reads the session later would
    ledger.close()
    return {"made": made, "refused": refused}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(spend(json.loads(line))) + "\n")
        sys.stdout.flush()
