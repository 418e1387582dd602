"""Which models are known to take tools, by their names; services that tell it are asked instead.

A name that is not known says nothing: then the model writes helper blocks.
"""

from __future__ import annotations

import re

_TAKES = re.compile(
    r"(?:^|/)(?:gpt-(?:3\.5-turbo|4|5|oss)|o[134](?:-|$)|llama-?(?:3\.[13]|4)|kimi-k2|qwen-?(?:2\.5|3)"
    r"|deepseek-(?:chat|v3)|glm-[45]|command-[ar]|claude-|gemini-|grok-"
    r"|(?:mistral|ministral|magistral|devstral|codestral|pixtral)-)",
    re.IGNORECASE,
)
_TAKES_NOT = re.compile(
    r"gpt-3\.5-turbo-instruct|o1-(?:mini|preview)|audio|realtime|transcribe|tts|whisper|image|embed"
    r"|guard|moderation|ocr|compound|-base\b|chat-latest|search-preview|mamba",
    re.IGNORECASE,
)


def takes_tools(model: str) -> bool | None:
    """Return whether a model of this name takes tools; None where nobody knows."""
    if _TAKES_NOT.search(model):
        return False
    return True if _TAKES.search(model) else None
