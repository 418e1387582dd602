"""A machine with something to show on the dashboards and in the settings, and ways to look at it.

UPDATE_SCREENS=1 writes the screens on file anew.
"""

import asyncio
import os
import re
import shutil
import time
from decimal import Decimal
from pathlib import Path

from llmrepl.accounting.charges import Charge
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.audit.log import AuditLog
from llmrepl.checks import Finding
from llmrepl.config.paths import audit_directory, usage_database
from llmrepl.health import Outcome
from llmrepl.usage import Cost, Usage
from llmrepl_textual.tests.host import PATIENCE, full_screen, lines, until

FILES = Path(__file__).parent / "screens"
SESSIONS = Path(__file__).parents[3] / "sessions" / "golden"
SIZES = ((80, 24), (120, 40), (60, 20))

NOW = 1_768_910_400
"""2026-01-20, noon, in UTC."""

DAY = 86_400
PRICES = re.compile(r"prices: genai-prices [\s\S]*?of its day")


def in_utc(monkeypatch):
    """Let the machine's clock show UTC."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("USER", "ada")
    time.tzset()


def charged(machine):
    """Let calls of three weeks stand in the ledger."""
    ledger = Ledger(usage_database(os.environ), lambda _: None)
    seq = 0
    for day in range(20):
        for number in range(day % 4):
            seq += 1
            model = ("tea", "milk")[number % 2]
            usage = Usage(1_000 * (day + 1), 100 * (number + 1), cache_read=400)
            cost = Cost(input=Decimal(day + 1) / 100, output=Decimal(number + 1) / 100)
            status = "error" if day == 11 and number == 2 else "ok"
            at = (NOW - day * DAY) * 1000
            charge = Charge(seq, at, "groq", model, usage=usage, cost=cost, status=status, ms=900.0)
            spender = Spender(f"s{day % 3}", str(machine.project), "ada")
            ledger.add(spender, [charge])
    unpriced = Charge(900, (NOW - DAY) * 1000, "local", "herb", usage=Usage(500, 50))
    ledger.add(Spender("s0", str(machine.project), "ada"), [unpriced])
    ledger.close()


def audited(count=6):
    """Let entries stand in the audit log, a minute apart, the last of them now."""
    made = AuditLog(audit_directory(os.environ))
    kinds = (
        ("tool.started", {"call_id": "1.1.1", "language": "bash", "first_line": "make all"}),
        ("tool.finished", {"call_id": "1.1.1", "status": "timeout", "ms": 20_000.0}),
        ("network.requested", {"host": "example.org", "port": 443, "decision": "deny"}),
    )
    for number in range(count):
        kind, data = kinds[number % 3]
        at = (NOW - 60 * (count - 1 - number)) * 1000
        made.append(kind, {"session": f"tea-{number % 2}", **data}, at)
    made.close()


def recorded(machine, *names):
    """Save recorded sessions on the machine."""
    machine.sessions.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SESSIONS / "blobs", machine.sessions / "blobs", dirs_exist_ok=True)
    for name in names:
        shutil.copy(SESSIONS / f"{name}.jsonl", machine.sessions)


def configured(machine, own="", project=""):
    """Write the person's configuration file, and the project's."""
    file = machine.home / ".config" / "llmrepl" / "config.toml"
    file.parent.mkdir(mode=0o700, parents=True)
    file.write_text(own)
    file.chmod(0o600)
    if project:
        (machine.project / ".llmrepl.toml").write_text(project)
    return file


OUTCOMES = [
    Outcome("configuration", Finding(status="ok", message="built-in defaults, no files"), 1.2),
    Outcome(
        "python",
        Finding(status="ok", message="3.11.7", details={"lines": ["/usr/bin/python3"]}),
        140.0,
    ),
    Outcome(
        "disk",
        Finding(
            status="warning",
            message="others can write into the data directory",
            fix="chmod 700 it",
            repair=lambda: "it has mode 0700 now",
        ),
        3.0,
    ),
    Outcome(
        "provider",
        Finding(
            status="failed",
            subject="groq/tea",
            message="the service refused the key",
            fix="llmrepl config set-key groq",
        ),
        812.0,
    ),
    Outcome("keyring", Finding(status="skipped", message="nothing is kept in the keyring"), 0.2),
]


def play(desk, plays, size=(100, 30)):
    """Run `plays(pilot, desk)` on the full screen."""

    async def run():
        async with full_screen(desk, size=size) as pilot:
            await asyncio.wait_for(desk.assembly.warming, PATIENCE)  # which is audited
            await plays(pilot, desk)

    asyncio.run(run())


async def opened(pilot, key, number=1):
    """Show a pane of a screen, wait until it has read what it shows, and return it."""
    await pilot.press(key)
    view = pilot.app.screen
    await until(pilot, lambda: view._begun)
    await pilot.press(str(number))
    pane = view.pane
    await settled(pilot, pane)
    return pane


async def settled(pilot, pane):
    """Wait until nothing goes on in a pane."""
    await pilot.pause()
    await until(pilot, lambda: not pane.busy)
    await pilot.pause()


def looks(pilot, name):
    """Assert that the screen shows what is on file for its size, without what versions decide."""
    columns, rows = pilot.app.size
    file = FILES / f"{name}-{columns}x{rows}.txt"
    shown = PRICES.sub("prices: PRICES", "\n".join([*lines(pilot)[:-1], ""]))
    if os.environ.get("UPDATE_SCREENS"):
        file.write_text(shown)
    assert shown == file.read_text()


async def filtered(pilot, pane, words):
    """Type a filter, and wait until what it chooses is shown."""
    await pilot.press("slash")
    pilot.app.focused.value = words
    await pilot.press("enter")
    await settled(pilot, pane)
