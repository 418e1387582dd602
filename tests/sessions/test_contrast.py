"""Two sessions beside each other, from where they part."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl import testing
from llmrepl.cells import cells
from llmrepl.events import ApprovalDecided, ToolFinished, TurnFinished
from llmrepl.runtime import fold
from llmrepl.sessions.branching.beside import ANSWER_LINES, PROMPT_LINES, WIDE, drawn
from llmrepl.sessions.branching.contrast import contrast, plain
from llmrepl.testing import Step
from tests.sessions.sample import chat

NAMES = ("plan", "other")


def then(records, *turns):
    """The records, and turns behind them: each a prompt and its steps."""
    found = list(records)
    for prompt, *steps in turns:
        state = fold(found)
        events = testing.turn(prompt, steps, number=state.turn + 1)
        made = [record for record in testing.records(events, state=state) if record.seq]
        found += [replace(one, seq=len(found) + n) for n, one in enumerate(made, 1)]
    return found


BEGINNING = chat("one")
LEFT = then(BEGINNING, ("by train?", Step("At nine.")))
RIGHT = then(
    BEGINNING,
    ("by bus?", Step("Let me see.", "ls\npwd", "x\n", language="bash"), Step("At ten.")),
    ("when?", Step("Soon.")),
)


def test_the_sides_begin_where_the_records_part():
    found = contrast(LEFT, RIGHT)
    assert (found.common, found.turn) == (11, 1)
    assert [stretch.prompt for stretch in found.left.stretches] == ["by train?"]
    assert [stretch.prompt for stretch in found.right.stretches] == ["by bus?", "when?"]
    assert [stretch.turn for stretch in found.right.stretches] == [2, 3]
    (call,) = found.right.stretches[0].calls
    assert (call.name, call.code, call.status, call.ms) == ("bash", "ls\npwd", "ok", 200.0)
    assert found.right.stretches[0].answer == "At ten."
    assert found.right.calls == 1
    assert found.right.spend.usage.input_tokens == 300
    assert found.right.ms == 3 * 800 + 200
    assert found.left.ms == 800


def test_the_sums_are_those_of_the_turns():
    side = plain(contrast(LEFT, RIGHT).right)
    for name in ("input_tokens", "output_tokens", "cost_usd", "ms"):
        assert side[name] == pytest.approx(sum(turn[name] for turn in side["turns"]))
    assert side["calls"] == sum(len(turn["calls"]) for turn in side["turns"])


def test_sessions_that_are_the_same_have_no_sides():
    found = contrast(LEFT, LEFT)
    assert found.common == len(LEFT)
    assert found.left.stretches == found.right.stretches == []
    assert "(nothing more)" in "\n".join(drawn(found, NAMES, 80))


def test_sessions_without_a_common_beginning_are_shown_whole():
    found = contrast(chat("one"), chat("two", "three"))
    assert (found.common, found.turn) == (0, 0)
    assert len(found.right.stretches) == 2
    assert next(drawn(found, NAMES, 80)) == "they have no beginning in common"
    assert contrast([], chat("one")).common == 0


@pytest.mark.parametrize("cut", range(1, 11))
def test_where_they_part_within_a_turn_each_has_the_rest_of_it(cut):
    rest = contrast(BEGINNING, BEGINNING[:cut]).left
    (stretch,) = rest.stretches
    assert (stretch.turn, stretch.whole, stretch.prompt) == (1, False, "one")
    assert stretch.reason == "end_turn"
    ended = [r.event for r in BEGINNING[cut:] if isinstance(r.event, ToolFinished)]
    assert [call.status for call in stretch.calls] == ["ok"] * len(ended)
    assert all(call.code == "print(6 * 7)" for call in stretch.calls)
    assert "rest of turn 1" in "\n".join(drawn(contrast(BEGINNING, BEGINNING[:cut]), NAMES, 80))


def test_a_call_that_a_person_edited_is_shown_as_it_ran():
    asked = next(n for n, r in enumerate(LEFT) if r.event.type == "tool.requested")
    edit = ApprovalDecided(call_id="1.1.1", decision="edit", arguments={"code": "print(1)"})
    edited = [*LEFT[: asked + 2], replace(LEFT[asked], event=edit), *LEFT[asked + 2 :]]
    (call,) = contrast([], edited).right.stretches[0].calls
    assert call.code == "print(1)"


def test_a_turn_and_a_call_without_an_end_are_shown_as_such():
    cut = next(n for n, r in enumerate(BEGINNING) if isinstance(r.event, ToolFinished))
    found = "\n".join(drawn(contrast([], BEGINNING[:cut]), NAMES, 80))
    assert "python did not end: print(6 * 7)" in found
    assert "· unfinished" in found
    stopped = [replace(r, event=TurnFinished(reason="budget")) if r is BEGINNING[-1] else r
               for r in BEGINNING]  # fmt: skip
    assert "· budget" in "\n".join(drawn(contrast([], stopped), NAMES, 80))


def test_two_columns_stand_beside_each_other_where_there_is_room():
    lines = list(drawn(contrast(LEFT, RIGHT), NAMES, WIDE))
    assert [part.strip() for part in lines[1].split("│")] == ["plan", "other"]
    assert any("❯ by train?" in line and "❯ by bus?" in line for line in lines)
    assert any(line.startswith("(nothing more)") and "turn 3" in line for line in lines)
    assert " │ " in "\n".join(drawn(contrast(LEFT, RIGHT), NAMES, 60, 60))
    narrow = list(drawn(contrast(LEFT, RIGHT), NAMES, WIDE - 1))
    assert narrow.index("── plan ──") < narrow.index("❯ by train?") < narrow.index("── other ──")
    assert narrow.index("── other ──") < narrow.index("❯ by bus?")
    assert lines[-7:] == narrow[-7:]  # the sums


def test_an_answer_that_is_the_same_is_not_said_twice():
    again = then(BEGINNING, ("or by train?", Step("At nine.")))
    wide = "\n".join(drawn(contrast(LEFT, again), NAMES, WIDE))
    assert wide.count("At nine.") == 1
    assert "(the same answer)" in wide


def test_of_long_texts_the_beginning_is_shown():
    long = then(BEGINNING, ("p\n" * 50, Step("a\n" * 50)))
    lines = list(drawn(contrast(LEFT, long), NAMES, 60))
    assert f"… {50 - ANSWER_LINES + 1} more lines" in lines
    assert f"… {51 - PROMPT_LINES + 1} more lines" in lines
    assert plain(contrast(LEFT, long).right)["turns"][0]["answer"] == ("a\n" * 50).strip()


@given(st.text(max_size=80), st.text(max_size=80), st.integers(1, 140))
def test_no_line_is_wider_than_the_screen_or_commands_it(prompt, answer, width):
    other = then(BEGINNING, (prompt, Step("x", prompt + "y", answer), Step(answer)))
    for line in drawn(contrast(LEFT, other), ("plan", "日本\x1b[31m"), width):
        assert cells(line) <= width
        assert not {"\x1b", "\n", "\r", "\x07", "\x9b", "\u202e"} & set(line)
