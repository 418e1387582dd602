"""Makes text of untrusted programs safe to show: what is left moves no cursor and hides nothing.

Terminal control sequences, control characters except tab and newline, and characters that reorder
text or have no width are removed. Time is linear, whatever is thrown at it.
"""

from __future__ import annotations

import re

# A control string (DCS, SOS, PM, APC, OSC) that nobody ends, ends before a newline or at the next
# sequence, so that it cannot swallow the rest of the output. Lengths are bounded and the parts
# exclude each other's first character: that is what makes every search here linear.
_CSI = r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}"
_STRING = r"(?:\x1b[PX^_\]]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\x1b\n\x90\x98\x9b-\x9f]*"
_ESCAPE = r"\x1b[ -/]{0,8}"

_SEQUENCES = re.compile(
    rf"{_CSI}[@-~]|{_STRING}(?:\x07|\x1b\\|[\x9c\x18\x1a])?|{_ESCAPE}[0-Z\\^-~]|\x1b\[?"
)
_UNFINISHED = re.compile(rf"(?:(?P<string>{_STRING}\x1b?)|{_CSI}|{_ESCAPE})\Z")
_INTRODUCER = re.compile("[\x1b\x90\x98\x9b\x9d-\x9f]")
_OPEN_STRING = "\x9d"

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls; \r is handled with its line
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # fillers and joiners without a width
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"  # and bidi controls
    "\U000e0000-\U000e0fff"  # tags: text that nobody sees and a model reads
    "]+"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Return `text` safe to show; of a line rewritten with carriage returns the last state."""
    text = _strip(_UNFINISHED.sub("", text))
    if "\r" not in text:
        return text
    return "\n".join(map(_last_state, text.split("\n")))


def _strip(text: str) -> str:
    if _INTRODUCER.search(text):
        text = _SEQUENCES.sub("", text)
    text = _INVISIBLE.sub("", text)
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _last_state(line: str) -> str:
    return next((state for state in reversed(line.split("\r")) if state), "")


class Sanitiser:
    """`clean` for bytes that are still arriving: the same text for any split of the same bytes.

    What has been returned cannot be taken back, so of a line that is rewritten in place the first
    state is returned at once and the last on a line of its own; those between are left out.
    """

    def __init__(self) -> None:
        self._bytes = b""
        self._held = ""
        self._started = False  # something of the current line has been returned
        self._rewritten = False  # the current line had a carriage return: it is held from there
        self._fresh = False
        self._state: list[str] = []

    def feed(self, data: bytes) -> str:
        """Return the text that `data` adds."""
        data = self._bytes + data
        end = len(data) - _incomplete(data)
        self._bytes = data[end:]
        return self._add(data[:end].decode("utf-8", "replace"))

    def feed_text(self, text: str) -> str:
        """Return what `text` adds, where what arrives is text already."""
        return self._add(text)

    def close(self) -> str:
        """Return what was held back, now that nothing more comes."""
        text = self._add(self._bytes.decode("utf-8", "replace"))
        text += self._rewrite("\n")[:-1]
        self._bytes = b""
        self._held = ""
        return text

    def _add(self, text: str) -> str:
        text = self._held + text
        self._held = ""
        begun = _INTRODUCER.search(text)
        unfinished = begun and _UNFINISHED.search(text, begun.start())
        if unfinished:
            self._held = unfinished.group()
            if unfinished["string"] is not None:
                self._held = _OPEN_STRING + ("\x1b" if self._held.endswith("\x1b") else "")
            text = text[: unfinished.start()]
        return self._rewrite(_strip(text))

    def _rewrite(self, text: str) -> str:
        if not self._rewritten and "\r" not in text:
            self._note(text)
            return text
        return "".join(map(self._piece, re.findall(r"[^\r\n]+|\r|\n", text)))

    def _note(self, text: str) -> None:
        _, newline, line = text.rpartition("\n")
        self._started = bool(line) or (self._started and not newline)

    def _piece(self, piece: str) -> str:
        if piece == "\r":
            self._rewritten = self._fresh = True
            return ""
        if piece == "\n":
            state = "".join(self._state)
            before = "\n" if state and self._started else ""
            self._started = self._rewritten = False
            self._state = []
            return f"{before}{state}\n"
        if not self._rewritten:
            self._started = True
            return piece
        if self._fresh:
            self._state = []
            self._fresh = False
        self._state.append(piece)
        return ""


_LEADS = ((0xF0, 4), (0xE0, 3), (0xC0, 2))  # first bytes of UTF-8, and the length they announce
_CONTINUES = 0x80


def _incomplete(data: bytes) -> int:
    """Return how many bytes at the end of `data` begin a character that is not complete."""
    for count in range(1, min(4, len(data) + 1)):
        byte = data[-count]
        if byte < _CONTINUES:
            return 0
        for lead, length in _LEADS:
            if byte >= lead:
                return count if count < length else 0
    return 0
