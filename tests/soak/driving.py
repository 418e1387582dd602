"""Drives a soak: tells the session what to do, lets things go wrong, and looks at what it holds."""

import json
import os
import queue
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.faults import FAULTS, KILLS, Fault, Then
from tests.soak.services import BLOCKS, PROVIDERS, WELL, Services

ROOT = Path(__file__).parents[2]
CHAIN = [f"{name}/soak" for name in PROVIDERS]
MODES = ("main", "fast", *CHAIN)
"""Whom the person talks to, in turn: all in a chain, all as equals, and each alone."""

SENT, RECEIVED = 1.0, 2.0
"""US dollars for a million tokens."""

SILENCE = 2.0
"""Seconds after which a silent service is given up."""

LONGEST = 60.0
"""Seconds after which a turn counts as lost."""

EARLY, LATE = 0.2, 0.95
"""The session is killed in the first and in the last part of its turns, and measured between."""

GO_ON = 0.5
"""How often a person says /continue after a turn that was broken off."""


@dataclass
class Look:
    """What the process held, after so many turns."""

    turns: int
    log: int
    told: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.told[name]


@dataclass
class Soak:
    """A soak: how many `turns`, the part of the requests that fail, and what decides all of it.

    `window` is how many tokens the models take at once. `kills` are in early and in late turns.
    `patience` is how many seconds a step may wait for busy models: from 1 on, those that do not say
    how long are asked again, too.
    """

    home: Path
    turns: int
    faults: float
    seed: int
    window: int = 16_000
    kills: int = 6
    patience: float = 1.2
    reasons: Counter[str] = field(default_factory=Counter)
    looks: list[Look] = field(default_factory=list)
    killed: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.services = Services(self.dice, self._asked)
        self._deck: list[str] = []
        self._away = False
        self._kill = ""
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._pending: Then | None = None
        self._process: subprocess.Popen[bytes] | None = None
        late = self.kills // 3
        early = range(2, max(4, int(self.turns * EARLY)))
        last = range(int(self.turns * LATE) + 1, self.turns + 1)
        killed = self._some(early, self.kills - late) + self._some(last, late)
        kinds = self.dice.sample([*KILLS], len(KILLS)) * self.kills
        self._kills = dict(zip(killed, kinds, strict=False))

    def _some(self, turns: range, count: int) -> list[int]:
        return sorted(self.dice.sample(turns, min(count, len(turns))))

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the session."""
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
            "LLMREPL_MODELS_PATIENCE": str(self.patience),
            "LLMREPL_CONTEXT_WINDOW": str(self.window),
            "LLMREPL_APPROVAL": "auto",
        }

    @property
    def log(self) -> Path:
        """The session's file."""
        return self.home / ".local/share/llmrepl/sessions/soak.jsonl"

    def run(self) -> None:
        """Take all turns; the services' books and the session's files say what came of them."""
        began = time.monotonic()
        self._configure()
        try:
            self._start()
            for number in range(1, self.turns + 1):
                self._choose(number)
                self._turn(number)
                if number in self._watched:
                    self._look(number)
            self._look(self.turns)
            self._end()
        finally:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self.services.close()
        self.seconds = time.monotonic() - began

    @property
    def _watched(self) -> set[int]:
        return {int(self.turns * part) for part in (0.25, 0.5, 0.75, LATE)}

    def _configure(self) -> None:
        settings = self.home / ".config/llmrepl/config.toml"
        settings.parent.mkdir(parents=True)
        (self.home / "project").mkdir()
        lines = ["[models]", f"main = {json.dumps(CHAIN)}", f"fast = {json.dumps([CHAIN])}"]
        for name in PROVIDERS:
            lines += [f"[providers.{name}]", f'base_url = "{self.services.url(name)}"']
            lines += ['api_key = "sk_of_the_soak"', f"timeout = {SILENCE}"]
            lines += [f'[prices."{name}/soak"]', f"input = {SENT}", f"output = {RECEIVED}"]
        settings.write_text("\n".join(lines))
        settings.chmod(0o600)

    # The session's process

    def _start(self) -> None:
        narrated = (self.home / "narrated").open("ab")
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.life"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=narrated,
            env=self.environ,
            cwd=self.home / "project",
        )
        narrated.close()
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        if self._until("ready")["unfinished"]:
            self._do("resume")

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._events.put(json.loads(line))
        process.stdout.close()
        self._events.put({"at": "ended"})

    def _say(self, order: str, argument: str = "") -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({order: argument}).encode() + b"\n")
        self._process.stdin.flush()

    def _do(self, order: str, argument: str = "") -> dict[str, Any]:
        """Have something done; where the process is killed meanwhile, another goes on with it."""
        self._say(order, argument)
        return self._until("done")

    def _until(self, wanted: str) -> dict[str, Any]:
        while True:
            event = self._events.get(timeout=LONGEST)
            match event["at"]:
                case "ended":
                    raise AssertionError(f"the session ended: {self._narrated()}")
                case "asked":
                    self._pending = event["then"]
            due = self._pending
            if due is not None and event["at"] == ("asked" if due.at == "soon" else due.at):
                self._pending = None
                if due.what == "kill":
                    if due.at == "soon":
                        time.sleep(self.dice.uniform(0, 0.03))
                    return self._killed()
                self._say("cancel")
            if event["at"] == wanted:
                self._pending = None
                return event

    def _killed(self) -> dict[str, Any]:
        """Kill the process, and go on in another one."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        while self._events.get(timeout=LONGEST)["at"] != "ended":
            pass
        self.killed += 1
        self._start()
        return {"at": "done", "reason": "killed"}

    def _narrated(self) -> str:
        return (self.home / "narrated").read_text()[-3000:]

    def _end(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(LONGEST) == 0, self._narrated()
        assert not self._narrated(), self._narrated()

    # What it is told to do

    def _choose(self, number: int) -> None:
        """Talk to somebody else, from time to time."""
        every = max(3, self.turns // 50)
        self._mode = MODES[number // every % len(MODES)]
        if number % every == 0:
            self._do("model", self._mode)

    def _turn(self, number: int) -> None:
        services = self.services
        services.turn = number
        services.block = self.dice.random() < BLOCKS
        services.due = self._due
        self._kill = self._kills.get(number, "")
        away, self._away = self._away, False
        name = self._mode.partition("/")[0] if "/" in self._mode else PROVIDERS[0]
        if away:
            self.reasons["connection refused"] += 1
        with services.away(name) if away else nullcontext():
            reason = self._do("turn", f"Turn {number}: tell me about it.")["reason"]
        if reason in ("error", "cancelled") and self.dice.random() < GO_ON:
            self._do("goon")

    def _due(self, compact: bool) -> tuple[str, Fault]:
        """Return what goes wrong with a request: mostly nothing."""
        if self._kill and not compact:
            kind, self._kill = self._kill, ""
            return kind, KILLS[kind]
        if self.dice.random() >= self.faults:
            return "", WELL
        if not self._deck:
            self._deck = self.dice.sample([*FAULTS], len(FAULTS))
        kind = self._deck.pop()
        fault = FAULTS[kind]
        if compact and fault.then is not None and fault.then.at != "asked":
            self._deck.insert(0, kind)  # a summary has no such moment
            return "", WELL
        if fault.away:
            self._away = True  # in the next turn
            return "", WELL
        return kind, fault

    def _asked(self, kind: str, fault: Fault) -> None:
        if kind:
            self.reasons[kind] += 1
        self._events.put({"at": "asked", "then": fault.then})

    def _look(self, number: int) -> None:
        told = self._do("look")
        self.looks.append(Look(number, self.log.stat().st_size, told))
