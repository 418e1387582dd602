"""What must hold before a sandbox runs anything, judged from what was tried inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmrepl.executors.inside.proofs import MARK
from llmrepl.executors.overlay import Overlay

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """One promise of the sandbox, whether it was kept when tried, and what was seen."""

    name: str
    ok: bool
    detail: str


def judge(
    facts: Facts, hello: Facts, given: Mapping[str, str], *, proxied: bool = False
) -> tuple[Proof, ...]:
    """Return every proof.

    Args:
        facts: what the agent reports of itself.
        hello: what the Python process reports of itself.
        given: the variables the sandbox was started with; it may know no others.
        proxied: whether sockets may open that reach nothing but the sandbox itself.
    """
    status = facts.get("status", {})
    capabilities = sorted({int(status.get(name, "1"), 16) for name in _CAPABILITIES})
    interfaces = sorted(facts.get("interfaces", {"?": True}))
    routes = sorted(facts.get("routes", {"?": True}))
    strange = sorted(set(facts.get("environment", ["?"])) - set(given) - _OWN_VARIABLES)
    writable = facts.get("writable", ["?"])
    refused = facts.get("socket", "")
    families = set(facts.get("families", [-1]))
    silent = families <= _INTERNET if proxied else bool(refused) and not families
    return (
        Proof(
            "no network but the proxy" if proxied else "no network",
            interfaces in ([], ["lo"]) and not routes and silent,
            f"interfaces: {', '.join(interfaces) or 'none'}; routes: {len(routes)};"
            f" opening a socket: {refused or 'allowed'}",
        ),
        Proof(
            "no privileges",
            capabilities == [0] and status.get("NoNewPrivs") == "1",
            f"capabilities: {capabilities[-1]:x}; no new privileges: {status.get('NoNewPrivs')}",
        ),
        Proof(
            "system call filter",
            status.get("Seccomp") == "2",
            f"seccomp mode {status.get('Seccomp')}",
        ),
        Proof(
            "other files hidden",
            facts.get("canary") is False,
            "a file made outside for the test "
            + ("was not visible" if facts.get("canary") is False else "was visible"),
        ),
        Proof(
            "other variables hidden",
            not strange,
            f"unexpected: {', '.join(strange)}" if strange else f"{len(given)} variables, all ours",
        ),
        Proof(
            "nothing outside writable",
            not writable,
            f"writable: {', '.join(writable)}"
            if writable
            else "every attempt to write was refused",
        ),
        Proof(
            "other processes hidden",
            facts.get("pid") == 1,
            f"the supervisor is process {facts.get('pid')}",
        ),
        Proof(
            "supervisor closed",
            hello.get("closed") is True,
            "its memory could " + ("not be opened" if hello.get("closed") is True else "be opened"),
        ),
    )


_INTERNET = {2, 10}  # AF_INET and AF_INET6 on Linux


def judge_copy(facts: Facts, overlay: Overlay) -> Proof:
    """Return whether what is written to the project goes to its copy, and remove the mark."""
    mark = overlay.upper / MARK
    arrived, leaked = mark.exists(), (overlay.lower / MARK).exists()
    if arrived:
        mark.unlink()
    kept = facts.get("copied") is True and arrived and not leaked
    return Proof(
        "project a copy",
        kept,
        "what is written to the project "
        + ("goes to a copy" if kept else "does not go to a copy, or not only"),
    )


_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_OWN_VARIABLES = {"PWD", "LC_CTYPE"}  # bubblewrap sets the one, Python's start the other
