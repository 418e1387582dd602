"""A session as a Jupyter notebook: prompts and answers are Markdown cells, Python blocks are code.

Python cells hold what ran and what came out, so that they can be run again; bash cells begin with
`%%bash`; a tool's call is shown as JSON. Nothing that did not run becomes code, and no Markdown
loads or runs anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from llmrepl.exchange.taming import tame
from llmrepl.exchange.told import Call, Remark, Session, Step, Turn, title_of, turns_of
from llmrepl.exchange.words import code_of, coded, compaction_of, ending_of, fenced, minute
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, text_of
from llmrepl.sanitise import clean

MAGIC = {"python": "", "bash": "%%bash\n"}
"""What makes a code cell of each language; a call in another becomes a Markdown cell."""

NOT_RUN = frozenset({"denied", "cancelled"})
_ERROR = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?$")

Cell = dict[str, Any]


def notebook(session: Session) -> str:
    """Return `session` as a notebook in format 4.5."""
    turns = turns_of(session.records)
    about = f"# {_line(title_of(session, turns))}\n\nllmrepl session {coded(session.id)}, "
    cells = [_markdown(about + minute(session.created))]
    cells += [cell for turn in turns for cell in _turn(turn)]
    data = {
        "cells": [cell | {"id": f"cell-{number}"} for number, cell in enumerate(cells, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "llmrepl": {"session": session.id},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _turn(turn: Turn) -> Iterator[Cell]:
    if turn.number:
        prompt = tame(clean(text_of(turn.prompt)))
        quoted = "\n".join(f"> {line}".rstrip() for line in prompt.split("\n"))
        yield _markdown(f"## Prompt {turn.number}\n\n{quoted}")
    for step in turn.steps:
        if isinstance(step, Remark):
            yield _remark(step)
        else:
            yield from _step(step)


def _remark(remark: Remark) -> Cell:
    told = f"**{remark.kind}:**\n\n{fenced(clean(remark.text), 'text')}"
    if remark.compaction:
        told += f"\n\n{coded(_line(compaction_of(remark.compaction)))}"
    return _markdown(told)


def _step(step: Step) -> Iterator[Cell]:
    calls = {call.request.call_id: call for call in step.calls}
    for part in step.parts:
        match part:
            case Reasoning(text=text):
                yield _markdown(f"*Reasoning*\n\n{fenced(clean(text), 'text')}")
            case Text(text=text) if text.strip():
                yield _markdown(tame(clean(text)))
            case ToolCall(call_id=call_id) if call_id in calls:
                yield _call(calls.pop(call_id))
    for call in calls.values():
        yield _call(call)


def _call(call: Call) -> Cell:
    code, language = code_of(call)
    runs = call.code is not None and language in MAGIC and not call.request.problem
    if not runs or call.status in NOT_RUN:
        told = f"{coded(call.request.name)} · {_line(ending_of(call))}"
        return _markdown(f"{told}\n\n{fenced(clean(code), language)}")
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"llmrepl": {"call": call.request.call_id, "ended": ending_of(call)}},
        "source": MAGIC[language] + code,
        "outputs": list(_outputs(call)),
    }


def _outputs(call: Call) -> Iterator[Cell]:
    for part in call.finished.parts if call.finished else ():
        match part:
            case Output(stream="stdout" | "stderr" as stream, text=text):
                yield {"output_type": "stream", "name": stream, "text": text}
            case Output(stream="error", text=text):
                yield _error(text)
            case Output(text=text) | Text(text=text):
                data = {"text/plain": text}
                yield {"output_type": "display_data", "data": data, "metadata": {}}
            case Image(media_type=kind, data=data) if data:
                yield {"output_type": "display_data", "data": {kind: data}, "metadata": {}}
    finished = call.finished
    if finished and finished.reason:
        yield {"output_type": "stream", "name": "stderr", "text": finished.reason + "\n"}


def _error(text: str) -> Cell:
    """Return a traceback as a notebook has it: its last line is the error's name and value."""
    lines = text.rstrip("\n").split("\n")
    found = _ERROR.match(lines[-1])
    name, value = (found[1], found[2] or "") if found else ("Error", lines[-1])
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}


def _markdown(source: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _line(text: str) -> str:
    return " ".join(clean(text).split())
