"""What models are known to take, by their names; services that tell it are asked instead.

A name that is not known says nothing.
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
    return _told(model, _TAKES, _TAKES_NOT)


_SEES = re.compile(
    r"(?:^|/)(?:(?:chat)?gpt-(?:4o|4\.[15]|4-turbo|4-vision|5)|o1(?:-pro)?(?:-\d|$)|o3(?:-\d|-pro|$)"
    r"|o4-mini|llama-?(?:3\.2-(?:11|90)b|4)|claude-(?:3|opus|sonnet|haiku)|gemini-|gemma-?3-(?:4|12|27)b"
    r"|pixtral-|mistral-(?:medium-3|small-3\.[12])|grok-4|qwen-?(?:2|2\.5|3)-vl|llava)"
    r"|(?:^|[-/])vision(?:-|$)",
    re.IGNORECASE,
)
_SEES_NOT = re.compile(
    r"(?:^|/)(?:gpt-3\.5|gpt-4(?:-32k)?(?:-\d{4}(?:-preview)?)?$|gpt-oss|o1-(?:mini|preview)|o3-mini"
    r"|llama-?3(?:\.[13])?-\d+b|llama-?3\.2-[13]b|claude-(?:2|instant)|kimi-k2-(?:instruct|thinking)"
    r"|qwen-?(?:2\.5|3)-(?:coder-)?\d+b|deepseek-(?:chat|reasoner|r1|v3)|mixtral|codestral)"
    r"|whisper|tts|embed|guard|moderation|transcribe",
    re.IGNORECASE,
)


def sees_images(model: str) -> bool | None:
    """Return whether a model of this name sees images; None where nobody knows."""
    return _told(model, _SEES, _SEES_NOT)


def _told(model: str, can: re.Pattern[str], cannot: re.Pattern[str]) -> bool | None:
    """Return what a name tells; what says that a model cannot goes before what says that it can."""
    if cannot.search(model):
        return False
    return True if can.search(model) else None
