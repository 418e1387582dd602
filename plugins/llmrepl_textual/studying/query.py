"""What a person looks for among saved sessions: words in their records, tags, models."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmrepl.sessions.listing import Summary

TAG, MODEL = "#", "model:"
HINT = f'words, a "phrase", {TAG}tag, {MODEL}name'

_WORD = re.compile(r'"[^"]*"?|[^\s"]+')


class Query(NamedTuple):
    """`words` are as the search index takes them; all of it must fit."""

    words: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def fits(self, found: Summary) -> bool:
        """Return whether a session has the tags, and talked last to such a model."""
        model = found.model.casefold()
        return {*self.tags} <= {tag.casefold() for tag in found.tags} and all(
            name in model for name in self.models
        )


def query_of(text: str) -> Query:
    """Return what a text asks for: `"no such file" sales #keep model:groq`."""
    words, tags, models = [], [], []
    for word in _WORD.findall(text):
        if word.startswith(TAG) and len(word) > len(TAG):
            tags.append(word.removeprefix(TAG).casefold())
        elif word.startswith(MODEL):
            models.append(word.removeprefix(MODEL).casefold())
        else:
            words.append(word)
    return Query(" ".join(words), tuple(tags), tuple(filter(None, models)))
