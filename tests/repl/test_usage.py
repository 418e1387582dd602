"""What a person sees of tokens, money and the context: the status line, /cost, /usage, /context."""

import re

import pytest

from llmrepl.displays.views import GROUP
from llmrepl.providers.script import Reply
from llmrepl.testing import Wire
from llmrepl.usage import Usage
from tests.repl.terminal import PROMPT

PRICED = """
[context]
window = 64000

[prices."openai/test:latest"]
input = 1.00
output = 10.00
"""
MODEL = ("--model", "openai/test:latest")
FIRST = Reply("Hello.", usage=Usage(3000, 200))
SECOND = Reply("Hello again.", usage=Usage(9000, 800))


def resized(terminal, columns, said):
    """Return what is drawn anew in so many columns, once the last of it has been `said`."""
    terminal.settle()
    terminal._found = len(terminal.text)
    terminal._child.setwinsize(40, columns)
    before = terminal.wait(said)
    return (before + said + terminal.news).splitlines()[-1].strip()


def status(terminal, columns, said="$"):
    """Return the status line in a terminal of so many columns."""
    resized(terminal, columns + 1, said)  # a terminal that keeps its size draws what has changed
    return resized(terminal, columns, said)


@pytest.fixture
def priced(machine, serve, chat):
    """A chat in which every token has a price, after two turns."""
    machine.configure(PRICED)
    serve(FIRST, SECOND, "Once more.")
    terminal = chat(*MODEL, "--budget", "1.5", "--session", "mine")
    terminal.turn("hello", "Hello.")
    terminal.turn("hello", "Hello again.")
    yield terminal
    assert terminal.leave() == 0


# The status line


def test_the_status_line_shrinks_with_the_terminal(priced):
    line = status(priced, 300)
    told = r"approval ask · openai/test:latest · full sandbox: writes a copy of .*; no network"
    rest = r"context ~1\d% \(~9k/64k\) · ↑ 12k ↓ 1k · \$0\.0220 / \$1\.50"
    assert re.fullmatch(rf"{told} · ~/code/project · {rest}", line)
    line = status(priced, 120)
    assert re.fullmatch(
        r"approval ask · openai/test:latest · full sandbox · .*project · "
        r"context ~1\d% \(~9k/64k\) · ↑ 12k ↓ 1k · \$0\.0220 / \$1\.50",
        line,
    )
    assert re.fullmatch(
        r"(ask · )?openai/test:latest · .*context ~1\d% · \$0\.0220 / \$1\.50", status(priced, 80)
    )
    assert re.fullmatch(r"test:latest · ~1\d% · \$0\.0220 / \$1\.50", status(priced, 40))
    assert re.fullmatch(r"((ask · )|(context ))?~1\d%", status(priced, 12, "%"))


def test_before_the_first_turn_the_size_of_the_context_is_not_asked_for(machine, serve, chat):
    server = serve("Hello.")
    terminal = chat(*MODEL)
    terminal.wait("context ~")
    assert re.search(r"context ~\d{3} · \$0$", status(terminal, 200))
    assert not [e for e in server.exchanges if e.path.endswith("/models")]
    terminal.turn("hello", "Hello.")
    terminal.appear("/8.2k)")
    assert "/8.2k)" in status(terminal, 200)
    assert len([e for e in server.exchanges if e.path.endswith("/models")]) == 1
    assert terminal.leave() == 0


@pytest.mark.parametrize(
    ("size", "sign", "colour"), [(1300, "! ", "33"), (1020, "!! ", "33;1"), (900, "!!! ", "31;1")]
)
def test_a_context_that_fills_up_is_marked(machine, serve, chat, size, sign, colour):
    machine.configure(f"[providers.ollama.options]\nnum_ctx = {size}\n")
    serve("Hello.")
    terminal = chat("--model", "ollama/test:latest")
    terminal.wait("context ~")
    assert f" · {sign}context ~" in status(terminal, 120)
    drawn = terminal.raw.decode()
    assert re.search(rf"\x1b\[0;{colour};7m{sign.strip()}", drawn)
    assert terminal.leave() == 0


def test_without_colours_the_mark_is_still_there(machine, serve, chat):
    machine.configure("[providers.ollama.options]\nnum_ctx = 900\n")
    serve("Hello.")
    terminal = chat("--model", "ollama/test:latest", NO_COLOR="1")
    terminal.wait("context ~")
    assert "!!! context ~" in status(terminal, 120)
    assert not re.search(rb"\x1b\[[0-9;]*(3[1-7]|4[1-7])[;m]", terminal.raw)
    assert terminal.leave() == 0


def test_another_model_is_on_the_status_line_at_once(machine, serve, chat):
    serve("Hello.")
    terminal = chat(*MODEL)
    terminal.say("/model demo/assistant")
    terminal.wait("model: demo/assistant", PROMPT)
    assert "demo/assistant (not a language model; /help connects one)" in status(terminal, 300)
    assert terminal.leave() == 0


# The commands


def test_cost_says_what_the_service_says_is_left(serve, chat):
    left = {"limit": "14400", "remaining": "14370", "reset": "2h59m"}
    headers = {f"x-ratelimit-{name}-requests": value for name, value in left.items()}
    serve("Hello.", wire=Wire(headers=headers))
    terminal = chat("--model", "groq/llama-3.3-70b-versatile")
    terminal.turn("hello", "Hello.")
    terminal.say("/cost")
    terminal.wait("limit", "14,370 of 14,400 requests left, all again in 2 h 5", PROMPT)
    assert terminal.leave() == 0


def test_cost_says_what_is_left_of_the_budget(priced):
    priced.say("/cost")
    priced.wait("last turn  ↑ 9k ↓ 800 tokens · $0.0170")
    priced.wait("session    ↑ 12k ↓ 1k tokens · $0.0220")
    priced.wait("budget     session $0.0220 of $1.50 · $1.48 left (98%)", PROMPT)


def test_budgets_of_more_than_the_session_are_told_by_cost_and_the_status_line(
    machine, serve, chat
):
    machine.configure(PRICED + '[budgets]\nday = 0.006\nmonth = 1\nwarn = ["day"]\n')
    serve(FIRST, SECOND)
    assert machine.run("run", *MODEL, "hello").code == 0
    terminal = chat(*MODEL)
    terminal.appear("!! day $0.0050 / $0.0060")  # of the call before this chat
    terminal.turn("hello", "Hello again.")
    assert "!!! day $0.0220 / $0.0060, month $0.0220 / $1.00" in status(terminal, 300, "month")
    terminal.say("/cost")
    terminal.wait("budget     day $0.0220 of $0.0060 · $0 left (0%), only warns")
    terminal.wait("budget     month $0.0220 of $1.00 · $0.98 left (97%)", PROMPT)
    assert terminal.leave() == 0


def test_cost_says_how_much_came_from_the_cache(serve, chat):
    read = [
        Reply(text, usage=Usage(3000, 20, cache_read=n)) for text, n in (("A.", 0), ("B.", 2400))
    ]
    serve(*read)
    terminal = chat(*MODEL)
    terminal.turn("hello", "A.")
    terminal.say("/cost")
    terminal.wait("last turn  ↑ 3k ↓ 20 tokens · ", "session    ↑ 3k ↓ 20 tokens · ", PROMPT)
    terminal.turn("hello", "B.")
    terminal.say("/cost")
    terminal.wait("last turn  ↑ 3k ↓ 20 tokens · 80% from the cache · ")
    terminal.wait("session    ↑ 6k ↓ 40 tokens · 40% from the cache · ", PROMPT)
    assert terminal.leave() == 0


def test_usage_has_a_row_for_each_step_and_marks_the_biggest_turn(priced):
    priced.say("/usage")
    priced.wait("step", "model", "↑ in", "↓ out", "first", "time", "speed", "cost")
    row = re.sub(r" +", " ", priced.wait("▸ 2.1")).strip()
    assert re.fullmatch(
        r"1\.1 openai/test:latest 3k 200 [\d.]+ m?s [\d.]+ m?s (\d+ tok/s )?\$0\.0050", row
    )
    priced.wait("openai/test:latest", "9k", "800", "$0.0170")
    priced.wait("all", "12k", "1k", "$0.0220", "biggest turn: 2, 1.5x the average", PROMPT)


def test_a_resumed_session_has_the_steps_of_before(machine, priced, terminals):
    assert priced.leave() == 0
    terminal = terminals(*MODEL, "--resume", "mine")
    terminal.wait("Ctrl-D to leave", PROMPT)
    terminal.turn("hello", "Once more.")
    terminal.say("/usage")
    terminal.wait("▸ 2.1", "3.1", "all", "biggest turn: 2", PROMPT)
    assert terminal.leave() == 0


def test_usage_of_a_new_session_is_nothing(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.say("/usage")
    terminal.wait("no message yet", PROMPT)
    assert terminal.leave() == 0


def test_context_shows_what_fills_it(priced):
    priced.say("/context")
    head = priced.wait("system prompt")
    assert re.search(r"openai/test:latest: ~9k of 64k tokens \(~1\d%\)", head)
    priced.wait("█", "your prompts", "▏", "answers", "▏", "free", "░░░░░", PROMPT)


def test_the_tables_fit_a_narrow_terminal(priced):
    for command, last in (("/usage", "average"), ("/context", "free")):
        status(priced, 40)
        priced.say(command)
        shown = priced.wait("\n", last, "\n").rpartition(command)[2]
        assert max(map(len, shown.splitlines())) <= 40


def test_context_asks_the_service_how_much_it_takes(machine, serve, chat):
    serve("Hello.")
    terminal = chat(*MODEL)
    terminal.say("/context")
    terminal.wait("of 8.2k tokens", "free", PROMPT)
    assert terminal.leave() == 0


def test_where_nobody_says_how_much_the_model_takes_that_is_said(machine, chat):
    terminal = chat("--model", "demo/assistant")
    terminal.say("/context")
    terminal.wait("demo/assistant: ~", "nobody says how many it takes at once")
    terminal.wait("system prompt", PROMPT)
    assert terminal.leave() == 0


# A plugin's views


def test_a_view_that_fails_is_told_of_once_and_drawn_plainly(machine, chat):
    name = "llmrepl_broken_status"
    folder = machine.root / "plugins" / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[{GROUP}]\nline = {name}:line\n")
    (folder.parent / f"{name}.py").write_text("def line(standing, width):\n    return 1 / 0\n")
    model = machine.script("Hello.", "Hello again.")
    terminal = chat("--model", model, PYTHONPATH=str(folder.parent))
    terminal.turn("hello", "Hello.")
    terminal.turn("hello", "Hello again.")
    failed = f"the view 'line' of {GROUP} failed: ZeroDivisionError"
    terminal.appear(failed, f"{model} · full sandbox: writes a copy of")
    assert terminal.leave() == 0
    assert terminal.text.count(failed) == 1
