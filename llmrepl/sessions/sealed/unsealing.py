"""The bytes of a session's file without its seal, for whoever looks at a few of its lines only."""

from __future__ import annotations

import json

from llmrepl.sessions.format import SEALED, VERSION, decode_header, encode_header
from llmrepl.sessions.sealed.keys import FIELD, KEYS
from llmrepl.sessions.sealed.sealing import opened_lines

_MARK = f'"version":{SEALED},'.encode()  # a quote inside a text is escaped


def without_torn_tail(content: bytes) -> bytes:
    """Return the bytes of a session without a last line that is no whole one."""
    whole, newline, tail = content.rpartition(b"\n")
    if tail:
        try:
            json.loads(tail)
        except ValueError:
            return whole + newline
    return content


def unsealed(content: bytes) -> bytes:
    """Return the bytes of a session's file without a seal; those of a plain one as they are.

    Blobs stay where they are, and `prev` what it is in the file.

    Raises:
        SessionSealed: it cannot be opened here.
        SessionError: its header was changed.
        ValueError: something else was changed.
        KeyError: something is not there.
    """
    first = content.partition(b"\n")[0]
    if _MARK not in first:
        return content
    header = decode_header(first)
    seal = KEYS.seal_of(header.extra)
    cwd = seal.open(header.extra[FIELD]["cwd"], "cwd").decode()
    lines = without_torn_tail(content).splitlines()[1:]
    plain = encode_header(header._replace(cwd=cwd, version=VERSION, extra={}))
    return b"\n".join([plain, *opened_lines(seal, lines), b""])
