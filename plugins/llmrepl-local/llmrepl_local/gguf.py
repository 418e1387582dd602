"""What a GGUF file says of itself, and whether all of it is there. The weights are not read.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3. A file may
come from anywhere, so every number in it is checked against the file's size before it is used.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32
"""Bytes that the beginning of each tensor is a multiple of, where the file says nothing else."""

LONGEST_ARRAY = 4096
"""Arrays with more entries are vocabularies; of those only the length is kept."""

LONGEST_STRING = 2**24
MOST_DIMENSIONS = 8

SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
STRING, ARRAY = 8, 9

BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    9: (32, 36),  # Q8_1
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    15: (256, 292),  # Q8_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
}
"""How many weights a block of each type has, and its bytes. Types that are not here are newer."""


class NotGguf(Exception):
    """The file is not a GGUF file that can be used; the text says why, after the file's name."""


class Length(NamedTuple):
    """Stands for a long array: how many entries it has."""

    entries: int


class Header(NamedTuple):
    """What stands before the weights.

    `metadata` has numbers, strings, short arrays as tuples, and a `Length` for each long one.
    `size` is how many bytes the file has to have at least.
    """

    metadata: Mapping[str, Any]
    tensors: int
    size: int


def read_header(path: Path) -> Header:
    """Return the header of a GGUF file.

    Raises:
        NotGguf: it is no such file, or not all of it is there.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
        if start != MAGIC:
            raise NotGguf("is empty" if not start else "is no GGUF file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                header = _Reader(data).header()
            except (struct.error, UnicodeDecodeError):
                raise NotGguf("ends in the middle of its header, or is damaged") from None
            if len(data) < header.size:
                raise NotGguf(f"is cut off: it has {len(data):,} of {header.size:,} bytes")
            return header


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = len(MAGIC)

    def header(self) -> Header:
        version = self._number("<I")
        if version not in VERSIONS:
            swapped = version & 0xFFFF == 0
            raise NotGguf(
                "is for machines of the other byte order"
                if swapped
                else f"is of version {version} of the format, not {VERSIONS[0]} or {VERSIONS[1]}"
            )
        tensors, keys = self._number("<Q"), self._number("<Q")
        metadata: dict[str, Any] = {}
        for _ in range(keys):
            key = self._string()
            metadata[key] = self._value(self._number("<I"))
        alignment = metadata.get("general.alignment", ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise NotGguf(f"is damaged: its alignment is {alignment!r}")
        ends = [self._tensor_end() for _ in range(tensors)]
        data_begin = -(-self._at // alignment) * alignment
        return Header(metadata, tensors, data_begin + max(ends, default=0))

    def _tensor_end(self) -> int:
        """Return where a tensor's weights end, counted from where the weights begin."""
        self._string()
        dimensions = self._number("<I")
        if dimensions > MOST_DIMENSIONS:
            raise NotGguf(f"is damaged: a tensor has {dimensions} dimensions")
        weights = 1
        for _ in range(dimensions):
            weights *= self._number("<Q")
        kind, offset = self._number("<I"), self._number("<Q")
        per_block, size = BLOCKS.get(kind, (1, 0))
        end: int = offset + weights // per_block * size
        return end

    def _value(self, kind: int) -> Any:
        if kind in SCALARS:
            return self._number(SCALARS[kind])
        if kind == STRING:
            return self._string()
        if kind != ARRAY:
            raise NotGguf(f"is damaged, or too new: it has a value of type {kind}")
        of, entries = self._number("<I"), self._number("<Q")
        if of in SCALARS:
            return self._numbers(SCALARS[of], entries)
        if of != STRING:
            raise NotGguf(f"is damaged, or too new: it has an array of type {of}")
        if entries <= LONGEST_ARRAY:
            return tuple(self._string() for _ in range(entries))
        self._pass_strings(entries)
        return Length(entries)

    def _numbers(self, layout: str, entries: int) -> Any:
        begin = self._at
        self._at += struct.calcsize(layout) * entries
        if self._at > len(self._data):
            raise struct.error
        if entries > LONGEST_ARRAY:
            return Length(entries)
        return struct.unpack_from(f"<{entries}{layout[1]}", self._data, begin)

    def _pass_strings(self, entries: int) -> None:
        """Go on behind so many strings; vocabularies have hundreds of thousands."""
        length = struct.Struct("<Q").unpack_from
        data, at, end = self._data, self._at, len(self._data)
        for _ in range(entries):
            at += 8 + length(data, at)[0]
            if at > end:
                raise struct.error
        self._at = at

    def _number(self, layout: str) -> Any:
        (found,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return found

    def _string(self) -> str:
        length = self._number("<Q")
        end = self._at + length
        if end > len(self._data) or length > LONGEST_STRING:
            raise struct.error
        text = self._data[self._at : end].decode()
        self._at = end
        return text
