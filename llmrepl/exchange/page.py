"""A session as one HTML file: no script, no network, nothing in it but what it shows.

Its content security policy allows its own style and images that are in the file, and nothing else,
so that a line of somebody's text that came through unescaped would still do nothing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from llmrepl import __version__
from llmrepl.exchange.chart import chart
from llmrepl.exchange.told import (
    Call,
    Remark,
    Session,
    Step,
    Totals,
    Turn,
    title_of,
    totals_of,
    turns_of,
)
from llmrepl.exchange.words import (
    code_of,
    compaction_of,
    figures_of,
    iso,
    minute,
    outputs_of,
    reasons_of,
    took,
)
from llmrepl.figures import UNKNOWN, duration, money, tokens
from llmrepl.loop import STOP_REASONS
from llmrepl.parts import Image, Part, Reasoning, Text, ToolCall, text_of
from llmrepl.sanitise import clean

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Kinds of images that are shown: none of them can hold a script."""

LOOKS = {"ok": "ok", "denied": "odd", "cancelled": "odd", "unknown": "odd"}
"""How a call's ending looks; every other is `bad`."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def page(session: Session) -> str:
    """Return `session` as an HTML document."""
    turns = turns_of(session.records)
    title = _text(title_of(session, turns))
    style = files("llmrepl.exchange").joinpath("page.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="referrer" content="no-referrer">\n',
            f"<title>{title} · llmrepl</title>\n<style>{style}</style>\n",
            "</head>\n<body>\n<main>\n",
            f'<header><p class="brand">llmrepl session</p><h1>{title}</h1>\n',
            *_about(session, turns),
            "</header>\n",
            *(piece for turn in turns for piece in _turn(turn)),
            f"<footer>Written by llmrepl {__version__} from session {_text(session.id)}.\n",
            "This file loads nothing and runs nothing.</footer>\n",
            "</main>\n</body>\n</html>\n",
        ]
    )


def _about(session: Session, turns: list[Turn]) -> Iterator[str]:
    totals = totals_of(turns)
    steps = [step for turn in turns for step in turn.asked]
    facts = [f'<time datetime="{iso(session.created)}">{minute(session.created)}</time>']
    facts += [_text(model) for model in dict.fromkeys(step.model for step in steps)]
    if session.forked_from:
        facts.append(f"forked from {_text(session.forked_from[0])}")
    yield '<p class="facts">' + "".join(f"<span>{fact}</span>" for fact in facts) + "</p>\n"
    yield '<div class="tiles">'
    for figure, label in _tiles(totals):
        yield f'<div class="tile"><b>{_text(figure)}</b><span>{label}</span></div>'
    yield "</div>\n"
    if drawing := chart(steps):
        yield f"<figure>{drawing}<figcaption>"
        yield '<span><i class="k-sent"></i>tokens sent</span>'
        yield '<span><i class="k-said"></i>tokens answered</span>'
        if totals.cost:
            yield '<span><i class="k-cost"></i>cost so far</span>'
        yield "</figcaption></figure>\n"


def _tiles(totals: Totals) -> list[tuple[str, str]]:
    usage = totals.usage
    return [
        _counted(totals.turns, "turn"),
        _counted(totals.steps, "step"),
        _counted(totals.calls, "call"),
        (tokens(usage.input_tokens, estimated=usage.estimated), "↑ tokens"),
        (tokens(usage.output_tokens, estimated=usage.estimated), "↓ tokens"),
        (_cost(totals), "cost"),
        (duration(totals.ms), "at work"),
    ]


def _cost(totals: Totals) -> str:
    if totals.unpriced:  # some of it nobody knows
        return f"{money(totals.cost)} + {UNKNOWN}" if totals.cost else UNKNOWN
    return money(totals.cost)


def _counted(count: int, what: str) -> tuple[str, str]:
    return str(count), what + "s" * (count != 1)


def _turn(turn: Turn) -> Iterator[str]:
    yield '<details class="turn" open><summary><span class="sign">❯</span>'
    prompt = _text(text_of(turn.prompt).strip()) if turn.number else "Before the first prompt"
    yield f'<span class="ask">{prompt}</span>'
    if turn.number:
        yield f'<time class="at" datetime="{iso(turn.at)}">{minute(turn.at)}</time>'
    yield '</summary>\n<div class="rail">\n'
    for part in turn.prompt:
        yield from _image(part)
    for step in turn.steps:
        yield from _remark(step) if isinstance(step, Remark) else _step(step)
    if turn.reason:
        yield _figures(turn)
    yield "</div></details>\n"


def _figures(turn: Turn) -> str:
    line = took(turn.usage, turn.cost, turn.ms)
    if turn.reason != "end_turn":
        line = f"stopped: {STOP_REASONS.get(turn.reason, turn.reason)} · {line}"
    return f'<span class="figures">{_text(line)}</span>\n'


def _remark(remark: Remark) -> Iterator[str]:
    told = {"note": "note", "error": "error", "compacted": "the context was compacted"}
    look = "bad" if remark.kind == "error" else "quiet"
    yield f'<div class="item {look}"><div class="remark {remark.kind}">'
    yield f"{told[remark.kind]}: {_text(remark.text)}</div>"
    if remark.compaction:
        yield f'<span class="figures">{_text(compaction_of(remark.compaction))}</span>'
    yield "</div>\n"


def _step(step: Step) -> Iterator[str]:
    calls = {call.request.call_id: call for call in step.calls}
    for part in step.parts:
        match part:
            case Reasoning(text=text):
                yield '<div class="item quiet"><details class="thought"><summary>Reasoning'
                yield f"</summary><div>{_text(text)}</div></details></div>\n"
            case Text(text=text) if text.strip():
                yield f'<div class="item"><div class="said-text">{_rendered(text)}</div></div>\n'
            case ToolCall(call_id=call_id) if call_id in calls:
                yield from _call(calls.pop(call_id))
            case _:
                yield from _image(part)
    for call in calls.values():
        yield from _call(call)


def _call(call: Call) -> Iterator[str]:
    code, language = code_of(call)
    first = code.strip().partition("\n")[0]
    look = LOOKS.get(call.status, "bad")
    yield f'<div class="item {look}"><details class="call" open><summary>'
    yield f"<b>{_text(call.request.name)}</b><code>{_text(first)}</code>"
    yield f'<span class="end">{_text(figures_of(call))}</span></summary>\n'
    if call.ran:
        yield "<p>A person changed this call before it ran; this is what ran.</p>"
    yield f"<pre>{_highlighted(code, language)}</pre>\n"
    for line in call.remarks:
        yield f"<p>{_text(line)}</p>"
    for stream, text in outputs_of(call.finished):
        name = stream.partition(" ")[0]
        kind = name if name in ("stdout", "stderr", "value", "error") else "text"
        yield f'<div class="label">{_text(stream)}</div><pre class="out {kind}">'
        yield f"{_text(text.rstrip())}</pre>"
    for part in call.finished.parts if call.finished else ():
        yield from _image(part)
    for line in reasons_of(call):
        yield f'<p class="why">{_text(line)}</p>'
    yield "</details></div>\n"


def _image(part: Part) -> Iterator[str]:
    if not isinstance(part, Image):
        return
    if part.data and part.media_type in IMAGES and _BASE64.fullmatch(part.data):
        yield f'<img alt="image" src="data:{part.media_type};base64,{part.data}">\n'
    else:
        yield f"<p>an image: {_text(part.path or part.media_type)}</p>\n"


def _text(text: str) -> str:
    """Return `text` for a place between tags or in an attribute."""
    return escape(clean(text))


def _highlighted(code: str, language: str) -> str:
    """Return code with the classes of `page.css`; text that no lexer knows stays plain."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    code = clean(code)
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return escape(code)
    coloured: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return coloured.rstrip("\n")


def _rendered(text: str) -> str:
    """Return the model's Markdown as HTML; HTML in it is shown as it was written."""
    html: str = _renderer().render(clean(text))
    return html


@cache
def _renderer() -> Any:
    from markdown_it import MarkdownIt

    def coloured(code: str, language: str, _: str) -> str:
        return _highlighted(code, language or "text")

    # An image would be loaded from somewhere: what it is called is shown, as a link.
    parser = MarkdownIt("commonmark", {"html": False, "highlight": coloured})
    return parser.enable(["table", "strikethrough"]).disable("image")
