"""The network as blocks and people are told of it: in variables, in sentences, in reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmrepl.events import NetworkRequested, ToolFinished
from llmrepl.executors.inside.door import PLACE

SHOWN = 3
"""Refusals that a block's reason repeats."""

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""The sandbox's own services, unless a rule means the machine's by such a name."""


def proxy_variables(net: Sequence[str]) -> dict[str, str]:
    """Return the variables by which programs find the proxy; none without a network."""
    if not net:
        return {}
    url = f"http://{PLACE[0]}:{PLACE[1]}"
    named = {rule.lower() for rule in net} | {rule.lower().rpartition(":")[0] for rule in net}
    direct = ",".join(host.strip("[]") for host in LOOPBACK if host not in named)
    values = {"http_proxy": url, "https_proxy": url, "all_proxy": url, "no_proxy": direct}
    return values | {name.upper(): value for name, value in values.items()}


def reach(net: Sequence[str]) -> str:
    """Return in a few words which hosts blocks reach."""
    return f"reaches {', '.join(net)}" if net else "no network"


def network_rule(net: Sequence[str]) -> str:
    """Return the rule of the network as a sentence."""
    if not net:
        return "There is no network."
    return (
        f"Of the network, only these hosts can be reached: {', '.join(net)} (ports 80 and 443 where"
        " none is named), over HTTP and HTTPS and through a proxy that HTTP_PROXY, HTTPS_PROXY and"
        " ALL_PROXY name already. Other hosts, other protocols, name lookups and direct connections"
        " fail. Every request is shown to the person."
    )


_IN_THE_CHAT = "in the chat /sandbox net HOST"


def offline(net: Sequence[str]) -> str:
    """Return what a block is told that reached for the network directly."""
    if not net:
        return f"there is no network in this sandbox; --net HOST allows a host, {_IN_THE_CHAT}"
    return (
        f"only the proxy in HTTP_PROXY reaches {', '.join(net)}; --net HOST allows another,"
        f" {_IN_THE_CHAT}"
    )


def explained(finished: ToolFinished, refused: Sequence[NetworkRequested]) -> ToolFinished:
    """Return the end of a block with the requests it was denied in the reason, unless all is ok."""
    if finished.status == "ok" or not refused:
        return finished
    reasons = dict.fromkeys(event.reason for event in refused)
    told = [reason for reason in reasons if reason not in finished.reason]
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return replace(
        finished, reason="; ".join(filter(None, [finished.reason, *told[:SHOWN], *more]))
    )
