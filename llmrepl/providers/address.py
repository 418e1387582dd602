"""Addresses and keys of model services, as people write them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit, urlunsplit

from llmrepl.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine, by its name or number alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def without_login(url: str) -> str:
    """Return `url` without the user name and password it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def clean_url(url: str, source: str) -> str:
    """Return `url` without a slash at its end.

    Raises:
        ConfigError: it is no http address; `source` is what the message calls it.
    """
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        usable = usable and not (parts.query or parts.fragment)  # nothing can follow them
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"{source} is no address of a server: {_shown(url)!r}",
            hint="accepted: an http or https address, like http://127.0.0.1:8080/v1",
        )
    return url.strip().rstrip("/")


def _shown(url: str) -> str:
    """Return what may be an address without what may be secret in it."""
    return re.split("[?#]", url.rpartition("@")[2])[0]


def clean_key(key: str, source: str) -> str:
    """Return `key` without white space around it.

    Raises:
        ConfigError: it holds what cannot be sent; `source` is what the message calls it.
    """
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(
            f"{source} holds characters that no key has",
            hint="copy the key again, without quotes or line breaks",
        )
    return key


def has_proxy(url: str) -> bool:
    """Return whether the environment wants requests to `url` to go through a proxy."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    given = parts.scheme in proxies or "all" in proxies
    return given and not proxy_bypass(parts.hostname or "")
