"""How the parser's tests feed messages to it."""

import os
import subprocess
from collections.abc import Iterable, Mapping

from llmrepl.parser import (
    Block,
    BlockParser,
    Check,
    Code,
    Ignored,
    Item,
    ParsedCall,
    Prose,
    coalesce,
)


def parse(
    message: str | Iterable[str], *, checks: Mapping[str, Check] | None = None, cut: bool = False
) -> list[Item]:
    """Return the items of a message given whole or in chunks."""
    parser = BlockParser(checks)
    items: list[Item] = []
    for chunk in [message] if isinstance(message, str) else message:
        items += parser.feed(chunk)
    return coalesce([*items, *parser.close(cut=cut)])


def blocks(items: Iterable[Item]) -> list[Block]:
    return [item for item in items if isinstance(item, Block)]


def calls(
    message: str, *, checks: Mapping[str, Check] | None = None, cut: bool = False
) -> list[ParsedCall]:
    """Return every call of a message."""
    items = parse(message, checks=checks, cut=cut)
    return [call for block in blocks(items) for call in block.calls]


def call(
    message: str, *, checks: Mapping[str, Check] | None = None, cut: bool = False
) -> ParsedCall:
    """Return the only call of a message."""
    [found] = calls(message, checks=checks, cut=cut)
    return found


def prose(items: Iterable[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, Prose))


def shown(items: Iterable[Item]) -> str:
    return "".join(item.text for item in items if isinstance(item, Code))


def reasons(message: str) -> list[str]:
    """Return why the seeming blocks of a message, none of which may run, do not."""
    items = parse(message)
    assert blocks(items) == []
    assert prose(items) == message
    return [item.reason for item in items if isinstance(item, Ignored)]


def bash_check(source: str) -> str:
    """Return what bash itself says of `source`, a warning about a here-document included."""
    said = subprocess.run(
        ["bash", "-n"],
        input=source.encode(errors="surrogateescape"),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    return said.stderr.decode(errors="replace").strip()


BASH = {"bash": bash_check}
