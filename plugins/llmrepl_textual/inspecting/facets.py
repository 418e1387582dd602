"""What can be asked about a block: a table of facets, each of which makes sections of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, NamedTuple

from llmrepl.compose.sent import NO_SYSTEM, Sent
from llmrepl.config.kinds import size_text
from llmrepl.context.render import KINDS as PARTS
from llmrepl.conversation import verdict
from llmrepl.events import (
    PERSON,
    ApprovalDecided,
    ApprovalRequested,
    MessageFinished,
    NetworkRequested,
    RequestFailed,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.figures import counted, duration, tokens
from llmrepl.parser import render_call
from llmrepl.parts import Image, Output, Part, Reasoning, Text, ToolCall, text_of
from llmrepl.record import encode_record
from llmrepl_textual.inspecting.spending import spending
from llmrepl_textual.inspecting.subject import CALL, MESSAGE, OTHER, TURN, Subject

DIFF, WORDS = "diff", "words"
SIZES = frozenset({"memory", "file_size", "kept_output", "max_output", "scratch_size", "home_size"})
"""Limits that are bytes."""

TIMES = frozenset({"seconds", "max_seconds", "timeout"})


NOT_SENT = "No request went out: a person wrote this message in the model's stead."


class Section(NamedTuple):
    """A text with a heading, empty where it needs none; `language` is what it is written in."""

    title: str
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What facets are made from.

    `count` returns the tokens of a text. `sent` is what the block's step sent, where it is known by
    now. `limits` are those that hold now.
    """

    subject: Subject
    count: Callable[[str], int]
    limits: Mapping[str, Any]
    sent: Sent | None = None


class Facet(NamedTuple):
    """A facet: of which kinds of blocks there is one, and what it says.

    What it makes is empty where there is nothing to say. `asks` says that it needs what was sent.
    """

    name: str
    kinds: frozenset[str]
    make: Callable[[Case], Sequence[Section]]
    asks: bool = False


def _prompt(case: Case) -> list[Section]:
    event = case.subject.of(TurnStarted, case.subject.turn)
    return [Section("", _text(event.prompt), "markdown")] if event else []


def _answer(case: Case) -> list[Section]:
    """What the turn's last message said."""
    event = case.subject.of(MessageFinished, case.subject.turn)
    return [Section("", text_of(event.parts), "markdown")] if event else []


def _request(case: Case) -> list[Section]:
    sent = case.sent
    if sent is None:
        return []
    if sent.provider == PERSON:
        return [Section("", NOT_SENT, WORDS)]
    started = case.subject.of(StepStarted, case.subject.step)
    message = case.subject.of(MessageFinished, case.subject.step)
    sizes = {"system prompt": case.count(sent.system) if sent.system else 0}
    sizes |= dict.fromkeys(PARTS, 0)
    for kind, text in sent.pieces:
        sizes[kind] += case.count(text)
    lines = [f"{name:15} {tokens(size):>7}" for name, size in sizes.items() if size]
    if started is not None:
        asked = f"{started.provider}/{started.model}"
        lines = [f"asked: {asked} · estimated: {tokens(started.estimated_tokens)} tokens", *lines]
        if started.tools:
            lines.append(f"tools: {', '.join(started.tools)}")
    if message is not None and message.usage.input_tokens:
        usage = message.usage
        reported = tokens(usage.input_tokens, estimated=usage.estimated)
        lines.append(f"{'counted':15} {reported:>7}  by the service, separators included")
    sections = [Section("tokens by what they are", "\n".join(lines))]
    if not sent.system:
        sections.append(Section("", NO_SYSTEM, WORDS))
    if started is not None and started.schema:
        sections.append(Section("schema", _json(started.schema), "json"))
    return [*sections, *told_of(sent, case.count)]


def told_of(sent: Sent, count: Callable[[str], int]) -> list[Section]:
    """Return the messages of a request, the system prompt first."""
    sections = []
    for number, each in enumerate(sent.told, 1):
        title = f"{number} {each.role} · {tokens(count(each.told))} tokens"
        if each.images:
            title += f" · {counted(len(each.images), 'image')}"
        sections.append(Section(title, each.told))
    return sections


def _body(case: Case) -> list[Section]:
    if case.sent is not None and case.sent.provider == PERSON:
        return [Section("", NOT_SENT, WORDS)]
    return [Section("", _json([*case.sent.body]), "json")] if case.sent else []


def _response(case: Case) -> list[Section]:
    sections = [
        Section(f"{failed.name} failed", f"{failed.message}\n{failed.hint}\n{failed.going_on}")
        for failed in case.subject.all_of(RequestFailed)
    ]
    event = case.subject.of(MessageFinished, case.subject.step)
    if event is None:
        return sections
    thoughts = [part.text for part in event.parts if isinstance(part, Reasoning)]
    if any(thoughts):
        sections.append(Section("reasoning", "\n\n".join(thoughts)))
    return [*sections, Section(f"message · stopped: {event.stop}", _written(event.parts))]


def _written(parts: Sequence[Part]) -> str:
    """Return a message as the model wrote it, calls by its service's own means included."""
    said = ""
    for part in parts:
        if isinstance(part, Text):
            said += part.text
        elif isinstance(part, ToolCall):
            arguments = json.dumps(dict(part.arguments), ensure_ascii=False)
            call = f"{part.name}({arguments})\n" if part.origin == "native" else render_call(part)
            said += call if said.endswith("\n") or not said else f"\n{call}"
    return said


def _code(case: Case) -> list[Section]:
    request = case.subject.request
    if request is None:
        return []
    asked, language = _source(request.arguments, request.language)
    ran, _ = _source(case.subject.ran, request.language)
    if asked == ran:
        return [Section("", ran, language)]
    changed = unified_diff(
        asked.splitlines(), ran.splitlines(), "the model's", "what ran", lineterm=""
    )
    return [
        Section("what ran, as a person changed it", ran, language),
        Section("the change", "\n".join(changed), DIFF),
        Section("what the model sent", asked, language),
    ]


def _source(arguments: Mapping[str, Any], language: str) -> tuple[str, str]:
    code = arguments.get("code")
    return (code, language) if isinstance(code, str) else (_json(arguments), "json")


def _approval(case: Case) -> list[Section]:
    sections = []
    for asked in case.subject.all_of(ApprovalRequested):
        lines = [asked.question]
        lines += (f"! {danger}" for danger in asked.dangers)
        lines += (f"· {touch}" for touch in asked.touches)
        lines += (f"rule: {rule}" for rule in asked.rules)
        sections.append(Section("question", "\n".join(lines)))
    for decided in case.subject.all_of(ApprovalDecided):
        lines = [verdict(decided), *(f"rule: {rule}" for rule in decided.rules)]
        sections.append(Section("answer", "\n".join(lines)))
    return sections


def _sandbox(case: Case) -> list[Section]:
    started = case.subject.of(ToolStarted)
    if started is None:
        return []
    lines = [f"executor: {started.executor}", f"policy: {started.policy or 'not recorded'}"]
    sections = [Section("where it ran", "\n".join(lines))]
    limits, title = started.limits, "limits"
    if not limits:
        limits, title = case.limits, "limits that hold now; the session does not hold its own"
    shown = [f"{name.replace('_', ' ')}: {_limit(name, value)}" for name, value in limits.items()]
    asked = case.subject.ran.get("timeout")
    if asked is not None:
        shown.append(f"time the block asked for: {asked} s")
    sections.append(Section(title, "\n".join(shown)))
    hosts = case.subject.all_of(NetworkRequested)
    if hosts:
        sections.append(Section("network", "\n".join(map(_host, hosts))))
    return sections


def _limit(name: str, value: Any) -> str:
    if name in SIZES and isinstance(value, int | float):
        return size_text(int(value))
    return duration(float(value) * 1000) if name in TIMES else f"{value:g}"


def _host(event: NetworkRequested) -> str:
    place = f"{event.host}:{event.port}" if event.host else "?"
    parts = (f"{event.method} {place}".strip(), event.decision, event.rule, event.reason)
    return " · ".join(filter(None, parts))


def _output(case: Case) -> list[Section]:
    event = case.subject.of(ToolFinished)
    if event is None:
        return []
    ending = [event.status, *([f"exit {event.exit_code}"] if event.exit_code is not None else [])]
    ending += [duration(event.ms), *filter(None, (event.reason, event.given))]
    if event.dropped_bytes:
        ending.append(f"{event.dropped_bytes} bytes dropped")
    sections = [Section("", " · ".join(ending))]
    if event.display:
        sections.append(Section("for people", event.display))
    for part in event.parts:
        match part:
            case Output(stream=stream) if stream == DIFF:
                continue
            case Output(stream=stream, text=text, dropped=dropped):
                cut = f" · {dropped} bytes cut out of the middle" if dropped else ""
                sections.append(Section(stream + cut, text))
            case Text(text=text):
                sections.append(Section("text", text))
            case Image(media_type=kind, path=path):
                sections.append(Section("image", path or f"{kind}, in the session itself"))
    return sections


def _diff(case: Case) -> list[Section]:
    return [Section("", text, DIFF) for text in _diffs(case)]


def _diffs(case: Case) -> list[str]:
    event = case.subject.of(ToolFinished)
    parts = event.parts if event else ()
    return [part.text for part in parts if isinstance(part, Output) and part.stream == DIFF]


def _files(case: Case) -> list[Section]:
    event = case.subject.of(ToolFinished)
    sections = []
    if event is not None and event.artifacts:
        sections.append(Section("left for you", "\n".join(event.artifacts)))
    changed: dict[str, list[int]] = {}
    name = ""
    for line in "\n".join(_diffs(case)).splitlines():
        if line.startswith(("--- ", "+++ ")):
            path = line[4:].partition("\t")[0]
            if path != "/dev/null":
                name = path.removeprefix("a/").removeprefix("b/")
                changed.setdefault(name, [0, 0])
        elif name and line[:1] in ("+", "-"):
            changed[name][line[0] == "-"] += 1
    if changed:
        lines = [f"{path}  +{added} -{removed}" for path, (added, removed) in changed.items()]
        sections.append(Section("changed", "\n".join(lines)))
    touched = case.subject.of(ApprovalRequested)
    if touched is not None and touched.touches:
        sections.append(Section("what it was expected to touch", "\n".join(touched.touches)))
    return sections


def _versions(case: Case) -> list[Section]:
    event = case.subject.of(ToolFinished)
    versions = event.versions if event else {}
    text = "\n".join(f"{name} {version}" for name, version in versions.items())
    return [Section("", text)] if text else []


def _usage(case: Case) -> list[Section]:
    return [Section(title, text) for title, text in spending(case.subject)]


def _records(case: Case) -> list[Section]:
    return [
        Section(f"{record.seq} {record.event.type}", _json(encode_record(record)), "json")
        for record in case.subject.records
    ]


def _text(parts: Sequence[Part]) -> str:
    images = (f"[image: {p.path or p.media_type}]" for p in parts if isinstance(p, Image))
    return "\n\n".join(filter(None, (text_of(parts), *images)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


EVERYWHERE = frozenset({TURN, MESSAGE, CALL, OTHER})
FACETS = (
    Facet("Prompt", frozenset({TURN}), _prompt),
    Facet("Answer", frozenset({TURN}), _answer),
    Facet("Code", frozenset({CALL}), _code),
    Facet("Output", frozenset({CALL}), _output),
    Facet("Diff", frozenset({CALL}), _diff),
    Facet("Files", frozenset({CALL}), _files),
    Facet("Approval", frozenset({CALL}), _approval),
    Facet("Sandbox", frozenset({CALL}), _sandbox),
    Facet("Versions", frozenset({CALL}), _versions),
    Facet("Response", frozenset({MESSAGE, CALL}), _response),
    Facet("Request", frozenset({MESSAGE, CALL}), _request, asks=True),
    Facet("Body", frozenset({MESSAGE, CALL}), _body, asks=True),
    Facet("Usage", EVERYWHERE, _usage),
    Facet("Records", EVERYWHERE, _records),
)
"""Every facet, in the order it is offered in."""


def facets_of(case: Case) -> list[Facet]:
    """Return the facets that have something to say of a block."""
    subject = case.subject
    return [
        facet
        for facet in FACETS
        if subject.kind in facet.kinds and (subject.step_name if facet.asks else facet.make(case))
    ]


def title_of(subject: Subject) -> str:
    """Return what a block is, as a line."""
    event, record = subject.record.event, subject.record
    place = f"step {subject.step_name}" if subject.step_name else f"turn {record.turn}"
    match subject.kind:
        case "turn":
            ended = subject.of(TurnFinished, subject.turn)
            told = ["turn", str(record.turn), f"· {ended.reason}" if ended else "· goes on"]
        case "message":
            started = subject.of(StepStarted, subject.step)
            model = f"{started.provider}/{started.model}" if started else ""
            told = ["message of", model, f"· {place}"]
        case "call":
            finished = subject.of(ToolFinished)
            name = subject.request.name if subject.request else ""
            status = finished.status if finished else "goes on"
            told = ["call", name, f"· {place} · {status}"]
        case _:
            told = [event.type]
    return " ".join([*filter(None, told), f"· record {record.seq}"])
