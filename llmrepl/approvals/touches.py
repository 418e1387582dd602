"""What a block touches, as values that can be compared with rules.

Targets stand here as the block wrote them: they are untrusted text until `wording` has shown them.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("delete", "write", "network", "process", "execute", "unknown", "read")
"""Every kind of touch, in the order in which people are told of them."""

EXACT = "exact"
LIKELY = "likely"
PATTERN = "pattern"
OPEN = "open"

BARE = frozenset(
    {"timeout", "nohup", "nice", "ionice", "time", "stdbuf", "setsid", "command", "builtin", "exec"}
    | {"env", "xargs", "coproc", "find"}
)
"""What can stand before a command without changing what the command may do."""

ELEVATED = frozenset({"sudo", "doas"})
"""What runs a command as another user, who is most often root."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a block starts.

    `words` are its words without what was looked through, up to the first that only running it can
    tell; `complete` says that none is missing. `written` has in front what was looked through, and
    `through` its names (`sudo`, `env`, or `NAME=` for a variable that was set for the command).
    """

    words: tuple[str, ...]
    complete: bool = True
    written: tuple[str, ...] = ()
    through: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether what was looked through leaves the command what it is."""
        return BARE.issuperset(self.through)


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that a block touches.

    Args:
        kind: one of `KINDS`.
        target: a path, `host:port`, program or package, as it is written.
        detail: words about it; of `process` and `unknown` the beginning of their sentence.
        form: whether `target` is `exact`, `likely` (a `cd` before it must have worked), a
            `pattern` with wildcards, or `open`: known only when the block runs.
        whole: everything in the folder `target`, too.
        told: of `execute`: all that the command does is told by other touches.
        danger: a person should look at this before anything else.
        command: the command that does it, if one does.
    """

    kind: str
    target: str = ""
    detail: str = ""
    form: str = EXACT
    whole: bool = False
    told: bool = False
    danger: bool = False
    command: Command | None = None
