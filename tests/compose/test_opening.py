"""What a session that is gone on with is known by, from its records as they are read."""

import pytest

from llmrepl.compose.opening import SHOWN_TURNS, Wanted, open_session
from llmrepl.errors import ProtocolError
from llmrepl.events import ConfigChanged, TurnFinished
from llmrepl.record import Record
from llmrepl.redaction import NOTHING, Redactor
from llmrepl.runtime import fold
from llmrepl.sessions.log import SessionLog
from llmrepl.standing import Steps
from llmrepl.testing.builders import Step, records, turn

SECRET = "hunter2hunter2"


def written(directory, turns, *more):
    """Write a session called `mine`, and return its records."""
    events = [
        event
        for number in range(1, turns + 1)
        for event in turn(f"say {SECRET}", [Step("Hm.", "1"), Step("Done.")], number=number)
        if event.durable
    ]
    made = records([*events, *more])
    with SessionLog.create(directory, session_id="mine") as log:
        for record in made:
            log.append(record)
    return made


def opened(directory, redactor=NOTHING, **wanted):
    found = open_session(directory, Wanted(**wanted), "", redactor)
    found.log.close()
    return found


@pytest.mark.parametrize("turns", [1, SHOWN_TURNS, SHOWN_TURNS + 2])
@pytest.mark.parametrize("how", ["resume", "fork"])
def test_it_folds_to_what_its_records_do_and_keeps_those_of_its_last_turns(tmp_path, turns, how):
    made = written(tmp_path, turns)
    found = opened(tmp_path, **{how: "mine"})
    assert found.state == fold(made)
    assert found.steps.taken == Steps(made).taken
    assert found.model == "scripted/test"
    assert found.records == [record for record in made if record.turn > turns - SHOWN_TURNS]


def test_the_model_is_the_one_that_was_chosen_last(tmp_path):
    written(tmp_path, 1, ConfigChanged(key="model", value="other/x"))
    assert opened(tmp_path, resume="mine").model == "other/x"


def test_a_log_that_is_older_than_a_secret_is_redacted(tmp_path):
    written(tmp_path, 2)
    found = opened(tmp_path, Redactor([("TOKEN", SECRET)]), resume="mine")
    shown = f"{found.state} {found.records} {found.steps.taken}"
    assert "say [redacted:TOKEN]" in shown
    assert SECRET not in shown


def test_of_a_damaged_session_there_is_what_is_before_the_damage(tmp_path):
    made = written(tmp_path, 2)
    path = tmp_path / "mine.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-2] = b"{}\n"
    path.write_bytes(b"".join(lines))
    found = opened(tmp_path, resume="mine")
    whole = made[: found.log.seq]
    assert 0 < len(whole) < len(made)
    assert found.records == whole
    assert found.state == fold(whole)
    assert f"the {len(whole)} records before it were copied to session" in found.log.repaired


def test_a_session_that_cannot_be_folded_is_given_up_again(tmp_path):
    with SessionLog.create(tmp_path, session_id="mine") as log:
        log.append(Record(1, 0, 1, 0, TurnFinished(reason="end_turn")))
    for _ in range(2):
        with pytest.raises(ProtocolError):
            open_session(tmp_path, Wanted(resume="mine"), "", NOTHING)
    log, found = SessionLog.open(tmp_path, "mine")
    log.close()
    assert len(found) == 1
