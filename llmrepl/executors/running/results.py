"""What the model and the person are told of a block that has ended."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from llmrepl.events import ToolFinished, ToolRequested
from llmrepl.executors.inside.versions import MOST
from llmrepl.executors.policy import Limits, Policy
from llmrepl.executors.running.block import Block
from llmrepl.executors.running.reasons import (
    BUSY,
    BY_TIER,
    PROTECTED,
    READ_ONLY,
    of_bash,
    of_death,
    of_python,
    protected_in,
)
from llmrepl.parts import Output
from llmrepl.sanitise import clean

RESTARTED = "the sandbox ended while this ran, so whether it finished is unknown; a new one starts"


def finished(
    block: Block, policy: Policy, artifacts: tuple[str, ...], note: str, diff: str
) -> ToolFinished:
    """Return the event that ends `block`.

    Args:
        block: it is over.
        policy: what it ran under.
        artifacts: paths of the files it left for the person.
        note: what happened before it that it should know, or "".
        diff: what it changed in the copy of the project; the last part, with the stream `diff`.
    """
    parts = tuple(_parts(block))
    status, reason, code = _outcome(block, parts, policy.limits, policy.net)
    if diff:
        parts += (Output("diff", diff),)
    return ToolFinished(
        call_id=block.request.call_id,
        status=status,
        parts=parts,
        exit_code=code,
        ms=round(block.ms, 3),
        reason="; ".join(text for text in (told_as(reason, policy, parts), note) if text),
        dropped_bytes=sum(part.dropped for part in parts),
        artifacts=artifacts,
        versions=_versions(block.reply.get("versions")),
    )


def told_as(reason: str, policy: Policy, parts: tuple[Output, ...]) -> str:
    """Return `reason` with what can be written under `policy`, and what would allow more.

    Args:
        reason: why the block failed; it names a rule.
        policy: what it ran under.
        parts: what it wrote.
    """
    if not reason:
        return ""
    for rule, text in BY_TIER.get(policy.tier, {}).items():
        reason = reason.replace(f" ({rule})", f" ({text})" if text else "")
    if policy.write and (READ_ONLY in reason or BUSY in reason):
        errors = (part.text for part in parts if part.stream in ("stderr", "error"))
        if name := protected_in("\n".join(errors)):
            told = PROTECTED.format(name)
            return reason.replace(READ_ONLY, told).replace(BUSY, told)
    return reason.replace(READ_ONLY, _read_only(policy))


def _read_only(policy: Policy) -> str:
    """Return what can be written, and what would allow more."""
    project = policy.copy_on_write or policy.writes_project
    places = [*(["the project"] if project else []), "/tmp ($SCRATCH)"]
    places += [str(top) for top in policy.write if top != policy.project]
    allow = ["--write DIRECTORY"]
    if not project and policy.project is not None and not policy.read_only_because:
        allow.insert(0, "--project copy")
    return (
        f"everything but {', '.join(places[:-1])}{' and ' * (len(places) > 1)}{places[-1]} is"
        f" read-only here; {' or '.join(allow)} allows more, in the chat /sandbox"
    )


def never_ran(request: ToolRequested, status: str, reason: str) -> ToolFinished:
    """Return the event that ends a call which never ran."""
    return ToolFinished(call_id=request.call_id, status=status, reason=reason)


def _parts(block: Block) -> Iterator[Output]:
    for pipe in (block.stdout, block.stderr):
        part = pipe.kept.part(pipe.stream)
        if part is not None and part.text:
            yield part
    value = block.reply.get("value")
    if isinstance(value, str):
        yield _value(value, block)
    error = block.reply.get("error")
    if isinstance(error, str) and block.language == "python":
        yield Output("error", clean(error))


def _versions(told: object) -> dict[str, str]:
    """Return the versions that the sandbox told, as far as they are any."""
    if not isinstance(told, dict):
        return {}
    return {
        clean(name)[:MOST]: clean(version)[:MOST]
        for name, version in list(told.items())[:MOST]
        if isinstance(name, str) and isinstance(version, str)
    }


def _value(head: str, block: Block) -> Output:
    rest, cut = block.reply.get("rest"), block.reply.get("cut")
    if isinstance(rest, str) and isinstance(cut, int):
        text = f"{clean(head)}\n[... {cut} characters cut here ...]\n{clean(rest)}"
        return Output("value", text, cut)
    return Output("value", clean(head))


def _outcome(
    block: Block, parts: tuple[Output, ...], limits: Limits, net: tuple[str, ...]
) -> tuple[str, str, int | None]:
    """Return status, reason and exit code."""
    code = block.reply.get("exit")
    code = code if isinstance(code, int) else None
    if block.verdict is not None:
        shown = code if block.language == "bash" else None
        return block.verdict.status, block.verdict.reason + block.lost, shown
    died = block.reply.get("died")
    if isinstance(died, int):
        return "error", of_death(died), died
    if code is None and "errno" in block.reply:
        status = "limit" if block.reply["errno"] == errno.EAGAIN else "error"
        return status, f"it could not be started: {block.reply.get('error')}{block.lost}", None
    if code is None:
        return "unknown", RESTARTED, None
    if code == 0:
        return "ok", "", 0
    if block.language == "python":
        return (*of_python(block.reply, limits, net), code)
    stderr = next((part.text for part in parts if part.stream == "stderr"), "")
    return (*of_bash(code, stderr, limits, net), code)
