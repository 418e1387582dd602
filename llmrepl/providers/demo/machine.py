"""The machine as the sandbox shows it: disk, memory, processor, processes, uptime, versions."""

from __future__ import annotations

import re
from collections.abc import Callable

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.results import Result
from llmrepl.providers.demo.skill import Block, Skill, Steps, skill
from llmrepl.providers.demo.wording import code, count, number, size

_DISK = "df -Pk ."

_MEMORY = """\
with open("/proc/meminfo") as file:
    for line in file:
        if line.startswith(("MemTotal", "MemAvailable", "SwapTotal")):
            print(line.strip())"""

_PROCESSES = """\
import os
for pid in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
    try:
        with open(f"/proc/{pid}/comm") as file:
            print(f"{pid}:", repr(file.read().strip()))
    except OSError:
        pass"""

_UPTIME = """\
import time
with open("/proc/uptime") as file:
    print("seconds:", file.read().split()[0])"""

_SYSTEM = """\
import os, platform, sys
print("python:", sys.version.split()[0])
print("system:", platform.system(), platform.release())
print("machine:", platform.machine())
print("processors:", len(os.sched_getaffinity(0)))
print("directory:", repr(os.getcwd()))"""


def disk(result: Result) -> str:
    """Tell the space on the disk of the working directory."""
    fields = result.lines[-1].split() if result.lines else []
    wanted = [int(field) * 1024 for field in fields[1:4] if field.isdecimal()]
    if len(wanted) != 3:  # noqa: PLR2004 - all, used and free
        return "I could not read what `df` printed."
    total, used, free = map(size, wanted)
    return f"The disk of the working directory has **{free} free** of {total}; {used} are used."


def memory(result: Result) -> str:
    """Tell the memory of the machine."""
    fields = [line.split() for line in result.lines]
    found = {name.strip(":"): int(amount) * 1024 for name, amount, *_ in fields}
    if "MemTotal" not in found:
        return "This sandbox does not show the machine's memory."
    free = size(found.get("MemAvailable", 0))
    return f"The machine has **{free} of memory available** out of {size(found['MemTotal'])}."


def processes(result: Result) -> str:
    """Tell the processes the sandbox has."""
    shown = ", ".join(code(line.partition(": ")[2].strip("'\"")) for line in result.lines[:8])
    seen = count(len(result.lines), "process", "processes")
    return f"I see {seen}, those of the sandbox alone where it has its own: {shown}."


def uptime(result: Result) -> str:
    """Tell how long the machine has been up."""
    seconds = float(result.facts.get("seconds", "0"))
    days, rest = divmod(int(seconds), 86_400)
    hours, minutes = divmod(rest // 60, 60)
    return f"The machine has been up for **{days} d {hours} h {minutes} min**."


def system(result: Result) -> str:
    """Tell what system and Python there are."""
    facts = result.facts
    processors = count(int(number(facts.get("processors", "1"))), "processor")
    return (
        f"Python **{facts.get('python', '?')}** on {facts.get('system', '?')}"
        f" ({facts.get('machine', '?')}) with {processors}, in"
        f" {code(facts.get('directory', '?').strip(chr(39)))}."
    )


def _asking(
    source: str, tell: Callable[[Result], str], language: str = "python"
) -> Callable[[re.Match[str], Turn], Steps | None]:
    """Return a start for steps that run `source` once and tell its result."""

    def steps() -> Steps:
        return tell((yield Block(source, "Let me look.", language)))

    def start(_: re.Match[str], turn: Turn) -> Steps | None:
        names_a_file = re.search(r"\w\.[a-z]", turn.ask, re.IGNORECASE)
        return None if names_a_file else steps()

    return start


SKILLS: tuple[Skill, ...] = (
    skill(
        r"\b (?:disk|disc|free\s+space|space\s+(?:is\s+)?(?:left|free)|storage|df) \b",
        _asking(_DISK, disk, "bash"),
        "how much disk space is free",
    ),
    skill(
        r"\b (?:memory|ram) \b | \A free \Z", _asking(_MEMORY, memory), "how much memory is free"
    ),
    skill(
        r"\b (?:process(?:es)?|running|ps|top) \b",
        _asking(_PROCESSES, processes),
        "which processes are running",
    ),
    skill(r"\b (?:uptime|been\s+up|booted) \b", _asking(_UPTIME, uptime), "uptime"),
    skill(
        r"""\b (?:python\s+version|version\s+of\s+python|which\s+python|what\s+python
              |operating\s+system|which\s+system|what\s+system|kernel|cpus?|processors?|cores?|uname|pwd
              |(?:working|current)\s+directory|where\s+am\s+i)\b""",
        _asking(_SYSTEM, system),
        "which Python version is this",
    ),
)
