"""Notes what a command touches: looks through its wrappers and asks the tables of programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llmrepl.approvals.notes import Enough, Notes
from llmrepl.approvals.programs.wrappers import assignment, look_through, program_name
from llmrepl.approvals.touches import OPEN, Command, Touch
from llmrepl.approvals.words import Place, Word, known


class Input(NamedTuple):
    """What a command reads on its standard input: `source` is none, text, pipe or file."""

    source: str = "none"
    text: str = ""


NO_INPUT = Input()

MOST_WORDS = 300
"""Words of a command that are read: each thing it touches has all of them with it."""

CHANGES = "changes how later commands run:"
"""The beginning of what is said of variables that other programs go by."""

LEAVES = "leaves running:"
"""The beginning of what is said of programs that go on when the block has ended."""


@dataclass
class Call:
    """A command that a handler is asked about.

    `run` notes what another command touches that this one starts.
    """

    name: str
    args: list[Word]
    command: Command
    place: Place
    input: Input
    notes: Notes
    run: Callable[[Sequence[Word]], None]

    def touch(
        self, kind: str, word: Word, detail: str = "", *, whole: bool = False, danger: bool = False
    ) -> None:
        """Note a path that the command touches."""
        if word.text == "-" or word.substituted:
            return
        target, form = self.place.path(word)
        self.notes.add(
            Touch(kind, target, detail, form, whole, danger=danger, command=self.command)
        )

    def note(self, kind: str, target: Word, detail: str = "", *, danger: bool = False) -> None:
        """Note something else that the command does; a target without text is not known."""
        form = target.form if target.text else OPEN
        self.notes.add(Touch(kind, target.text, detail, form, danger=danger, command=self.command))


Handler = Callable[[Call], bool]
"""Notes what a program touches; returns whether that is all it does."""


class Runner:
    """Notes what commands touch.

    Args:
        notes: where to.
        handlers: the programs that are known.
    """

    def __init__(self, notes: Notes, handlers: Callable[[str], Handler | None]) -> None:
        self.notes = notes
        self._handlers = handlers

    def run(
        self,
        words: Sequence[Word],
        *,
        place: Place,
        assigned: Sequence[Word] = (),
        through: tuple[str, ...] = (),
        stdin: Input = NO_INPUT,
    ) -> None:
        """Note what the command `words` touches.

        Args:
            words: the command, one word at least.
            place: the directory it runs in.
            assigned: variables that are set for it alone, as `NAME=value`.
            through: what was looked through already.
            stdin: what it reads.
        """
        self.notes.check_time()
        if len(words) + len(assigned) > MOST_WORDS:
            raise Enough(f"it has a command of more than {MOST_WORDS} words")
        seen = look_through(words)
        first = seen.words[0]
        around = (*self.notes.through, *through)
        for word in assigned:
            around += assignment(word)
        around += seen.through
        if not first.known:
            self.notes.hidden(first.text, "starts a program that is known only when it runs:")
            return
        name = program_name(first)
        texts = known(seen.words)
        written = known([*(Word(n) for n in (*self.notes.through, *through)), *assigned, *words])
        command = Command(texts, len(texts) == len(seen.words), written, around)
        if not {"setsid", "coproc"}.isdisjoint(seen.through):
            self.notes.add(Touch("process", name, LEAVES, command=command))

        def run(inner: Sequence[Word]) -> None:
            self.run(inner, place=place, through=(*around[len(self.notes.through) :], name))

        call = Call(name, seen.words[1:], command, place, stdin, self.notes, run)
        handler = self._handlers(name)
        told = handler is not None and handler(call)
        told = told and command.bare
        self.notes.add(Touch("execute", name, told=told, command=command))
