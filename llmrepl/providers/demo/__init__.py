"""`demo/assistant`: what answers when no language model is connected.

It follows rules, works offline, and says so. `skills.py` has the table of what it can do.
"""

from __future__ import annotations

from llmrepl.providers.demo.assistant import Assistant

__all__ = ["Assistant"]
