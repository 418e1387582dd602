"""What a session's blocks may touch and use: plain values, and their description in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmrepl.executors.network.words import network_rule, reach
from llmrepl.executors.tiers import TIERS

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a block that does not end by itself. Sizes in bytes, times in seconds.

    `memory` holds for each process (heap) and for all together (resident). `processes` counts
    threads too. `seconds` is what a block gets that asks for no time of its own, `max_seconds` the
    most it can ask for. Of each stream `kept_output` is kept, head and tail; a block that writes
    more than `max_output` is ended. The `scratch_*` limits are for /tmp, the `home_*` ones for the
    sandbox's home directory and for /dev/shm.
    """

    memory: int = GiB
    processes: int = 64
    file_size: int = 256 * MiB
    open_files: int = 512
    seconds: float = 10.0
    max_seconds: float = 30.0
    kept_output: int = 256 * KiB
    max_output: int = 16 * MiB
    scratch_size: int = 512 * MiB
    scratch_files: int = 50_000
    home_size: int = 64 * MiB
    home_files: int = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """What the sandbox shows and allows.

    Args:
        project: the directory that blocks see, read-only, at its own absolute path and start in.
            None: they start in an empty scratch directory. `place.settle` turns a directory that
            must not be shown, such as $HOME, into None.
        scratch: a directory of this session's that blocks see as /tmp and may write. It lies in a
            directory that only this user can enter. None: a new one, removed on close.
        python: an interpreter or virtual environment to use; "" means the first of the active
            virtual environment, the project's `.venv`, `python3` on PATH and our own.
        limits: see `Limits`.
        environment: variables that blocks see in addition to the fixed ones.
        net: hosts that blocks reach through a proxy; see `allowlist.parse`. Empty: no network.
        note: why there is no project, in a few words, where there is none.
        copy_on_write: whether blocks may write the project as they see it, which is a copy: what
            they write goes to a layer of its own until a person applies it.
        read_only_because: why there is no such layer where one was asked for, in a few words.
        write: directories that blocks write for real, but for what is protected in them; see
            `place.PROTECTED`.
        closed: directories of our own, none of which may be among those.
        quarantine: where protected files go that a block made there; None: with the session's
            temporary files, which end with it.
        tier: what keeps blocks to all this, by its name in `tiers.TIERS`.
    """

    project: Path | None = None
    scratch: Path | None = None
    python: str = ""
    limits: Limits = Limits()
    environment: Mapping[str, str] = field(default_factory=dict)
    net: tuple[str, ...] = ()
    note: str = ""
    copy_on_write: bool = False
    read_only_because: str = ""
    write: tuple[Path, ...] = ()
    closed: tuple[Path, ...] = ()
    quarantine: Path | None = None
    tier: str = "auto"

    @property
    def writes_project(self) -> bool:
        """Whether blocks write the project itself, not a copy."""
        project = self.project
        return project is not None and any(project.is_relative_to(top) for top in self.write)

    @property
    def unsandboxed(self) -> bool:
        """Whether nothing keeps blocks from what the person can do."""
        return not TIERS[self.tier].walls


def summary(policy: Policy) -> str:
    """Return in a few words what blocks may touch."""
    tier = TIERS[policy.tier]
    if not tier.walls:
        return f"{tier.title}: blocks can do whatever you can"
    if not tier.namespaces:
        shown = f"reads {policy.project}" if policy.project else "no project"
        return f"{tier.title}: {shown}; writes only $SCRATCH; no network"
    real = [f"{top} for real" for top in policy.write]
    if policy.copy_on_write or policy.writes_project:
        copy = [f"a copy of {policy.project}"] if policy.copy_on_write else []
        return f"writes {', '.join([*copy, *real])}, and /tmp; {reach(policy.net)}"
    if policy.project is None:
        shown = f"no project ({policy.note})" if policy.note else "no project"
    else:
        why = f" ({policy.read_only_because})" if policy.read_only_because else ""
        shown = f"reads {policy.project}{why}"
    return f"{shown}; writes only {', '.join(['/tmp', *real])}; {reach(policy.net)}"


def rules(policy: Policy) -> tuple[str, ...]:
    """Return the rules as sentences, for the model and for the person."""
    limits = policy.limits
    tier = TIERS[policy.tier]
    if not tier.namespaces:
        start = "the scratch" if policy.project is None else f"the project {policy.project}"
        place = f"The working directory is {start}."
    elif policy.project is None:
        place = "There is no project directory; blocks start in /tmp, which is empty at first."
    else:
        place = (
            f"The project {policy.project} is the working directory. {_project(policy)} Files"
            f" that usually hold secrets (.env, *.pem, .netrc and the like) cannot be read."
        )
    time = (
        f"A block may take {limits.seconds:g} s, up to {limits.max_seconds:g} s where it says so;"
        f" {size(limits.memory)} of memory, {limits.processes} processes,"
        f" {size(limits.file_size)} per file, {limits.open_files} open files. Of each stream"
        f" {size(limits.kept_output)} are kept, head and tail."
    )
    lasting = (_PYTHON, _BASH) if tier.lasting else ()
    if not tier.namespaces:
        network = (network_rule(()),) if tier.walls else ()
        return (place, *tier.rules, *network, time, *lasting)
    more = policy.copy_on_write or policy.write
    written = f"{_WRITING} {_NOTHING_ELSE if more else _NOTHING}"
    real = (_REAL.format(", ".join(map(str, policy.write))),) if policy.write else ()
    return (place, *real, written, _HIDDEN, network_rule(policy.net), time, *lasting)


def _project(policy: Policy) -> str:
    if policy.copy_on_write:
        return _COPY
    if policy.writes_project:
        return "It can be written."
    why = f", since {policy.read_only_because}" if policy.read_only_because else ""
    return f"It is read-only{why}."


_NOTHING = "Nothing else can be written."
_NOTHING_ELSE = "Nothing but these can be written."
_REAL = (
    "What blocks write in {} is real and stays. What a block changed there is added to its result"
    " as a diff. .git, start-up files of shells, configuration of editors and agents and the like"
    " are read-only there, and new ones are taken away; what a block left running rests until the"
    " next block."
)
_COPY = (
    "Create, edit and delete files in it as needed: blocks work on a copy, later blocks see the"
    " changes, and the real files change only where the person applies them (/apply). What a block"
    " changed is added to its result as a diff."
)
_WRITING = (
    "/tmp ($SCRATCH) is private, writable and kept for the session; files left in /tmp/artifacts"
    " are handed to the person."
)
_HIDDEN = "Other files, processes and secrets of the machine are hidden."
_PYTHON = (
    "Python blocks share one session: variables, imports and the working directory last. The value"
    " of a last expression is shown, and `await` works at top level."
)
_BASH = (
    "Each bash block is a fresh `bash -c`, as plain bash runs it (`set -o pipefail` is off). The"
    " working directory and exported variables carry over to the next; processes do not."
)


def size(count: int) -> str:
    """Return a number of bytes for people, such as `256 KiB`."""
    for unit, name in ((GiB, "GiB"), (MiB, "MiB"), (KiB, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{count} bytes"
