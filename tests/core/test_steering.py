"""What the person says while a turn runs."""

from itertools import pairwise

import pytest

from llmrepl.events import (
    NoteAdded,
    ToolOutput,
)
from llmrepl.loop import Limits
from llmrepl.redaction import Redactor
from llmrepl.runtime import fold
from llmrepl.stepping import STEERED
from tests.core.running import ANSWER, BLOCK, events_of, make, one, turn, types_of


def steered(runtime, *texts, reason="end_turn"):
    """Run a turn that is told `texts` while its first call runs."""

    class Steersman:
        def show(self, record):
            if isinstance(record.event, ToolOutput):
                runtime.unsubscribe(self)
                for text in texts:
                    runtime.steer(text)

    runtime.subscribe(Steersman())
    assert turn(runtime) == reason
    return runtime


def test_what_the_person_says_meanwhile_goes_with_the_results_to_the_next_request():
    runtime = steered(make(BLOCK, ANSWER), "in hexadecimal", "and quickly")
    first, second = (e for e in events_of(runtime) if isinstance(e, NoteAdded))
    assert (first.text, first.audience) == (STEERED + "in hexadecimal", "both")
    assert second.text == STEERED + "and quickly"
    kinds = types_of(runtime)
    assert kinds[kinds.index("note.added") - 1] == "tool.finished"
    (sent,) = runtime.edges.provider.requests[1].messages[2:]
    assert sent.text.index("42") < sent.text.index("hexadecimal") < sent.text.index("quickly")
    assert runtime.steering == runtime.unsteer() == ()
    assert fold(runtime.edges.store.records) == runtime.state


@pytest.mark.parametrize("texts", [(), ("in hexadecimal",)])
def test_messages_grow_in_place_so_that_a_step_costs_the_same_however_long_the_session(texts):
    runtime, grown = make(BLOCK, BLOCK, ANSWER), []

    class Watcher:
        def show(self, record):
            grown.append(runtime.state.messages)

    runtime.subscribe(Watcher())
    steered(runtime, *texts)
    assert all(later.extends(earlier) for earlier, later in pairwise(grown))


def test_what_comes_while_the_model_answers_is_not_told_and_can_be_taken_back():
    runtime = make(ANSWER)
    runtime.steer("too late")
    assert turn(runtime) == "end_turn"
    assert runtime.steering == ("too late",)
    assert runtime.unsteer() == ("too late",)
    assert runtime.steering == ()
    assert "note.added" not in types_of(runtime)


def test_a_turn_in_which_the_model_is_not_asked_again_takes_nothing_in():
    runtime = make(BLOCK, limits=Limits(max_steps=1))
    assert steered(runtime, "more", reason="max_steps").unsteer() == ("more",)


def test_a_turn_that_is_cancelled_takes_nothing_in():
    runtime = make(BLOCK)

    class Watcher:
        def show(self, record):
            if isinstance(record.event, ToolOutput):
                runtime.steer("more")
                runtime.cancel()

    runtime.subscribe(Watcher())
    assert turn(runtime) == "cancelled"
    assert runtime.unsteer() == ("more",)


def test_what_is_secret_in_what_the_person_says_is_redacted():
    runtime = make(BLOCK, ANSWER)
    runtime.edges.redactor = Redactor([("WORD", "the-secret-word")])
    steered(runtime, "say the-secret-word")
    assert "the-secret-word" not in one(runtime, NoteAdded).text
