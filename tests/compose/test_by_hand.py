"""What a person gave in a call's or the model's stead is theirs, whoever reads the session."""

import asyncio

import pytest

from llmrepl.accounting.charges import charges
from llmrepl.accounting.tallies import ANSWERS, Tally
from llmrepl.accounting.whatif import exchanges
from llmrepl.audit.log import AuditLog
from llmrepl.audit.reading import entries
from llmrepl.audit.trail import GIVEN, Trail
from llmrepl.compose.opening import Wanted, open_session
from llmrepl.compose.sent import sent
from llmrepl.events import PERSON
from llmrepl.exchange.told import Step, turns_of
from llmrepl.parts import Text
from llmrepl.redaction import NOTHING
from llmrepl.replaying.asking import BY_HAND as NOT_ASKED
from llmrepl.replaying.asking import Model, Terms, ask_again
from llmrepl.replaying.planning import recorded_calls
from llmrepl.sessions.log import SessionLog
from llmrepl.standing import Steps
from llmrepl.stepping import BY_HAND, WRITTEN, Answer, Give, Tell
from tests.core.running import ANSWER, BLOCK, make


class Hand:
    """Writes the first message, gives its call's result, and tells the model something."""

    def __init__(self):
        self.instead = [Answer(BLOCK), Give("1.1.1", "43"), None, Tell("Be brief.")]

    async def step(self, state, action):
        return self.instead.pop(0) if self.instead else None


@pytest.fixture(scope="module")
def runtime():
    made = make(ANSWER)
    made.stepper = Hand()
    assert asyncio.run(made.turn((Text("6*7?"),))) == "end_turn"
    return made


@pytest.fixture(scope="module")
def records(runtime):
    return runtime.edges.store.records


def test_the_log_says_who_gave_it(records):
    by_type = {record.event.type: record.event for record in reversed(records)}
    assert (by_type["step.started"].provider, by_type["step.started"].model) == (PERSON, BY_HAND)
    assert by_type["tool.finished"].by == PERSON
    assert "tool.started" not in by_type


def test_no_model_is_charged_or_measured_for_it(records):
    assert [charge.provider for charge in charges(records)] == ["speaker"]
    tally = Tally()
    tally.of(records)
    assert [*tally.models] == ["speaker/m"]
    assert tally.tools["python"].statuses == {}
    assert not tally.tools["python"].ms
    assert tally.tools[ANSWERS].calls == 1
    assert len(exchanges(records, len)) == 1


def test_what_each_step_took_names_the_person(records):
    assert [step.model for step in Steps(records).taken] == [f"{PERSON}/{BY_HAND}", "speaker/m"]


def test_a_session_goes_on_with_its_model_and_not_with_the_person(records, tmp_path):
    with SessionLog.create(tmp_path, cwd=str(tmp_path)) as log:
        for record in records[:-6]:
            log.append(record)
        name = log.id
    opened = open_session(tmp_path, Wanted(resume=name), str(tmp_path), NOTHING)
    opened.log.close()
    assert not opened.model.startswith(PERSON)


def test_what_is_run_again_does_not_run_it(records):
    (call,) = recorded_calls(records)
    assert call.why_not == "it never ran: a person gave its result"


def test_what_is_asked_again_does_not_ask_for_it(records, runtime):
    model = Model("speaker/m", make(ANSWER).edges.provider, runtime.edges.context)

    async def ask():
        terms = Terms(runtime.edges.meter)
        return [step async for step in ask_again(records, lambda _: model, terms)]

    first, second = asyncio.run(ask())
    assert (first.outcome, first.why, first.model) == ("not asked", NOT_ASKED, "person/debugger")
    assert second.outcome == "same"


def test_what_is_exported_tells_it(records):
    turn = turns_of(records)[-1]
    first = next(step for step in turn.steps if isinstance(step, Step))
    assert first.model == f"{PERSON}/{BY_HAND}"
    assert first.calls[0].remarks == ["given by a person: it did not run"]
    remark = next(one for one in turn.steps if not isinstance(one, Step))
    assert remark.text == WRITTEN


def test_the_audit_log_says_that_it_never_ran(records, tmp_path):
    trail = Trail(AuditLog(tmp_path))
    for record in records:
        trail.take(record.event, record.at)
    trail.close()
    kinds = {entry["type"]: entry for _, entry in entries(tmp_path) if entry}
    assert kinds[GIVEN]["by"] == PERSON
    assert kinds[GIVEN]["status"] == "ok"
    assert {"tool.refused", "tool.finished", "tool.started"}.isdisjoint(kinds)


def test_what_the_model_was_told_meanwhile_is_a_message_of_its_own(records):
    told = sent([*records], "1.2").messages
    assert told[-1].text.endswith("Be brief.")
    assert "43" in told[-2].text + told[-1].text
    assert sent([*records], "1.1").provider == PERSON
