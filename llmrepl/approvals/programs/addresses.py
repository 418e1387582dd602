"""Hosts in URLs and in the `user@host:path` of ssh."""

from __future__ import annotations

import re

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "git": 9418, "ws": 80, "wss": 443}
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/?#@\s]*@)?(?P<host>\[[0-9a-f:.]+\]|[^/?#:\s]*)"
    r"(?::(?P<port>\d{1,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)
_HOST = re.compile(r"\[[0-9a-fA-F:.]+\]|[\w.-]+")
_REMOTE = re.compile(r"(?:[\w.+-]+@)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?!//)")


def in_url(text: str, scheme: str = "") -> str:
    """Return `host:port` of the URL that `text` begins with, else "".

    Args:
        text: a URL; userinfo in it is passed over.
        scheme: what is meant where `text` has none.
    """
    found = _URL.match(text)
    if found is None and scheme:
        found = _URL.match(f"{scheme}://{text}")
    if found is None or not found["host"] or "\\" in text:
        return ""
    if _HOST.fullmatch(found["host"]) is None:
        return ""
    port = found["port"] or _PORTS.get(found["scheme"].lower(), "")
    return f"{found['host'].lower()}:{port}" if port else found["host"].lower()


def in_remote(text: str) -> str:
    """Return `host:22` of `user@host:path`, else ""; a URL is no such thing."""
    found = _REMOTE.match(text)
    return f"{found['host'].lower()}:22" if found else ""


def is_url(text: str) -> bool:
    """Return whether `text` begins with the scheme of something on a network."""
    return bool(re.match(r"(?:https?|ftps?|wss?|ssh|git|sftp)://", text, re.IGNORECASE))
