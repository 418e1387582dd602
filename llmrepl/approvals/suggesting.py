"""Rules that would have answered a question: narrow ones where the review knows enough."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from llmrepl.approvals.matching import Fit, Ground, fit
from llmrepl.approvals.rules import Rule, parse_rule
from llmrepl.approvals.touches import EXACT, LIKELY, Touch
from llmrepl.errors import ConfigError

MOST = 4
"""Rules that are suggested at once; what needs more gets one for the whole language."""

WITH_VERBS = """
    git make npm pnpm yarn cargo go docker podman kubectl pip pip3 uv poetry apt apt-get gh just bun
    systemctl python python3 deno dotnet mvn gradle terraform
""".split()  # noqa: SIM905 - a list of words is read best as such
"""Programs whose second word says what they do."""


def suggested(
    touches: Sequence[Touch], language: str, ground: Ground, *, exactly: bool = False
) -> list[Rule]:
    """Return rules that allow `touches`, as few and as narrow as can be; [] where none could.

    Args:
        touches: what needs a yes.
        language: the block's.
        ground: what relative paths mean.
        exactly: rules for exactly one command each.
    """
    texts: dict[str, None] = {}
    commands = set()
    for touch in touches:
        if touch.command and (touch.kind == "execute" or exactly):
            texts[_command(touch, language, exactly=exactly)] = None
            commands.add(touch.command)
    for touch in touches:
        if touch.command not in commands or touch.command is None:
            texts["" if exactly else _other(touch, language)] = None
    if not exactly and (len(texts) > MOST or f"allow {language}" in texts):
        texts = {f"allow {language}": None}
    try:
        rules = [parse_rule(text) for text in texts]
    except ConfigError:  # what the block wrote cannot stand in a rule
        return []
    covered = all(any(fit(r, touch, ground) is Fit.WHOLE for r in rules) for touch in touches)
    return rules if covered else []


def _command(touch: Touch, language: str, *, exactly: bool) -> str:
    command = touch.command
    assert command is not None
    if exactly or not command.bare:
        words = command.written or command.words
        return f"allow {language} exactly: {shlex.join(words)}" if command.complete else ""
    verb = len(command.words) > 1 and command.words[0] in WITH_VERBS
    plain = verb and command.words[1][:1].isalnum()
    return f"allow {language}: {shlex.join(command.words[: 2 if plain else 1])}"


def _other(touch: Touch, language: str) -> str:
    if touch.kind == "unknown":
        return f"allow {language}"
    known = touch.form in (EXACT, LIKELY) and touch.target
    if not known:
        return f"allow {language} {touch.kind}"
    target = touch.target
    if touch.kind == "write" and "/" in target.strip("/"):
        target = posixpath.dirname(target) + "/**"
    elif touch.whole:
        target = target.rstrip("/") + "/**"
    return f"allow {language} {touch.kind}: {target}"
