"""How the prompt looks."""

from __future__ import annotations

PROMPT = "❯ "
CONTINUATION = "… "
