"""Which files there are, and what each is called: one small file for each model.

Only where a model lies is kept, and what its header says; the model itself stays where it is.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from llmrepl.errors import ConfigError
from llmrepl_local.facts import Facts, read_facts
from llmrepl_local.gguf import NotGguf

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}")
NAMES = "letters, digits and . _ : + -, up to 100"
PART = re.compile(r"-\d{5}-of-\d{5}$")
"""The end of the name of a file that is a part of a model."""

ENDING = ".json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model: its name here, its file, and the facts about it; `problem` says why it is none."""

    name: str
    file: Path
    size: int
    facts: Facts
    problem: str = ""


class Shelf:
    """The models that a person has added.

    Args:
        directory: where it is kept; made when the first model is added.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, file: Path, name: str = "") -> Entry:
        """Add the model in a file.

        Args:
            file: a GGUF file; of a model in several, the first.
            name: what to call it; empty for the file's name without its ending.

        Raises:
            ConfigError: the file holds no model, or the name is taken or cannot be one.
        """
        file = file.expanduser().absolute()
        facts, status = _facts_of(file)
        name = name or _name_for(file)
        if not NAME.fullmatch(name):
            raise ConfigError(f"a model cannot be called {name!r}", hint=f"accepted: {NAMES}")
        entry = Entry(name, file, status.st_size, facts)
        kept = {
            "file": str(file),
            "size": status.st_size,
            "changed": status.st_mtime_ns,
            "facts": asdict(facts),
        }
        self._keep(entry, kept)
        return entry

    def _keep(self, entry: Entry, kept: Mapping[str, Any]) -> None:
        place = self._place(entry.name)
        draft = place.with_name(f".{entry.name}.{token_hex(4)}")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
            try:
                os.link(draft, place)  # which fails where there is one, whoever was faster
            finally:
                draft.unlink()
        except FileExistsError:
            other = _read(place).get("file", "another file")
            raise ConfigError(
                f"the name {entry.name} is taken by {other}",
                hint=f"choose another with --name, or free it: llmrepl models remove {entry.name}",
            ) from None
        except OSError as error:
            raise ConfigError(f"{place} cannot be written: {error.strerror}") from None

    def remove(self, name: str) -> Path:
        """Forget a model, leaving its file alone; return where that is.

        Raises:
            ConfigError: there is none of this name.
        """
        if not NAME.fullmatch(name):
            raise self.lacks(name)
        place = self._place(name)
        file = Path(str(_read(place).get("file", "")))
        try:
            place.unlink()
        except FileNotFoundError:
            raise self.lacks(name) from None
        except OSError as error:
            raise ConfigError(f"{place} cannot be removed: {error.strerror}") from None
        return file

    def find(self, name: str) -> Entry:
        """Return a model, whose file has been looked at again if it has changed.

        Raises:
            ConfigError: there is none of this name, or its file is not what it was.
        """
        found = self._entry(name) if NAME.fullmatch(name) else None
        if found is None:
            raise self.lacks(name)
        if found.problem:
            again = f"llmrepl models remove {name}; llmrepl models add FILE --name {name}"
            raise ConfigError(found.problem, hint=f"put it back, or name another: {again}")
        return found

    def entries(self) -> Sequence[Entry]:
        """Return all models by name, those included whose file is not there any more."""
        try:
            names = sorted(place.stem for place in self._directory.glob(f"[!.]*{ENDING}"))
        except OSError:
            return ()
        return [entry for name in names if (entry := self._entry(name))]

    def lacks(self, name: str) -> ConfigError:
        """Return the error for a name that nobody has."""
        names = ", ".join(entry.name for entry in self.entries())
        has = f"there are: {names}" if names else "llmrepl models add FILE adds one"
        return ConfigError(f"there is no model file called {name!r}", hint=has)

    def _place(self, name: str) -> Path:
        return self._directory / f"{name}{ENDING}"

    def _entry(self, name: str) -> Entry | None:
        kept = _read(self._place(name))
        try:
            file, size, facts = Path(kept["file"]), int(kept["size"]), Facts(**kept["facts"])
        except (KeyError, TypeError, ValueError):
            return None
        try:
            status = file.stat()
            if (status.st_size, status.st_mtime_ns) != (size, kept.get("changed")):
                facts, status = _facts_of(file)
        except OSError as error:
            return Entry(name, file, size, facts, _problem(file, error))
        except ConfigError as error:
            return Entry(name, file, size, facts, error.message)
        return Entry(name, file, status.st_size, facts)


def _facts_of(file: Path) -> tuple[Facts, os.stat_result]:
    accepted = "accepted: a GGUF file with a language model, complete"
    if stat.S_ISFIFO(mode := _mode_of(file)) or stat.S_ISDIR(mode):  # opening a pipe would wait
        what = "directory" if stat.S_ISDIR(mode) else "pipe"
        raise ConfigError(f"{file} is no file but a {what}", hint=accepted)
    try:
        return read_facts(file), file.stat()
    except NotGguf as problem:
        raise ConfigError(f"{file} {problem}", hint=accepted) from None
    except OSError as error:
        raise ConfigError(_problem(file, error)) from None


def _mode_of(file: Path) -> int:
    try:
        return file.stat().st_mode
    except OSError:
        return 0


def _problem(file: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no file {file}"
    return f"{file} cannot be read: {error.strerror}"


def _name_for(file: Path) -> str:
    stem = file.stem if file.suffix.lower() == ".gguf" else file.name
    return re.sub(r"[^A-Za-z0-9._:+-]+", "-", PART.sub("", stem)).lstrip("._:+-")[:100]


def _read(place: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
