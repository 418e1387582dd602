"""Says what went wrong, and how it is mended."""

from __future__ import annotations

from typing import TextIO

from llmrepl.errors import LlmreplError
from llmrepl.sanitise import clean


def complain(stream: TextIO, error: LlmreplError) -> None:
    """Write an error and its hint, a line each."""
    stream.write(f"error: {clean(error.message)}\n")
    if error.hint:
        stream.write(f"  {clean(error.hint)}\n")
    stream.flush()
