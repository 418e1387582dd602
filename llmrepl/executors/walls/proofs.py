"""What must hold before a sandbox runs anything, judged from what was tried inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmrepl.executors.inside.proofs import MARK
from llmrepl.executors.tiers import TIERS
from llmrepl.executors.walls.overlay import Overlay

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """One promise of the sandbox, what was done to try it, whether it held, and what was seen."""

    name: str
    tried: str
    ok: bool
    detail: str


def judge(
    facts: Facts, hello: Facts, given: Mapping[str, str], tier: str = "auto", proxied: bool = False
) -> tuple[Proof, ...]:
    """Return every proof; a tier without walls has none.

    Args:
        facts: what was tried in the sandbox and seen there.
        hello: what the Python process reports of itself.
        given: the variables the sandbox was started with; it may know no others.
        tier: which sandbox it is.
        proxied: whether sockets may open that reach nothing but the sandbox itself.
    """
    if not TIERS[tier].walls:
        return ()
    strange = sorted(set(facts.get("environment", ["?"])) - set(given) - _OWN_VARIABLES)
    writable = facts.get("writable", ["?"])
    status = facts.get("status", {})
    closed = hello.get("closed") is True
    return (
        _network(facts, tier, proxied),
        _privileges(status, tier),
        Proof(
            "system call filter",
            "read the mode that the kernel reports",
            status.get("Seccomp") == "2",
            f"seccomp mode {status.get('Seccomp')}",
        ),
        _files(facts, tier),
        Proof(
            "other variables hidden",
            "compared the environment with what was handed in",
            not strange,
            f"unexpected: {', '.join(strange)}" if strange else f"{len(given)} variables, all ours",
        ),
        Proof(
            "nothing outside writable",
            "made a file in each directory outside, and opened settings of the kernel",
            not writable,
            f"writable: {', '.join(writable)}"
            if writable
            else "every attempt to write was refused",
        ),
        _processes(facts, tier),
        Proof(
            "supervisor closed",
            "opened the supervisor's memory from the process that runs Python blocks",
            closed,
            "its memory could " + ("not be opened" if closed else "be opened"),
        ),
    )


def _network(facts: Facts, tier: str, proxied: bool) -> Proof:
    interfaces = sorted(facts.get("interfaces", {"?": True}))
    routes = sorted(facts.get("routes", {"?": True}))
    refused = facts.get("socket", "")
    families = set(facts.get("families", [-1]))
    silent = families <= _INTERNET if proxied else bool(refused) and not families
    alone = interfaces in ([], ["lo"]) and not routes
    return Proof(
        "no network but the proxy" if proxied else "no network",
        "opened a socket of every family, and listed interfaces and routes",
        silent and (alone or not TIERS[tier].namespaces),
        f"interfaces: {', '.join(interfaces) or 'none'}; routes: {len(routes)};"
        f" opening a socket: {refused or 'allowed'}",
    )


def _privileges(status: Facts, tier: str) -> Proof:
    # Without a namespace an ordinary user cannot shrink the set of what nobody can gain anyway.
    names = _CAPABILITIES if TIERS[tier].namespaces else _HELD_CAPABILITIES
    capabilities = sorted({int(status.get(name, "1"), 16) for name in names})
    return Proof(
        "no privileges",
        "read the capabilities and NoNewPrivs that the kernel reports",
        capabilities == [0] and status.get("NoNewPrivs") == "1",
        f"capabilities: {capabilities[-1]:x}; no new privileges: {status.get('NoNewPrivs')}",
    )


def _files(facts: Facts, tier: str) -> Proof:
    tried = "looked for a canary file made outside, opened it and tried to change it"
    if TIERS[tier].namespaces:
        seen = facts.get("visible") is not False
        told = "was visible" if seen else "was not visible"
        return Proof("other files hidden", tried, not seen, f"it {told}")
    read = facts.get("readable") is not False
    changed = facts.get("changed", ["?"])
    told = f"read: {'yes' if read else 'refused'}; changed: {', '.join(changed) or 'nothing'}"
    return Proof("other files closed", tried, not read and not changed, told)


def _processes(facts: Facts, tier: str) -> Proof:
    if TIERS[tier].namespaces:
        pid = facts.get("pid")
        tried = "asked the supervisor for its number"
        return Proof("other processes hidden", tried, pid == 1, f"the supervisor is process {pid}")
    reached = facts.get("signals") is not False
    listed = facts.get("processes") is not False
    return Proof(
        "other processes closed",
        "sent llmrepl a signal and listed /proc",
        not (reached or listed),
        f"signal: {'sent' if reached else 'refused'};"
        f" processes: {'listed' if listed else 'not listed'}",
    )


def judge_copy(facts: Facts, overlay: Overlay) -> Proof:
    """Return whether what is written to the project goes to its copy, and remove the mark."""
    mark = overlay.upper / MARK
    arrived, leaked = mark.exists(), (overlay.lower / MARK).exists()
    if arrived:
        mark.unlink()
    kept = facts.get("copied") is True and arrived and not leaked
    return Proof(
        "project a copy",
        "made a file in the project and looked where it went",
        kept,
        "what is written to the project "
        + ("goes to a copy" if kept else "does not go to a copy, or not only"),
    )


_HELD_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_CAPABILITIES = (*_HELD_CAPABILITIES, "CapBnd")
_OWN_VARIABLES = {"PWD", "LC_CTYPE"}  # bubblewrap sets the one, Python's start the other


_INTERNET = {2, 10}  # AF_INET and AF_INET6 on Linux
_HELD_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_CAPABILITIES = (*_HELD_CAPABILITIES, "CapBnd")
_OWN_VARIABLES = {"PWD", "LC_CTYPE"}  # bubblewrap sets the one, Python's start the other
