"""The parser: a message goes in, in any pieces; items come out as soon as they are certain."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from llmrepl.parser.body import Body
from llmrepl.parser.checks import Check, Checker, check_json, check_python
from llmrepl.parser.grammar import (
    MOST_INDENT,
    Certainty,
    is_part_of_closing,
    looks_like_opening,
    read_opening,
    refuse_opening,
)
from llmrepl.parser.items import Block, Code, Forged, Ignored, Item, Prose, Thought
from llmrepl.parser.markdown import Markdown

BYTE_ORDER_MARK = "\ufeff"

_CHECKS: Mapping[str, Check] = {"python": check_python, "tool": check_json}
_THOUGHT = re.compile(r" {0,3}<(think|thinking)>", re.ASCII | re.IGNORECASE)
_THOUGHT_ENDS = {
    name: re.compile(f"</{name}>", re.ASCII | re.IGNORECASE) for name in ("think", "thinking")
}
_THOUGHT_TAGS: tuple[str, ...] = ("<think>", "<thinking>")
_RESULTS = "<results>"
_LONGEST_START = len("   <thinking>")


class BlockParser:
    """Finds the helper blocks of one message.

    CRLF becomes LF, and a byte order mark at the beginning of the message or of a body is dropped.

    Args:
        checks: by language, what tells whether code compiles, besides the built-in ones for python
            and tool. Bash has none of its own: then the first closing tag is taken. A check for it
            should return what `bash -n` writes in the C locale, its warning about an unfinished
            here-document included.
    """

    def __init__(self, checks: Mapping[str, Check] | None = None) -> None:
        self._checker = Checker({**_CHECKS, **(checks or {})})
        self._markdown = Markdown()
        self._body: Body | None = None  # the open block's
        self._thought = ""  # the name of the tag around the open thought
        self._tail = ""  # the thought's last characters, if they may begin its closing tag
        self._line: list[str] = []  # the pieces of the line so far
        self._flow: Callable[[str], Item] | None = None  # what more of the line surely is
        self._held = False  # whether the line is held back until it is complete
        self._fresh = True  # whether a byte order mark may come
        self._carry = ""  # a carriage return that may belong to a line feed
        self._at = 0  # how much of the message was taken, as it was fed
        self._start = 0  # where the line begins
        self._out: list[Item] = []

    def feed(self, chunk: str) -> list[Item]:
        """Take the next piece of the message; return what became certain."""
        flow = self._flow
        if flow and chunk and not self._carry and "\n" not in chunk and "\r" not in chunk:
            self._line.append(chunk)
            self._at += len(chunk)
            return [flow(chunk)]
        chunk = self._carry + chunk
        self._carry = "\r" if chunk.endswith("\r") else ""
        *lines, rest = chunk.removesuffix("\r").split("\n")
        for line in lines:
            self._take(line.removesuffix("\r"))
            self._at += 2 if line.endswith("\r") else 1
            self._end_line("\n")
        self._take(rest)
        return self._drain()

    def close(self, *, cut: bool = False) -> list[Item]:
        """End the message; return the rest, and nothing if called again.

        Args:
            cut: the message was broken off, or reached the output limit: a block that is still open
                gets a problem. If not, the provider stopped at its closing tag and swallowed it.
        """
        self._take(self._carry)
        if self._tail:
            self._out.append(Thought(self._tail))
        line = "".join(self._line)
        after = "" if line else "\n"
        if self._body is not None and not cut and not self._flow and is_part_of_closing(line):
            after = "\n" + line
        elif line:
            self._end_line("")
        if self._body is not None:
            self._out += self._body.finish(after, self._at, cut=cut)
            self._body = None
        self._line.clear()
        self._carry = self._tail = ""
        return self._drain()

    def _drain(self) -> list[Item]:
        out, self._out = self._out, []
        return out

    def _take(self, text: str) -> None:
        """Take more of the current line."""
        if self._fresh and text:
            self._fresh = False
            if text[0] == BYTE_ORDER_MARK:
                text = text[1:]
                self._at += 1
                self._start = self._at
        if self._tail:
            text = self._tail + text
            self._at -= len(self._tail)
            self._tail = ""
        done = 0
        while done < len(text):
            step = self._think if self._thought else self._write
            done = step(text, done)
        self._at += len(text)

    def _think(self, text: str, begin: int) -> int:
        """Take the thought in `text` from `begin`; return where it ends."""
        end = _THOUGHT_ENDS[self._thought].search(text, begin)
        if end:
            stop, done = end.start(), end.end()
            self._thought = ""
            self._start = self._at + done
        else:
            tag = f"</{self._thought}>"
            stop, done = text.rfind("<", max(begin, len(text) - len(tag))), len(text)
            if stop < 0 or not tag.startswith(text[stop:].lower()):
                stop = len(text)
            self._tail = text[stop:]
        if stop > begin:
            self._out.append(Thought(text[begin:stop]))
        return done

    def _write(self, text: str, begin: int) -> int:
        """Take `text` from `begin` as prose or code; return where it ends or a thought begins."""
        if not self._flow and not self._held:
            before = "".join(self._line)
            if self._body is None and not self._markdown.in_fence:
                thought = _THOUGHT.match(before + text[begin : begin + _LONGEST_START])
                if thought:
                    self._thought = thought[1].lower()
                    self._line.clear()
                    return begin + thought.end() - len(before)
            self._settle(before + text[begin:])
        elif self._flow:
            self._out.append(self._flow(text[begin:]))
        self._line.append(text[begin:])
        return len(text)

    def _settle(self, line: str) -> None:
        """Find out what `line`, none of which is shown yet, is so far."""
        if self._body is not None:
            certainty = self._body.certainty(line)
            if certainty == "text":
                self._out += self._body.show(line)
                self._flow = Code
        else:
            certainty = self._certainty(line)
            if certainty == "text":
                self._out.append(Prose(line))
                self._flow = Prose
        self._held = certainty == "held"

    def _certainty(self, line: str) -> Certainty:
        """Return what a line of prose, which may still go on, is known to be."""
        if self._markdown.in_fence:
            return "text"
        text = line.lstrip(" ")
        if len(line) - len(text) > MOST_INDENT:
            return "text"
        tags = _THOUGHT_TAGS
        if not self._markdown.in_code:
            tags = (*_THOUGHT_TAGS, "<helpers", _RESULTS)
        start = text[:_LONGEST_START].lower()
        if any(tag.startswith(start) for tag in tags):
            return "open"
        return "held" if not self._markdown.in_code and looks_like_opening(line) else "text"

    def _end_line(self, newline: str) -> None:
        """Take the end of the line, or of the message if `newline` is empty."""
        line, shown, start = "".join(self._line), self._flow is not None, self._start
        self._line.clear()
        self._flow = None
        self._held = self._fresh = False
        self._start = self._at
        if self._thought:
            self._out.append(Thought(self._tail + newline))
            self._tail = ""
        elif self._body is not None:
            items = self._body.read(line, self._at, shown=shown)
            self._out += items
            if items and isinstance(items[-1], Block):
                self._body = None
        else:
            self._end_prose(line, newline, start, shown=shown)

    def _end_prose(self, line: str, newline: str, start: int, *, shown: bool) -> None:
        reason = ""
        quoted = self._markdown.in_fence or self._markdown.in_code
        if not shown and not quoted and looks_like_opening(line):
            reason = refuse_opening(line)
            if not reason:
                self._body = Body(read_opening(line), start, self._checker)
                self._fresh = True
                return
        if not shown and not quoted and line.strip().lower() == _RESULTS:
            self._out.append(Forged((start, self._at)))
            return
        text = newline if shown else line + newline
        if text:
            self._out.append(Prose(text))
        reason = self._markdown.read(line) or reason
        if reason:
            self._out.append(Ignored(reason, (start, self._at)))
