"""Changes one value in a configuration file and leaves every other byte as it was.

The new text is read back before it is written: it must mean what the old one meant, but for the
one key. The file is replaced in one step.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmrepl.config import kinds
from llmrepl.config.kinds import dotted, key_literal
from llmrepl.config.layers import Folders, entry, parse_toml
from llmrepl.config.locate import Places, locate
from llmrepl.config.showing import known
from llmrepl.errors import ConfigError

Key = tuple[str, ...]


def set_value(file: Path, key: str, text: str, *, cwd: Path) -> None:
    """Set `key` in the person's configuration file to what `text` says.

    Comments, order and everything else stay as they are; the file, and its folder, are made where
    they are missing, for their owner alone.

    Args:
        file: the configuration file.
        key: the dotted key.
        text: the value as an argument: a text without quotes, a list with its separators.
        cwd: what a relative path in `text` is relative to.

    Raises:
        ConfigError: there is no such setting, the value is not accepted, the file is not TOML, or
            it cannot be written.
    """
    path, setting = known(key)
    value = setting.kind.read(text)
    folders = Folders(cwd, cwd)
    entry(path, setting, value, f"config set {dotted(path)}", "user file", folders)
    if setting.kind is kinds.PATH and not text.startswith("~"):
        value = str(cwd / text)  # in the file, it would be relative to the file
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as exc:
        raise ConfigError(f"cannot read {file}: {exc.strerror}") from exc
    document, old = parse_toml(content, file)
    wanted = _with(document, path, value)
    for new in _candidates(old, locate(old), path, kinds.literal(value)):
        if _means(new, wanted):
            replace_file(file, new)
            return
    line = locate(old).line(path)
    raise ConfigError(
        f"{file}:{line}: {dotted(path)} cannot be set without rewriting what stands there",
        hint="`llmrepl config edit` opens the file in your editor",
    )


def unset_value(file: Path, key: str) -> None:
    """Take the line of `key` out of the person's configuration file, if it stands there.

    Raises:
        ConfigError: the file is not TOML, cannot be written, or the key has no line of its own.
    """
    path, _ = known(key)
    try:
        document, old = parse_toml(file.read_bytes(), file)
    except FileNotFoundError:
        return
    span = locate(old).spans.get(path)
    if span is None:
        return
    end = old.find("\n", span.end) + 1 or len(old)
    new = old[: old.rfind("\n", 0, span.start) + 1] + old[end:]
    if not _means(new, _without(document, path)):
        raise ConfigError(
            f"{file}:{span.line}: {dotted(path)} cannot be taken out without the rest of its line",
            hint="`llmrepl config edit` opens the file in your editor",
        )
    replace_file(file, new)


def _without(document: dict[str, Any], path: Key) -> dict[str, Any]:
    """Return `document` without one value; a table that is empty then stays."""
    name, *rest = path
    if not rest:
        return {key: value for key, value in document.items() if key != name}
    return {**document, name: _without(document[name], tuple(rest))}


def _with(document: dict[str, Any], path: Key, value: Any) -> dict[str, Any] | None:
    """Return `document` with one value changed; None where a part of the path is no table."""
    name, *rest = path
    if not rest:
        return {**document, name: value}
    below = document.get(name, {})
    inner = _with(below, tuple(rest), value) if isinstance(below, dict) else None
    return None if inner is None else {**document, name: inner}


def _candidates(text: str, places: Places, path: Key, value: str) -> Iterator[str]:
    """Yield texts with the value set, the most natural one first; not all of them are valid."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if path in places.spans:
        span = places.spans[path]
        yield text[: span.start] + value + text[span.end :]
        return
    for depth in range(len(path) - 1, -1, -1):
        table = path[:depth]
        rest = dotted(path[depth:])
        for section in places.sections:
            if section.path == table and (table or path[1:] == ()):
                yield _inserted(text, section.end, f"{rest} = {value}", newline)
        inline = places.spans.get(table)
        if inline is not None and text[inline.end - 1 : inline.end] == "}":
            before = text[: inline.end - 1].rstrip()
            comma = " " if before.endswith("{") else ", "
            yield f"{before}{comma}{rest} = {value} {text[inline.end - 1 :]}"
    end = text if not text or text.endswith("\n") else text + newline
    gap = newline if end else ""
    yield f"{end}{gap}[{dotted(path[:-1])}]{newline}{key_literal(path[-1])} = {value}{newline}"
    # The table exists through dotted keys, so that no header can open it again.
    yield _inserted(text, places.sections[0].end, f"{dotted(path)} = {value}", newline)


def _inserted(text: str, at: int, line: str, newline: str) -> str:
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    gap = newline if after.startswith("[") else ""
    return f"{before}{line}{newline}{gap}{after}"


def _means(text: str, wanted: dict[str, Any] | None) -> bool:
    import tomllib

    try:
        return wanted is not None and tomllib.loads(text, parse_float=Decimal) == wanted
    except tomllib.TOMLDecodeError:
        return False


def replace_file(file: Path, text: str) -> None:
    """Write a file in one step; a link stays a link, and the mode stays as it is.

    The file, and its folder, are made where they are missing, for their owner alone.

    Raises:
        ConfigError: it cannot be written.
    """
    target = file.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        draft.rename(target)
    except OSError as exc:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise ConfigError(f"cannot write {file}: {exc.strerror}") from exc
