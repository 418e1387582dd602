"""Conversations from `logs.db`, the SQLite database in which simonw/llm keeps what it was asked.

Both of its forms are read: messages that share their beginnings and the older
rows of prompts with responses. The database is only read.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from llmrepl.exchange.foreign import Foreign, Said, Unreadable, language_of, moment
from llmrepl.exchange.openai_messages import arguments_of
from llmrepl.parts import Image, Output, Part, Reasoning, Text, ToolCall, ToolResult
from llmrepl.usage import Usage

MAGIC = b"SQLite format 3\0"
ACCEPTED = "the logs.db that `llm logs path` names"

Row = sqlite3.Row


def conversations(path: Path) -> Iterator[Foreign]:
    """Yield each conversation in the database at `path`, the oldest first.

    Raises:
        Unreadable: it is no such database.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            if not names & {"threads", "conversations"}:
                raise Unreadable(f"{path} is no database of llm's", hint=f"accepted: {ACCEPTED}")
            if {"conversations", "responses"} <= names:
                yield from _Older(db, names).all()
            if {"threads", "turns", "messages", "parts"} <= names:
                yield from _Newer(db).all()
    except sqlite3.Error as exc:
        raise Unreadable(f"cannot read {path}: {exc}", hint=f"accepted: {ACCEPTED}") from None


class _Newer:
    """Threads, each of which ends with a message that names the one before it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def all(self) -> Iterator[Foreign]:
        for thread in self._db.execute("SELECT * FROM threads ORDER BY datetime_utc, id"):
            foreign = Foreign("llm", thread["id"])
            turns = self._db.execute(
                "SELECT * FROM turns WHERE thread_id = ? ORDER BY datetime_utc, id", (thread["id"],)
            )
            by_tip = {turn["tip_message_hash"]: turn for turn in turns}
            at = 0
            for message in self._chain(thread["tip_message_hash"]):
                turn = by_tip.get(message["hash"])
                at = moment(turn["datetime_utc"]) if turn else at
                foreign.said.append(self._said(message, turn, foreign, at))
            yield foreign

    def _chain(self, tip: str | None) -> list[Row]:
        chain: list[Row] = []
        seen = set()
        while tip is not None and tip not in seen:
            seen.add(tip)
            row = self._db.execute("SELECT * FROM messages WHERE hash = ?", (tip,)).fetchone()
            if row is None:
                break
            chain.append(row)
            tip = row["parent_hash"]
        return chain[::-1]

    def _said(self, message: Row, turn: Row | None, foreign: Foreign, at: int) -> Said:
        role = message["role"]
        rows = self._db.execute(
            "SELECT * FROM parts WHERE message_hash = ? ORDER BY position", (message["hash"],)
        )
        parts = [part for row in rows for part in self._part(row, foreign)]
        said = Said(role if role in ("user", "assistant", "tool") else "system", parts, at)
        if turn is not None:
            _spent(said, turn, foreign)
        return said

    def _part(self, row: Row, foreign: Foreign) -> Iterator[Part]:
        data: dict[str, Any] = json.loads(row["payload"] or "{}")
        text = row["text"]
        if text is None:
            text = data.get("text") or "".join(map(self._piece, data.get("text_ref") or ()))
        match row["type"]:
            case "text":
                yield Text(text)
            case "reasoning":
                if text:
                    yield Reasoning(text)
            case "tool_call":
                yield _call(data["name"], data.get("arguments"), data.get("tool_call_id"), foreign)
            case "tool_result":
                ids = [item.get("id") for item in data.get("attachments") or ()]
                images = [image for id_ in ids for image in _attached(self._db, id_, foreign)]
                yield _result(
                    (data.get("name"), data.get("output"), data.get("tool_call_id")),
                    data.get("exception"),
                    images,
                )
            case "attachment":
                yield from _attached(self._db, (data.get("attachment") or {}).get("id"), foreign)
            case other:
                foreign.lost[f"parts of the type {str(other)[:40]!r}"] += 1

    def _piece(self, piece: dict[str, Any]) -> str:
        if "literal" in piece:
            return str(piece["literal"])
        key = piece.get("fragment")
        row = self._db.execute("SELECT content FROM fragments WHERE id = ?", (key,)).fetchone()
        return str(row[0]) if row else ""


class _Older:
    """Conversations of responses, each with the prompt that it answers."""

    def __init__(self, db: sqlite3.Connection, tables: set[str]) -> None:
        self._db = db
        self._tables = tables

    def all(self) -> Iterator[Foreign]:
        for found in self._db.execute("SELECT * FROM conversations ORDER BY id"):
            foreign = Foreign("llm", found["id"])
            rows = self._db.execute(
                "SELECT * FROM responses WHERE conversation_id = ? ORDER BY datetime_utc, id",
                (found["id"],),
            )
            for row in rows:
                foreign.said += self._said(row, foreign)
            if foreign.said:
                yield foreign

    def _said(self, row: Row, foreign: Foreign) -> Iterator[Said]:
        at = moment(row["datetime_utc"])
        if row["system"]:
            yield Said("system", [Text(row["system"])], at)
        results = [
            _result((r["name"], r["output"], r["tool_call_id"]), _optional(r, "exception"), [])
            for r in self._of("tool_results", row["id"], "id")
        ]
        if results:
            yield Said("tool", list(results), at)
        asked: list[Part] = [
            Text(fragment["content"])
            for link in self._of("prompt_fragments", row["id"], '"order"')
            for fragment in self._db.execute(
                "SELECT content FROM fragments WHERE id = ?", (link["fragment_id"],)
            )
        ]
        if row["prompt"]:
            asked.append(Text(row["prompt"]))
        for link in self._of("prompt_attachments", row["id"], '"order"'):
            asked += _attached(self._db, link["attachment_id"], foreign)
        if asked:
            yield Said("user", asked, at)
        answer: list[Part] = []
        if thought := _optional(row, "reasoning"):
            answer.append(Reasoning(thought))
        if row["response"]:
            answer.append(Text(row["response"]))
        answer += [
            _call(r["name"], r["arguments"], r["tool_call_id"], foreign)
            for r in self._of("tool_calls", row["id"], "id")
        ]
        said = Said("assistant", answer, at)
        _spent(said, row, foreign)
        yield said

    def _of(self, table: str, response: str, order: str) -> list[Row]:
        if table not in self._tables:
            return []
        query = f"SELECT * FROM {table} WHERE response_id = ? ORDER BY {order}"  # noqa: S608 - names of ours
        return self._db.execute(query, (response,)).fetchall()


def _spent(said: Said, row: Row, foreign: Foreign) -> None:
    said.model = str(_optional(row, "resolved_model") or row["model"] or "")
    said.usage = Usage(
        int(_optional(row, "input_tokens") or 0), int(_optional(row, "output_tokens") or 0)
    )
    said.ms = float(row["duration_ms"] or 0)
    if json.loads(row["options_json"] or "{}"):
        foreign.lost["options of the model"] += 1


def _optional(row: Row, column: str) -> Any:
    """Return a column that older databases do not have."""
    return row[column] if column in row.keys() else None  # noqa: SIM118 - a row's `in` asks its values


def _call(name: str, arguments: Any, call_id: str | None, foreign: Foreign) -> ToolCall:
    given = arguments_of(arguments, foreign)
    return ToolCall(call_id or name, name, language_of(name, given), given)


def _result(
    named: tuple[str | None, Any, str | None], exception: str | None, images: list[Part]
) -> ToolResult:
    name, output, call_id = named
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    parts = (Output("value", text), *images)
    status = "error" if exception else "ok"
    return ToolResult(call_id or name or "", name or "", status, parts, reason=exception or "")


def _attached(db: sqlite3.Connection, id_: str | None, foreign: Foreign) -> list[Part]:
    row = db.execute("SELECT * FROM attachments WHERE id = ?", (id_,)).fetchone()
    kind = str(row["type"] or "") if row else ""
    if row and row["content"] and kind.startswith("image/"):
        return [Image(kind, data=b64encode(row["content"]).decode())]
    foreign.lost["attachments that are no images in the database"] += 1
    return []
