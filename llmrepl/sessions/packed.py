"""The bytes of a session's file, whether it is packed with zstd or not.

The compressor is imported where a packed file is met, and nowhere else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmrepl.errors import SessionError

if TYPE_CHECKING:
    from types import ModuleType

PACKED = ".zst"
"""What a packed file's name has behind that of the file it was."""

_LEVEL = 9


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a session's file as they were before it was packed.

    Raises:
        OSError: it cannot be read.
        SessionError: it is packed, and not what was packed.
    """
    raw = path.read_bytes()
    if path.suffix != PACKED:
        return raw
    zstd = _zstd()
    try:
        unpacked: bytes = zstd.decompress(raw)
    except zstd.ZstdError as exc:
        raise SessionError(
            f"cannot unpack {path}: {exc}",
            hint="it was damaged after it was packed: get it from a backup",
        ) from exc
    return unpacked


def head_of(path: Path, size: int) -> bytes:
    """Return the first `size` bytes, or all where there are fewer, without unpacking the rest.

    Raises:
        OSError: it cannot be read.
        ValueError: it is packed, and not what was packed.
    """
    if path.suffix != PACKED:
        with path.open("rb") as file:
            return file.read(size)
    zstd = _zstd()
    try:
        head: bytes = zstd.ZstdDecompressor().decompress(path.read_bytes(), max_length=size)
    except zstd.ZstdError as exc:
        raise ValueError(f"cannot unpack {path}: {exc}") from exc
    return head


def packed(raw: bytes) -> bytes:
    """Return `raw` packed, with its length and a checksum."""
    zstd = _zstd()
    options: dict[Any, int] = {
        zstd.CompressionParameter.compression_level: _LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    made: bytes = zstd.compress(raw, options=options)
    return made


def _zstd() -> ModuleType:
    from importlib import import_module

    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
