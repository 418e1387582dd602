"""Lines of JSON that are chained by hashes, and nothing about files.

A line is one JSON object in UTF-8 without white space between tokens. It carries the SHA-256 of the
line before it and a number that counts up, so a changed, lost or inserted line shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

_PREV = b'{"prev":"'
_AFTER_PREV = len(_PREV) + 64 + 1  # 64 hexadecimal digits and the quote that ends them


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_compact = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
).encode
_decode = json.JSONDecoder().raw_decode  # json.loads without its two searches for white space


def digest(line: bytes) -> str:
    """Return what the next line's `prev` must be; `line` is without its newline."""
    return sha256(line).hexdigest()


def encode(data: Mapping[str, Any]) -> bytes:
    """Return `data` as a line without its newline.

    Raises:
        TypeError: it holds something that JSON has no words for.
        ValueError: it contains itself.
        RecursionError: it is nested too deeply.
    """
    try:
        text = _compact(data)
    except ValueError:
        text = _compact(_finite(data))
    # Half of a surrogate pair has no UTF-8; what `backslashreplace` makes of it is JSON's escape.
    return text.encode(errors="backslashreplace")


def rechain(line: bytes, prev: str) -> bytes:
    """Return `line` with another `prev` and every other byte as it was."""
    if line.startswith(_PREV):
        return _PREV + prev.encode() + line[_AFTER_PREV - 1 :]
    data = json.loads(line)  # another writer's order of fields
    return encode({**data, "prev": prev})


def header(line: bytes, kind: str, version: int) -> dict[str, Any]:
    """Return the fields of a file's first line, but for its kind.

    Args:
        line: the line without its newline.
        kind: what the file must be: the value of `llmrepl`.
        version: the newest format version that is read; those from 1 on are as well.

    Raises:
        ValueError: it is no such header; the text says why.
    """
    try:
        data = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ValueError("its header is not JSON") from None
    if not isinstance(data, dict) or data.pop("llmrepl", None) != kind:
        raise ValueError(f"its first line is not a header of kind {kind}")
    found = data.get("version")
    if type(found) is not int or not 1 <= found <= version:
        known = "1" if version == 1 else f"1 to {version}"
        newer = ": a newer one wrote it" if isinstance(found, int) and found > version else ""
        raise ValueError(f"it has format version {found!r}, and this llmrepl reads {known}{newer}")
    return data


class Problem(NamedTuple):
    """Why following a chain ended before the end of the file.

    `line` counts from 1, the header included. `torn` means that the last line was never finished,
    as a crash leaves it; anything else is damage.
    """

    line: int
    reason: str
    torn: bool


class Follower(Generic[T]):
    """Follows a file's chain from its header on, or from a line that was already verified.

    A line counts once the next line has vouched for it; what does not verify is not yielded, nor is
    anything behind it. The attributes hold when an iteration has ended.

    Args:
        decode: makes of a line's object what is yielded with the line. What it raises for an
            object of the wrong shape makes the line damaged.
        first: the number of the file's header; the line after it has the next one.

    Attributes:
        seq: the number of the last line that verified.
        last: the digest of that line, or of the header.
        end: bytes of the file up to there, its newline included if it has one.
        ended: whether that newline is there.
        problem: why the last iteration ended early; None where it reached the end of the file.
    """

    def __init__(self, decode: Callable[[dict[str, Any]], T], first: int = 0) -> None:
        self._decoded = decode
        self._first = self.seq = first
        self.last = ""
        self.end = 0
        self.ended = True
        self.problem: Problem | None = None

    def begin(self, raw: bytes) -> None:
        """Take `raw`, newline included where it has one, for the header that was verified."""
        line = raw.removesuffix(b"\n")
        self.last = digest(line)
        self.end = len(raw)
        self.ended = raw != line

    def follow(self, raws: Iterable[bytes]) -> Iterator[tuple[bytes, T]]:
        """Yield each line without its newline, with what was decoded from it.

        Args:
            raws: the file's lines from `end` on, their newlines included.
        """
        self.problem = None
        seq, last, raw = self.seq, self.last, b""
        held: tuple[bytes, T] | None = None  # waits for the next line to vouch for it
        at = seq - self._first + 1  # the line of the file that has this number
        for following in raws:
            line = following.removesuffix(b"\n")
            try:
                found = self._verified(line, seq + 1, last)
            except _Changed:
                self.problem = Problem(at, f"it, or line {at + 1}, was changed", False)
                return
            except _Damaged as exc:
                self.problem = Problem(at + 1, str(exc), False)
                break
            except _NotJson:
                torn = following == line
                reason = "it was never finished" if torn else "it is not a JSON object"
                self.problem = Problem(at + 1, reason, torn)
                break
            if held is not None:
                self.seq, self.last = seq, last
                self.end += len(raw)
                yield held
            held, raw = (line, found), following
            seq, last, at = seq + 1, sha256(line).hexdigest(), at + 1
        if held is not None:
            self.seq, self.last = seq, last
            self.end += len(raw)
            self.ended = raw.endswith(b"\n")
            yield held

    def _verified(self, line: bytes, seq: int, last: str) -> T:
        """Return what a line holds that must have this number and follow this digest."""
        try:
            text = line.decode()
            data, end = _decode(text)
        except (ValueError, RecursionError):
            raise _NotJson from None
        if end != len(text) or not isinstance(data, dict):
            raise _NotJson
        if data.get("seq") != seq:
            raise _Damaged(f"its seq is {data.get('seq')!r} where {seq} must follow")
        if data.get("prev") != last:
            raise _Changed
        try:
            return self._decoded(data)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as exc:
            raise _Damaged(f"its record cannot be decoded ({exc!r})") from None


class _NotJson(Exception):
    """A line is no JSON object: damage, or torn if it is also the last and has no newline."""


class _Damaged(Exception):
    """A line cannot have been written like this."""


class _Changed(Exception):
    """A line and the one before it do not belong together."""


def _finite(value: Any) -> Any:
    """Return `value` with NaN and the infinities, which JSON lacks, as the words for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
