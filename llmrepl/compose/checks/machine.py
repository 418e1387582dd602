"""Checks of what llmrepl stands on: Python, packages, the terminal, the disk."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from llmrepl.checks import Finding
from llmrepl.compose.checks.site import Installation
from llmrepl.figures import counted
from llmrepl.health import apart

LITTLE_SPACE, NO_SPACE = 100 * 2**20, 4 * 2**20
"""Bytes of free disk below which what is written is in danger, and below which it fails."""

NARROW = 40
"""Columns below which tables and questions are cut off."""

COERCED = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""What Python itself sets LC_CTYPE to as it starts, where the locale is `C`, or there is none."""

_REQUIREMENT = re.compile(r"([\w.-]+)[^(<>=!~;]*\(?([^();]*)\)?(?:;(.*))?")
_PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)


async def python(site: Installation) -> Sequence[Finding]:
    """Say which Python runs llmrepl, and whether that is one it is made for."""
    del site
    wanted = metadata("llmrepl")["Requires-Python"] or ""
    found = ".".join(map(str, sys.version_info[:3]))
    message = f"Python {found} at {sys.executable}"
    if not _fits(found, wanted):
        fix = f"install llmrepl with a Python {wanted}"
        return [Finding(status="failed", message=f"{message}; it has to be {wanted}", fix=fix)]
    return [Finding(status="ok", message=message, details={"version": found, "wanted": wanted})]


async def dependencies(site: Installation) -> Sequence[Finding]:
    """Say whether the packages that llmrepl needs are there, in versions it is made for."""
    del site
    return await apart(_dependencies)


def _dependencies() -> Sequence[Finding]:
    pins = _pins()
    found: list[Finding] = []
    versions: dict[str, str] = {}
    others: list[str] = []
    for name, wanted in _wanted():
        try:
            there = versions[name] = version(name)
        except PackageNotFoundError:
            fix = f'{sys.executable} -m pip install "{name}{wanted}"'
            found.append(Finding(status="failed", message=f"{name} is missing", fix=fix))
            continue
        if not _fits(there, wanted):
            message = f"{name} {there} is installed, and {wanted} is needed"
            fix = f'{sys.executable} -m pip install "{name}{wanted}"'
            found.append(Finding(status="failed", message=message, fix=fix))
        elif pins.get(name, there) != there:
            others.append(f"{name} {there} (tested: {pins[name]})")
    if others:
        message = f"{counted(len(others), 'package')} of another version than tested: "
        fix = f"{sys.executable} -m pip install --constraint constraints.txt llmrepl"
        found.append(Finding(status="warning", message=message + ", ".join(others), fix=fix))
    details = {"versions": versions, "llmrepl": version("llmrepl")}
    message = f"llmrepl {version('llmrepl')} with {counted(len(versions), 'package')}"
    return found or [Finding(status="ok", message=message, details=details)]


def _wanted() -> Iterator[tuple[str, str]]:
    """Yield each package that every installation needs, and the versions that are accepted."""
    for line in requires("llmrepl") or ():
        found = _REQUIREMENT.fullmatch(line)
        if found is None:
            continue
        name, wanted, marker = (text.strip() for text in found.groups(default=""))
        if "extra" in marker:
            continue
        python = re.fullmatch(r"python_version\s*(\S+)\s*[\"'](.*)[\"']", marker)
        if python and not _fits(".".join(map(str, sys.version_info[:2])), "".join(python.groups())):
            continue
        yield name.lower().replace("_", "-").replace(".", "-"), wanted


def _pins() -> Mapping[str, str]:
    """Return the versions that were tested, where this is a checkout, which has the list."""
    file = Path(__file__).parents[3] / "constraints.txt"
    return dict(_PIN.findall(file.read_text())) if file.exists() else {}


def _fits(found: str, wanted: str) -> bool:
    """Return whether a version is one of those; only whole numbers between dots are compared."""
    for part in filter(None, (text.strip() for text in wanted.split(","))):
        match = re.match(r"(>=|<=|==|!=|>|<)\s*([\d.]+)", part)
        if match and not _holds(_numbers(found), match[1], _numbers(match[2])):
            return False
    return True


def _holds(found: tuple[int, ...], sign: str, wanted: tuple[int, ...]) -> bool:
    width = max(len(found), len(wanted))
    one, other = (numbers + (0,) * (width - len(numbers)) for numbers in (found, wanted))
    return {
        ">=": one >= other,
        "<=": one <= other,
        "==": one == other,
        "!=": one != other,
        ">": one > other,
        "<": one < other,
    }[sign]


def _numbers(text: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


async def terminal(site: Installation) -> Sequence[Finding]:
    """Say what the terminal can show."""
    environ = site.environ
    shown = any(site.streams)
    name = environ.get("TERM", "")
    locale = _locale(environ)
    found = []
    if locale and not re.search(r"utf-?8", locale, re.IGNORECASE):
        message = f"the locale {locale} is not UTF-8: letters and lines will be wrong"
        found.append(Finding(status="warning", message=message, fix="export LC_ALL=C.UTF-8"))
    if name == "dumb" or (shown and not name):
        message = f"TERM is {name or 'not set'}: nothing has colour, and nothing is redrawn"
        found.append(Finding(status="warning", message=message, fix="export TERM=xterm-256color"))
    columns = shutil.get_terminal_size().columns
    if shown and columns < NARROW:
        message = f"only {columns} columns: tables are cut off"
        fix = f"make the window {NARROW} columns wide or more"
        found.append(Finding(status="warning", message=message, fix=fix))
    if found or not shown:
        return found or [Finding(status="skipped", message="there is no terminal here")]
    colour = "no colour, by NO_COLOR" if environ.get("NO_COLOR") else _colours(environ)
    details = {"term": name, "locale": locale, "columns": columns, "colour": colour}
    return [Finding(status="ok", message=f"{name}, {colour}, {columns} columns", details=details)]


def _locale(environ: Mapping[str, str]) -> str:
    """Return the locale that a person chose for letters; empty where nobody did."""
    chosen = environ.get("LC_CTYPE", "")
    if chosen in COERCED:
        chosen = ""
    return environ.get("LC_ALL") or chosen or environ.get("LANG", "")


def _colours(environ: Mapping[str, str]) -> str:
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in environ.get("TERM", "") else "8 colours"


async def disk(site: Installation) -> Sequence[Finding]:
    """Say how much room there is for what llmrepl writes."""
    places = {
        "sessions": site.settings.sessions.directory,
        "state": site.state,
        "cache": site.cache,
        "temporary files": Path(site.environ.get("TMPDIR") or tempfile.gettempdir()),
    }
    by_device: dict[int, tuple[str, Path]] = {}
    for what, place in places.items():
        there = existing(place)
        by_device.setdefault(there.stat().st_dev, (what, there))
    return [_room(what, place) for what, place in by_device.values()]


def _room(what: str, place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    measures = {"free_bytes": float(free)}
    message = f"{free // 2**20} MiB are free at {place}"
    if free >= LITTLE_SPACE:
        return Finding(status="ok", message=message, measures=measures, details={"for": what})
    return Finding(
        status="failed" if free < NO_SPACE else "warning",
        message=f"only {message}, for {what}",
        fix=f"free some space; `llmrepl sessions prune` and {place} are where to begin",
        measures=measures,
    )


def existing(directory: Path) -> Path:
    """Return `directory`, or what there is above it."""
    return next(place for place in (directory, *directory.parents) if place.exists())


def unwritable(directory: Path) -> Path | None:
    """Return where writing below `directory` would fail; None where it would not."""
    place = existing(directory)
    return None if place.is_dir() and os.access(place, os.W_OK | os.X_OK) else place
