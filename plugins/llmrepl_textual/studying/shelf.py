"""Saved sessions, read as far as somebody looks. All of it may take a while: for a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from llmrepl.config.paths import search_index
from llmrepl.sessions.branching.kinship import Tree, kin_in, trees
from llmrepl.sessions.branching.tree import Row, rows
from llmrepl.sessions.catalog import ids, newest
from llmrepl.sessions.listing import Summary, sessions, summary_of
from llmrepl.sessions.lock import holders
from llmrepl.sessions.search.index import Hit, SearchIndex
from llmrepl_textual.studying.query import Query

AT_ONCE = 64
"""Sessions that are read before anything is shown of them."""

MOST = 200
"""Records that a search shows."""


class Found(NamedTuple):
    """Records that were found, the newest first, and how many sessions are sealed against it."""

    hits: list[Hit]
    sealed: int


class Shelf:
    """The sessions of a directory.

    Args:
        directory: where they are.
        environ: the environment variables.
        redact: takes secrets out of what is shown.
    """

    def __init__(
        self, directory: Path, environ: Mapping[str, str], redact: Callable[[str], str] = str
    ) -> None:
        self.directory = directory
        self._environ = environ
        self._redact = redact
        self._rest: Iterator[Summary] = iter(())
        self._trees: list[Tree] = []

    def state(self) -> object:
        """Return what is another where a session came, went or was written."""
        found = newest(self.directory)
        first = found[0] if found else ("", None)
        return len(found), first[0], first[1] and first[1].st_mtime_ns

    def begin(self) -> int:
        """Begin with the newest session; return how many there are."""
        self._rest = sessions(self.directory)
        return len(ids(self.directory))

    def more(self, query: Query) -> tuple[list[Summary], bool]:
        """Return which of the next sessions a query fits, and whether there are no others."""
        read = [*islice(self._rest, AT_ONCE)]
        found = [each for each in read if query.fits(each)]
        return [self._shown(each) for each in found], len(read) < AT_ONCE

    def search(self, query: Query, progress: Callable[[int, int], None]) -> Found:
        """Return the newest records that have the words of a query, of sessions that it fits.

        Args:
            query: it has words.
            progress: is told how many of how many changed sessions the index has taken in.

        Raises:
            SessionError: the index cannot be used, or there is nothing to look for in it.
        """
        file = search_index(self._environ, self.directory)
        with SearchIndex(self.directory, file) as index:
            index.update(progress)
            hits = index.search(query.words, MOST)
            sealed = len(index.sealed())
        fits: dict[str, bool] = {}
        for name in dict.fromkeys(hit.session for hit in hits):
            found = summary_of(self.directory, name)
            fits[name] = found is not None and query.fits(found)
        return Found(
            [hit._replace(text=self._redact(hit.text)) for hit in hits if fits[hit.session]], sealed
        )

    def summary(self, session_id: str) -> Summary | None:
        """Return what there is to say of one session; None where it is gone."""
        found = summary_of(self.directory, session_id)
        return found and self._shown(found)

    def grow(self) -> int:
        """Look anew which session was forked from which; return how many trees there are."""
        self._trees = [tree for tree in trees(kin_in(self.directory)) if len(tree.places) > 1]
        return len(self._trees)

    def branches(self, at: int, here: str, *, everything: bool = False) -> list[Row | int]:
        """Return the branches of a tree, and between them how many were left out.

        Args:
            at: which of those that `grow` found, the one used last first.
            here: the session that the chat is in.
            everything: leave out nothing.
        """
        return rows(
            self._trees[at], self.directory, here=here, held=holders(), everything=everything
        )

    def _shown(self, found: Summary) -> Summary:
        return found._replace(prompt=self._redact(found.prompt), cwd=self._redact(found.cwd))
