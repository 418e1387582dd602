"""Write what the reference pages take from the code, or check that it is there.

Prose stands in the pages and is edited there. What the code knows better stands between the marks
`<!-- NAME: generated -->` and `<!-- end -->`, and is made here.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import click

from llmrepl import cli, parts
from llmrepl.approvals import rules
from llmrepl.approvals.programs.wrappers import WRAPPERS
from llmrepl.cli import exits
from llmrepl.cli.exec import BY_STATUS
from llmrepl.config.actions import ACTIONS, Keys
from llmrepl.config.showing import reference
from llmrepl.conversation import ANYWHERE, TRANSITIONS
from llmrepl.conversing.commands.table import COMMANDS
from llmrepl.events import TYPES, Unknown
from llmrepl.loop import STOP_REASONS
from llmrepl.providers.registry import BUILT_IN
from llmrepl.sessions.schema import schema

REFERENCE = Path(__file__).parent / "reference"
FACTS = Path(cli.__file__).parents[2] / "tests" / "providers" / "facts.toml"
WIDTH = 80
"""Columns of the help texts."""

PARTS = (parts.Text, parts.Reasoning, parts.ToolCall, parts.Output, parts.Image, parts.ToolResult)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; a bar inside a cell is escaped."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def code(text: str) -> str:
    """Return `text` as a code span, and nothing for nothing."""
    return f"`{text}`" if text else ""


def in_one_line(docstring: str | None) -> str:
    """Return a docstring without its line breaks."""
    return " ".join((docstring or "").split())


def command_helps() -> str:
    """Return what --help says, for each command with a heading of its own."""
    return "\n\n".join(_helps("llmrepl", cli.main, None))


def _helps(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    settings: Any = command.context_settings  # a TypedDict to click, any keywords to Context
    ctx = click.Context(command, parent, info_name=name, terminal_width=WIDTH, **settings)
    yield f"### {ctx.command_path}\n\n```text\n{command.get_help(ctx)}\n```"
    if isinstance(command, click.Group):
        for sub in command.list_commands(ctx):
            found = command.get_command(ctx, sub)
            if found is not None:
                yield from _helps(sub, found, ctx)


def exit_codes() -> str:
    """Return the exit codes, with the stop reasons, errors and statuses that lead to each."""
    reasons = {reason: exits.BY_REASON.get(reason, exits.ERROR) for reason in STOP_REASONS}
    errors = {kind.__name__: number for kind, number in exits.BY_ERROR.items()}
    statuses = {status: BY_STATUS.get(status, exits.ERROR) for status in get_args(parts.Status)}
    rows = (
        (str(number), meaning, *(_leading_to(number, ends) for ends in (reasons, errors, statuses)))
        for number, meaning in exits.MEANINGS.items()
    )
    return table(("code", "meaning", "stop reason", "error", "status in `exec`"), rows)


def _leading_to(number: int, ends: Mapping[str, int]) -> str:
    return ", ".join(code(name) for name, end in ends.items() if end == number)


def slash_commands() -> str:
    """Return the commands of the chat."""
    rows = (
        (code(f"/{name} {command.argument}".rstrip()), command.purpose)
        for name, command in COMMANDS.items()
    )
    return table(("command", "what it does"), rows)


def actions() -> str:
    """Return the actions of the prompt, with their keys."""
    rows = (
        (
            code(action.name),
            key_names(action.keys("emacs")),
            key_names(action.keys("vi")),
            action.purpose,
        )
        for action in ACTIONS
    )
    return table(("action", "keys", "in vi mode", "what it does"), rows)


def key_names(keys: Keys) -> str:
    """Return keys as a page shows them."""
    return ", ".join(map(code, keys))


def service_variables() -> str:
    """Return the environment variables of each built-in provider."""
    rows = (
        (code(name), row.about, ", ".join(map(code, row.variables)))
        for name, row in BUILT_IN.items()
    )
    return table(("provider", "what it is", "variables"), rows)


def events() -> str:
    """Return every event class."""
    rows = (
        (code(name), "yes" if cls.durable else "", signature(cls), in_one_line(cls.__doc__))
        for name, cls in TYPES.items()
    )
    return table(("type", "durable", "fields", "meaning"), rows)


def message_parts() -> str:
    """Return every class of part."""
    rows = ((code(cls.kind), signature(cls), in_one_line(cls.__doc__)) for cls in PARTS)
    return table(("kind", "fields", "meaning"), rows)


def signature(cls: Any) -> str:
    """Return the fields of a dataclass as its source declares them."""
    return "<br>".join(code(_declaration(field)) for field in fields(cls))


def _declaration(field: Field[Any]) -> str:
    declared = f"{field.name}: {field.type}"
    if field.default_factory is not MISSING:
        return f"{declared} = {field.default_factory()!r}"
    if field.default is MISSING:
        return declared
    default = type(field.default).__name__ + "()" if is_dataclass(field.default) else None
    return f"{declared} = {default or repr(field.default)}"


def stop_reasons() -> str:
    """Return every stop reason."""
    rows = ((code(reason), why) for reason, why in STOP_REASONS.items())
    return table(("reason", "why the turn ended"), rows)


def state_diagram() -> str:
    """Return the table of transitions as a diagram; events between the same phases share a line."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for phase, following in TRANSITIONS.items():
        arrows: dict[str, list[str]] = {}
        for event, then in following.items():
            arrows.setdefault(then.value, []).append(event.type)
        lines += [
            f"    {phase.value} --> {then}: {', '.join(names)}" for then, names in arrows.items()
        ]
    return "\n".join(["```mermaid", *lines, "```"])


def anywhere() -> str:
    """Return the durable events that every phase accepts."""
    named = [code(event.type) for event in ANYWHERE if event is not Unknown]
    return f"{', '.join(named)}, and every event of a type this version does not know."


def languages() -> str:
    """Return the languages of rules."""
    return ", ".join(map(code, rules.LANGUAGES))


def subjects() -> str:
    """Return what rules can be about."""
    rows = (
        (code(name), subject.meaning, ", ".join(subject.kinds))
        for name, subject in rules.SUBJECTS.items()
    )
    return table(("subject", "what the rule is about", "kinds of touches"), rows)


def wrappers() -> str:
    """Return the commands that rules look through."""
    return ", ".join(map(code, WRAPPERS)) + "."


def session_schema() -> str:
    """Return the JSON Schema of a session's lines, as `llmrepl sessions schema` prints it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def service_facts() -> str:
    """Return what is known of the services, and which test proves it or why it cannot bite."""
    facts = tomllib.loads(FACTS.read_text("utf-8"))
    rows = []
    for number, fact in facts.items():
        _, _, test = fact.get("test", "").partition("::test_")
        proof = f"tested: {test.replace('_', ' ')}" if test else fact.get("cannot", "open")
        rows.append((number, fact["fact"], proof))
    return table(("", "what bites", "why it does not"), rows)


PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "commands.md": {
        "helps": command_helps,
        "exits": exit_codes,
        "slash": slash_commands,
        "variables": service_variables,
    },
    "events.md": {"events": events, "parts": message_parts, "stops": stop_reasons},
    "configuration.md": {"settings": reference},
    "keys.md": {"actions": actions},
    "approval-rules.md": {
        "languages": languages,
        "subjects": subjects,
        "wrappers": wrappers,
    },
    "service-facts.md": {"facts": service_facts},
    "state.md": {"diagram": state_diagram, "anywhere": anywhere},
}
"""What is made for each page, by the name in its marks."""

FILES: Mapping[str, Callable[[], str]] = {"session-format.schema.json": session_schema}
"""What is made as a whole."""


def filled(text: str, made: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with everything between its marks made anew.

    Raises:
        KeyError: the page has no marks for something that is made for it.
    """
    for name, make in made.items():
        mark, end = f"<!-- {name}: generated -->", "<!-- end -->"
        if mark not in text:
            raise KeyError(mark)
        block = f"{mark}\n\n{make().strip()}\n\n{end}"
        before, _, rest = text.partition(mark)
        _, _, after = rest.partition(end)
        text = before + block + after
    return text


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check name those that are stale; return the exit code."""
    stale = []
    for name in (*PAGES, *FILES):
        page = REFERENCE / name
        text = page.read_text("utf-8") if page.exists() else ""
        wanted = filled(text, PAGES[name]) if name in PAGES else FILES[name]()
        if wanted == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            page.write_text(wanted, "utf-8")
    if stale and "--check" in arguments:
        click.echo(f"stale: {', '.join(stale)} (run: make docs)", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
