"""What can stand where a command takes an argument: for each placeholder in its usage, the choices.

A command's usage is the table: `[add RULE | revoke N]` offers the words `add` and `revoke`, and
what `RULE` and `N` stand for, if that is known here. Blocking: to be called in a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmrepl.executors.walls.hidden import is_secret

if TYPE_CHECKING:
    from llmrepl.config import Config
    from llmrepl.sessions.listing import Summary

SESSIONS = 50
"""How many sessions are offered, the newest."""

WORDS = 60
"""Characters of a session's first prompt."""

FRESH = 5.0
"""Seconds for which what was read of the sessions is used again."""

AGES = (("d", 86_400), ("h", 3_600), ("min", 60))


class Choice(NamedTuple):
    """Something that can stand there, and what it is. One that is `open` goes on, as `src/`."""

    text: str
    about: str = ""
    open: bool = False


class Arguments:
    """Knows the choices.

    Args:
        config: what is configured.
        environ: the environment variables.
        directory: the current one.
        others: what placeholders stand for that only others know, by what yields it.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        directory: Path,
        others: Mapping[str, Callable[[], Iterable[tuple[str, str]]]] | None = None,
    ) -> None:
        self._config = config
        self._environ = environ
        self._directory = directory
        self._read: list[Summary] = []
        self._until = 0.0
        self._kinds: Mapping[str, Callable[[str], Iterable[Choice]]] = {
            "PROVIDER/MODEL": self._models,
            "ID": self._sessions,
            "SESSION": self._sessions,
            "PATH": self.paths,
            "FILE": self.paths,
            "DIRECTORY": self._directories,
            "FORMAT": self._formats,
            "THEME": self._themes,
            "DISPLAY": self._displays,
        }
        self._others = others or {}

    def choices(self, usage: str, typed: str) -> Iterator[Choice]:
        """Yield what can stand for the last word of `typed`.

        Args:
            usage: what the command takes, as its help says it.
            typed: what follows the command's name so far.
        """
        *before, word = typed.split(" ")
        before = [earlier for earlier in before if earlier]
        offered = set()
        for form in forms(usage):
            if len(form) <= len(before) or not _fits(form, before):
                continue
            expected = form[len(before)]
            found: Iterable[Choice]
            if expected in self._others:
                found = (Choice(*known) for known in self._others[expected]())
            elif expected in self._kinds:
                found = self._kinds[expected](word)
            elif _is_placeholder(expected):
                continue
            else:
                found = (
                    Choice(name, " ".join(form[len(before) + 1 :])) for name in expected.split("|")
                )
            for choice in found:
                if choice.text not in offered:
                    offered.add(choice.text)
                    yield choice

    def _models(self, _: str) -> Iterator[Choice]:
        from llmrepl.providers.registry import BUILT_IN, FALLBACK, GROQ_DEFAULT

        if self._config.model:
            yield Choice(self._config.model, "configured")
        for session in self._summaries():
            if session.model:
                yield Choice(session.model, f"used {age(session.updated)} ago")
        for model in self._config.prices:
            yield Choice(model, "has a price of your own")
        for name in installed(self._environ):
            yield Choice(f"ollama/{name}", "installed")
        yield Choice(GROQ_DEFAULT, BUILT_IN["groq"].about)
        yield Choice(FALLBACK, BUILT_IN["demo"].about)
        for name, row in BUILT_IN.items():
            yield Choice(f"{name}/", row.about, open=True)
        for name in self._config.providers:
            yield Choice(f"{name}/", "configured", open=True)

    def _sessions(self, _: str) -> Iterator[Choice]:
        for row in self._summaries():
            yield Choice(row.id, f"{row.prompt[:WORDS] or row.state} · {age(row.updated)} ago")

    def _summaries(self) -> list[Summary]:
        if time.monotonic() >= self._until:
            from llmrepl.config.secrets import redactor_of
            from llmrepl.errors import SessionError
            from llmrepl.sessions.listing import sessions

            redactor = redactor_of(self._config, self._environ, self._directory)
            try:
                found = list(islice(sessions(self._config.sessions.directory), SESSIONS))
            except SessionError:
                found = []
            self._read = [row._replace(prompt=redactor.redact(row.prompt)) for row in found]
            self._until = time.monotonic() + FRESH
        return self._read

    def paths(self, typed: str) -> Iterator[Choice]:
        """Yield what the directory holds that `typed` leads to, but for what is usually secret."""
        folder, _, name = typed.rpartition("/")
        start = f"{folder}/" if "/" in typed else ""
        try:
            with os.scandir(self._directory / Path(start).expanduser()) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError, RuntimeError):
            return
        for entry in listed:
            if is_secret(entry.name) or entry.name.startswith(".") > name.startswith("."):
                continue
            if entry.is_dir():
                yield Choice(f"{start}{entry.name}/", "directory", open=True)
            elif entry.name.isprintable():
                yield Choice(start + entry.name)

    def _directories(self, typed: str) -> Iterator[Choice]:
        return (choice for choice in self.paths(typed) if choice.open)

    def _formats(self, _: str) -> Iterator[Choice]:
        from llmrepl.exchange.formats import FORMATS

        return (Choice(name, row.purpose) for name, row in FORMATS.items())

    def _themes(self, _: str) -> Iterator[Choice]:
        from llmrepl.config.settings import SETTINGS

        (setting,) = (setting for setting in SETTINGS if setting.key == "ui.theme")
        return map(Choice, setting.choices)

    def _displays(self, _: str) -> Iterator[Choice]:
        from importlib.metadata import entry_points

        named = {entry.name for entry in entry_points(group="llmrepl.displays")}
        return map(Choice, sorted({"auto", "plain", "json", *named}))


def forms(usage: str) -> list[list[str]]:
    """Return the forms that an argument has, each as its words: of `[add RULE | revoke N]`, two."""
    bare = usage.replace("[", " ").replace("]", " ").replace("…", " ")
    return [words for form in bare.split(" | ") if (words := form.split())]


def age(updated: int) -> str:
    """Return how long ago something was: `3 min`, `2 h`, `5 d`.

    Args:
        updated: Unix time in milliseconds.
    """
    seconds = max(0, time.time_ns() // 1_000_000 - updated) // 1000
    unit, size = next(((unit, size) for unit, size in AGES if seconds >= size), ("s", 1))
    return f"{seconds // size} {unit}"


def installed(environ: Mapping[str, str]) -> list[str]:
    """Return the models that an Ollama of this person's keeps, without asking it."""
    home = environ.get("HOME", "")
    place = environ.get("OLLAMA_MODELS") or (f"{home}/.ollama/models" if home else "")
    if not place:
        return []
    library = Path(place, "manifests", "registry.ollama.ai", "library")
    try:
        found = sorted(library.glob("*/*"))
    except OSError:
        return []
    return [f"{tag.parent.name}:{tag.name}" for tag in found if tag.name.isprintable()]


def _is_placeholder(word: str) -> bool:
    return word == word.upper()


def _fits(form: list[str], before: list[str]) -> bool:
    """Whether `before` are words that `form` begins with."""
    pairs = zip(form, before, strict=False)
    return all(_is_placeholder(known) or word in known.split("|") for known, word in pairs)
