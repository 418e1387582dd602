"""The durable records of the session, without secrets: a sequence that grows.

Of a plain session only the places of its lines are held, and a record is read again when somebody
asks for it; of a sealed or unsaved one the records themselves are.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import overload

from llmrepl.compose import Assembly
from llmrepl.compose.rewinding import records_of
from llmrepl.errors import SessionError
from llmrepl.record import Record
from llmrepl.redaction import Redactor
from llmrepl.sessions.format import SEALED
from llmrepl.sessions.packed import PACKED
from llmrepl.sessions.reader import LogReader

KEPT = 512
"""Records that are held as they are: those that were asked for last."""

CHUNK = 1 << 20


class Records(Sequence[Record]):
    """The records (`llmrepl.ports.Display` as well, by which it grows); `records[seq - 1]`.

    Args:
        redactor: returns what takes secrets out of them.
    """

    def __init__(self, redactor: Callable[[], Redactor]) -> None:
        self._redactor = redactor
        self._held: list[Record] | None = []
        self._begin(Path())

    def _begin(self, path: Path) -> None:
        self._path = path
        self._kept: OrderedDict[int, Record] = OrderedDict()
        self._places = array("Q")
        self._end = 0
        self._reader: LogReader | None = None
        self._count = 0

    def foresee(self, path: Path) -> None:
        """Hold what a session's file has, which is about to be opened; nothing where that fails."""
        try:
            if path.suffix == PACKED or LogReader(path).header.version == SEALED:
                return
            self._begin(path)
            self._held = None
            self._find()
        except (OSError, SessionError):
            self._held = []
        self._count = len(self._places)

    def move(self, assembly: Assembly) -> bool:
        """Hold the records of an assembly's session; return whether they are others than before."""
        opened = assembly.opened
        log = None if opened is None else opened.log
        if log is None or log.header.version == SEALED:
            self._held = [*records_of(assembly)]
            return True
        if self._held is None and (log.path, log.seq) == (self._path, self._count):
            return False
        self._begin(log.path)
        self._held, self._count = None, log.seq
        return True

    def show(self, record: Record) -> None:
        """Take one more."""
        if not record.event.durable:
            return
        if self._held is not None:
            self._held.append(record)
        else:
            self._count = record.seq
            self._keep(record)

    def size(self, seq: int) -> int:
        """Return about how many bytes the record `seq` has in the log; 0 where nobody knows."""
        at = seq - 1
        if self._held is not None or not 0 <= at < len(self._places):
            return 0
        after = self._places[at + 1] if at + 1 < len(self._places) else self._end
        return int(after - self._places[at])

    def read(self, first: int, last: int) -> Iterator[Record]:
        """Yield the records from `first` to `last`, by their seq; may run in a thread."""
        if self._held is not None:
            yield from self._held[first - 1 : last]
            return
        if first > 1:
            yield from map(self._of, range(first, last + 1))
            return
        yield from map(self._redactor().scrub, self.plain(last))

    def plain(self, last: int) -> Iterator[Record]:
        """Yield the records up to `last` as they are kept, secrets and all.

        For whoever keeps nothing of their texts; looking for secrets takes as long as reading.
        """
        if self._held is not None:
            yield from self._held[:last]
        elif last:  # the file comes with the first
            yield from islice(LogReader(self._path), last)

    def __len__(self) -> int:
        return self._count if self._held is None else len(self._held)

    @overload
    def __getitem__(self, at: int) -> Record: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Record]: ...

    def __getitem__(self, at: int | slice) -> Record | Sequence[Record]:
        if self._held is not None:
            return self._held[at]
        seqs = range(1, self._count + 1)[at]
        if isinstance(seqs, range):
            return [self._of(seq) for seq in seqs]
        return self._of(seqs)

    def _of(self, seq: int) -> Record:
        record = self._kept.get(seq)
        if record is None:
            if seq > len(self._places):
                self._find()
            record = self._keep(self._read(seq))
        return record

    def _keep(self, record: Record) -> Record:
        self._kept[record.seq] = record
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return record

    def _read(self, seq: int) -> Record:
        if self._reader is None:
            self._reader = LogReader(self._path)
        return self._redactor().scrub(self._reader.at(self._places[seq - 1]))

    def _find(self) -> None:
        """Find where the lines begin that have come since; the first of all is the header."""
        with self._path.open("rb") as file:
            if not self._end:
                self._end = len(file.readline())
            begin = at = self._end
            file.seek(at)
            while chunk := file.read(CHUNK):
                found = chunk.find(b"\n")
                while found >= 0:
                    self._places.append(begin)
                    begin = at + found + 1
                    found = chunk.find(b"\n", found + 1)
                at += len(chunk)
            self._end = begin
