"""The rules in force, and where they are kept.

The person's own are lines of a text file that is replaced in one step; a project's can only make
things stricter; those of a session end with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from llmrepl.approvals.rules import PROJECT_EFFECTS, Rule, parse_rules
from llmrepl.config.editing import replace_file
from llmrepl.errors import ConfigError

OPENING = "# Rules for what runs without a question: /permissions in the chat."


class Entry(NamedTuple):
    """A rule, and where it stands: `always`, `session` or `project`."""

    rule: Rule
    source: str


class Rulebook:
    """The rules of one chat.

    Args:
        file: the person's own rules, one on each line; it need not exist.
        project: the file of the project's rules, which is read once.

    Raises:
        ConfigError: a line is no rule, or the file cannot be read.
    """

    def __init__(self, file: Path, project: Path | None = None) -> None:
        self._file = file
        text = self._read(project) if project else ""
        self._project = parse_rules(text, str(project), effects=PROJECT_EFFECTS)
        self._session: list[Rule] = []
        self._always = parse_rules(self._read(self._file), str(file))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule in force."""
        return (*self._project, *self._always, *self._session)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every rule and where it stands, in the order in which people are shown them."""
        sources = (
            ("project", self._project),
            ("always", self._always),
            ("session", self._session),
        )
        return tuple(Entry(rule, source) for source, rules in sources for rule in rules)

    def add(self, rule: Rule, *, always: bool = True) -> None:
        """Add a rule, unless it is there already.

        Args:
            rule: the rule.
            always: keep it in the file; else it ends with this session.

        Raises:
            ConfigError: the file cannot be written, or holds what is no rule.
        """
        if not always:
            self._session += [] if rule in self._session else [rule]
            return
        text = self._read(self._file)  # another chat may have added something
        rules = parse_rules(text, str(self._file))
        if rule not in rules:
            lines = text.removesuffix("\n") or OPENING
            replace_file(self._file, f"{lines}\n{rule}\n")
        self._always = (*rules, *(() if rule in rules else (rule,)))

    def revoke(self, entry: Entry) -> None:
        """Take a rule back; other lines of the file stay as they are.

        Raises:
            ConfigError: it is the project's, or the file cannot be written.
        """
        if entry.source == "session":
            self._session.remove(entry.rule)
            return
        if entry.source == "project":
            raise ConfigError(
                f"{entry.rule} is a rule of the project", hint="its file can be edited"
            )
        lines = self._read(self._file).splitlines(keepends=True)
        kept = [line for line in lines if parse_rules(line, str(self._file)) != (entry.rule,)]
        replace_file(self._file, "".join(kept))
        self._always = parse_rules("".join(kept), str(self._file))

    def _read(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the rules in {file}: {error}") from error
