"""What a paste stands for: terminals paste the path of a file that is dropped on them."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

from llmrepl.conversing.drafting.attaching import is_image
from llmrepl.conversing.drafting.mentions import mention

LONGEST = 4096
"""Characters of the longest text that may be paths."""


def pasted(text: str) -> str:
    """Return a paste with newlines as its line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def images_in(text: str, directory: Path) -> str:
    """Return mentions of the images whose paths `text` is; empty where it is anything else.

    A path may be in quotes, have backslashes before its spaces, or be a `file://` address.

    Args:
        text: what was pasted.
        directory: the current one; images in it are mentioned relative to it.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        return ""
    paths = [_path(text)]
    if not is_image(paths[0]):
        try:
            paths = [_path(word) for word in shlex.split(text)]
        except ValueError:
            return ""
        if not paths or not all(map(is_image, paths)):
            return ""
    return " ".join(mention(_shown(path, directory)) for path in paths)


def _path(text: str) -> Path:
    try:
        if text.startswith("file://"):
            text = unquote(urlsplit(text).path)
        return Path(text).expanduser()
    except (ValueError, RuntimeError):
        return Path()


def _shown(path: Path, directory: Path) -> str:
    absolute = directory / path
    inside = absolute.is_relative_to(directory)
    return str(absolute.relative_to(directory) if inside else absolute)
