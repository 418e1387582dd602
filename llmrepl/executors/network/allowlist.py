"""Which hosts blocks may reach: the rules a person wrote, and the addresses that need naming.

Pure: names are compared as text and addresses as numbers; nothing here asks the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

WEB_PORTS = (80, 443)
"""The ports of a rule that names none."""

MAX_HOST = 253
"""Most characters of a host's name."""

_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_RULE = re.compile(r"(\*\.)?(\[[^\]]*\]|[^\[\]:]*)(?::([0-9]{1,5}))?")
_TRANSLATED = IPv6Network("64:ff9b::/96")
_TRANSLATED_HERE = IPv6Network("64:ff9b:1::/48")
"""Of private use; older Pythons take it for a part of the internet."""

_BROADCAST = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Rule:
    """One host that may be reached.

    `text` is what the person wrote, `host` a name in small letters or an address; a `wildcard`
    stands for every name below `host`, and `port` is None for the ports of the web.
    """

    text: str
    host: str
    port: int | None = None
    wildcard: bool = False

    @property
    def literal(self) -> bool:
        """Whether it names one host and one port, so that a private address may be meant."""
        return self.port is not None and not self.wildcard

    def covers(self, host: str, port: int) -> bool:
        """Whether `host`, as `canonical` gives it, may be reached at `port`."""
        named = host.endswith("." + self.host) if self.wildcard else host == self.host
        return named and (port in WEB_PORTS if self.port is None else port == self.port)


def canonical(host: str) -> str:
    """Return a host in the one form that is compared, or "" where it is none.

    Names are in small letters, in ASCII and without a dot at the end; IPv6 addresses are short and
    without brackets.
    """
    text = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    try:
        return str(ip_address(text)) if "%" not in text else ""
    except ValueError:
        if text is not host:
            return ""
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    text = text.lower().removesuffix(".")
    return text if len(text) <= MAX_HOST and _NAME.fullmatch(text) else ""


def parse(text: str) -> Rule:
    """Return the rule that `text` is: HOST, HOST:PORT, *.DOMAIN, *.DOMAIN:PORT or [IPV6]:PORT.

    Raises:
        ValueError: it is none.
    """
    found = _RULE.fullmatch(text.strip())
    host = canonical(found[2]) if found else ""
    port = int(found[3]) if found and found[3] else None
    wildcard = bool(found and found[1])
    if not host or port not in (None, *range(1, 65536)) or (wildcard and literal(host)):
        raise ValueError(f"{text!r} is no HOST, HOST:PORT, *.DOMAIN or [IPV6]:PORT")
    return Rule(text.strip(), host, port, wildcard)


def match(rules: Sequence[Rule], host: str, port: int) -> Rule | None:
    """Return the rule that allows `host` at `port`, one that names both first."""
    fitting = [rule for rule in rules if rule.covers(host, port)]
    return max(fitting, key=lambda rule: rule.literal, default=None)


def literal(host: str) -> Address | None:
    """Return the address that `host` is, or None where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def objection(address: Address, rule: Rule) -> str:
    """Return why a connection to `address` is refused under `rule`, or "".

    Addresses of the whole internet may be reached. Private ones, this machine's included, only
    where the rule names host and port; those that mean the network itself, such as the one cloud
    machines read their credentials from, only where the rule names the address and the port.
    """
    kinds = {_kind(each) for each in _meant(address)}
    if kinds == {""}:
        return ""
    kind = min(kinds - {""}, key=_SEVERITY.index)
    if kind == "private" and rule.literal:
        return ""
    if kind == "link-local" and rule.literal and literal(rule.host) == address:
        return ""
    return kind


_SEVERITY = ("special", "link-local", "private")


def _kind(address: Address) -> str:
    if address.is_multicast or address.is_unspecified or address == _BROADCAST:
        return "special"
    if address.is_link_local:
        return "link-local"
    if (
        address in _TRANSLATED_HERE
        or address.is_private
        or address.is_loopback
        or not address.is_global
    ):
        return "private"
    return "special" if address.is_reserved else ""


def _meant(address: Address) -> Iterator[Address]:
    """Yield every address that a connection may end at: some IPv6 ones have an IPv4 one in them."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address in _TRANSLATED:  # what a network without IPv4 calls an IPv4 address
        yield IPv4Address(int(address) & 0xFFFFFFFF)
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]
