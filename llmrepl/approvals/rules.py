"""Rules for what runs without a question, and their textual form of one line each.

EFFECT LANGUAGE [SUBJECT][: PATTERN]

allow bash: git status            commands that begin with these words
allow bash exactly: rm -rf build  this command and no further word
allow any write: build/**         paths
ask any network: *.example.com    hosts, with or without a port
deny any path: ~/.ssh/**          reading, writing and deleting
ask any delete                    whatever the pattern could say
allow python                      everything in a block of Python
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from llmrepl.errors import ConfigError
from llmrepl.sanitise import clean

EFFECTS = ("allow", "ask", "deny")
LANGUAGES = ("any", "python", "bash", "tool")


class Subject(NamedTuple):
    """What a rule can be about: the kinds of touches that are such a thing, and what it means."""

    kinds: tuple[str, ...]
    meaning: str


SUBJECTS = {
    "command": Subject((), "a command that begins with these words; a tool of this name"),
    "exactly": Subject((), "this command, and no further word"),
    "path": Subject(("read", "write", "delete"), "a path, whatever is done with it"),
    "read": Subject(("read",), "a path that is read"),
    "write": Subject(("write",), "a path that is written, made or changed"),
    "delete": Subject(("delete",), "a path that is deleted or moved away"),
    "network": Subject(("network",), "a host, with or without a port"),
    "process": Subject(("process",), "a process that is ended, or left running"),
    "unknown": Subject(("unknown",), "what cannot be told"),
    "everything": Subject((), "the whole block; there is no pattern"),
}
"""Every subject. The words `command` and `everything` are left out of a rule."""

COMMANDS = frozenset({"command", "exactly"})
LONGEST = 1000
FORM = "EFFECT LANGUAGE [SUBJECT][: PATTERN], for instance: allow bash: git status"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        effect: allow, ask or deny.
        language: python, bash, tool or any.
        subject: one of `SUBJECTS`.
        pattern: the words of a command as a shell quotes them, a path with wildcards, a host, or
            the name of whatever else the subject is; "" for all of it.

    Raises:
        ConfigError: a field is not accepted.
    """

    effect: str
    language: str = "any"
    subject: str = "everything"
    pattern: str = ""

    def __post_init__(self) -> None:
        for value, accepted in (
            (self.effect, EFFECTS),
            (self.language, LANGUAGES),
            (self.subject, tuple(SUBJECTS)),
        ):
            if value not in accepted:
                raise ConfigError(
                    f"{value!r} is not known to rules", hint=f"accepted: {', '.join(accepted)}"
                )
        pattern = self.pattern
        if pattern != pattern.strip() or pattern != clean(pattern) or {"\n", "\t"} & set(pattern):
            raise ConfigError(
                f"the pattern {pattern!a} of a rule holds characters that cannot be shown",
                hint="accepted: one line without control characters or space at its ends",
            )
        if len(pattern) > LONGEST:
            raise ConfigError(
                f"the pattern of a rule has {len(pattern)} characters",
                hint=f"accepted: up to {LONGEST}",
            )
        if self.subject == "everything" and pattern:
            raise ConfigError(f"a rule about everything has the pattern {pattern!r}", hint=FORM)
        if self.subject == "exactly" and not pattern:
            raise ConfigError("a rule for exactly one command names none", hint=FORM)
        if self.subject in COMMANDS:
            object.__setattr__(self, "pattern", shlex.join(_split(pattern)))

    @property
    def words(self) -> tuple[str, ...]:
        """The words of a command rule."""
        return tuple(_split(self.pattern)) if self.subject in COMMANDS else ()

    def __str__(self) -> str:
        """Return the rule's textual form."""
        head = [self.effect, self.language]
        if self.subject not in ("everything", "command") or not self.pattern:
            head += [] if self.subject == "everything" else [self.subject]
        return " ".join(head) + (f": {self.pattern}" if self.pattern else "")


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"the command {text!r} of a rule cannot be split into words: {error}",
            hint="quotes are those of a shell",
        ) from error


def parse_rule(text: str) -> Rule:
    """Return the rule that `text` says; `str` of it says the same.

    Raises:
        ConfigError: it says none.
    """
    head, colon, pattern = text.partition(":")
    words = head.split()
    pattern = pattern.strip()
    if len(words) not in (2, 3) or (colon and not pattern):
        raise ConfigError(f"this is no rule: {text.strip()!a}", hint=f"a rule is {FORM}")
    subject = words[2] if len(words) > 2 else "command" if colon else "everything"  # noqa: PLR2004
    return Rule(words[0], words[1], subject, pattern)


def parse_rules(text: str, source: str, *, effects: Iterable[str] = EFFECTS) -> tuple[Rule, ...]:
    """Return the rules of a text with one on each line; empty lines and `#` comments are none.

    Args:
        text: the lines.
        source: where they stand, for messages.
        effects: which effects are accepted there: a project may say `ask` and `deny` alone.

    Raises:
        ConfigError: a line is no rule, or has another effect; the message names the line.
    """
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            rule = parse_rule(line)
        except ConfigError as error:
            raise ConfigError(f"{source}:{number}: {error.message}", hint=error.hint) from error
        if rule.effect not in effects:
            raise ConfigError(
                f"{source}:{number}: a rule there cannot {rule.effect}: {rule}",
                hint=f"accepted there: {', '.join(effects)}; allow it yourself with /permissions",
            )
        rules.append(rule)
    return tuple(rules)


PROJECT_EFFECTS = ("ask", "deny")
"""What a project's rules may do: it can make llmrepl stricter, and never the reverse."""
