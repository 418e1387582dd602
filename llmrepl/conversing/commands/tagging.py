"""The command /tag: words by which this session is found, and kept."""

from __future__ import annotations

from llmrepl.compose import Assembly
from llmrepl.compose.rewinding import records_of
from llmrepl.conversing.commands.saying import say
from llmrepl.errors import SessionError


async def tag(assembly: Assembly, words: str) -> None:
    """Show the session's tags, or give it some and take those away that have a `-` before them.

    Raises:
        LlmreplError: the session is not saved, or a word can be no tag.
    """
    from llmrepl.sessions.keeping.tags import changed, tags_of
    from llmrepl.sessions.listing import tags_in

    if assembly.opened is None:
        raise SessionError("this chat is not saved, so it can have no tags")
    tags = tags_of(records_of(assembly))
    drop = [word[1:] for word in words.split() if word.startswith("-")]
    add = [word for word in words.split() if not word.startswith("-")]
    event = changed(tags, add, drop)
    if event is not None:
        assembly.runtime.record(event)
        tags = tags_in(event.value)
    kept = sorted({*tags} & {*assembly.config.sessions.keep_tags})
    told = " ".join(f"#{tag}" for tag in tags) or "no tags; /tag keep: it is never pruned"
    say(f"  {told}" + (f" · never pruned: {', '.join(kept)}" if kept else ""))
