"""Markdown as styled lines, whole or while it is still being written."""

from __future__ import annotations

from llmrepl_timeline.markdown.drawing import Look, draw
from llmrepl_timeline.markdown.stream import MarkdownStream

__all__ = ["Look", "MarkdownStream", "draw"]
