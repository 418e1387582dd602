"""Find helper blocks in a model's message while it streams in.

Pure and sans-IO: `BlockParser.feed` takes the text in any pieces, down to single characters, and
says the same of it every time. `render_call` is the way back, from a call to its block.
"""

from llmrepl.parser.calls import OPTIONS, check_tool, render_call
from llmrepl.parser.checks import Check, check_python
from llmrepl.parser.items import (
    Block,
    Code,
    Forged,
    Ignored,
    Item,
    Opened,
    ParsedCall,
    Prose,
    Thought,
    coalesce,
)
from llmrepl.parser.markdown import is_last_word
from llmrepl.parser.stream import BlockParser

__all__ = [
    "OPTIONS",
    "Block",
    "BlockParser",
    "Check",
    "Code",
    "Forged",
    "Ignored",
    "Item",
    "Opened",
    "ParsedCall",
    "Prose",
    "Thought",
    "check_python",
    "check_tool",
    "coalesce",
    "is_last_word",
    "render_call",
]
