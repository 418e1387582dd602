"""Sessions made in a line, for tests of what draws them."""

from decimal import Decimal

from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ErrorRaised,
    MessageFinished,
    RequestFailed,
    StepFinished,
    StepStarted,
    SystemSet,
    TextDelta,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Text, ToolCall
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog
from llmrepl.testing.builders import COST, USAGE
from llmrepl.usage import Price, cost_of

BEGAN = 1_763_700_000_000

PRICED = cost_of(USAGE, Price(Decimal("0.15"), Decimal("0.6"), source="a list"))


class Telling:
    """Records with their times: `at(ms, event)` adds one, so many milliseconds after the last."""

    def __init__(self, began=BEGAN):
        self.records = []
        self.clock = began
        self.turn = self.step = 0

    def at(self, ms, event):
        self.clock += ms
        if isinstance(event, TurnStarted):
            self.turn, self.step = self.turn + 1, 0
        if isinstance(event, StepStarted) and self.phase != "retrying":
            self.step += 1
        self.phase = "retrying" if isinstance(event, RequestFailed) else ""
        seq = sum(record.event.durable for record in self.records) + event.durable
        seq = seq if event.durable else 0
        self.records.append(Record(seq, self.clock, self.turn, self.step, event))
        return self

    phase = ""

    def ask(self, prompt="hello", model="test"):
        self.at(0, TurnStarted(prompt=(Text(prompt),)))
        return self.request(model)

    def request(self, model="test"):
        return self.at(5, StepStarted(provider="scripted", model=model, estimated_tokens=90))

    def says(self, text="Hi.", ms=800, stop="end_turn", calls=()):
        """The message, with calls as (id, code) pairs."""
        self.at(120, TextDelta(text=text))
        parts = [Text(text)]
        for call_id, code in calls:
            arguments = {"code": code}
            parts.append(ToolCall(call_id, "python", "python", arguments))
            self.at(
                10,
                ToolRequested(
                    call_id=call_id, name="python", language="python", arguments=arguments
                ),
            )
        return self.at(
            ms - 120 - 10 * len(calls),
            MessageFinished(
                parts=tuple(parts),
                stop=stop,
                usage=USAGE,
                cost=PRICED,
                first_token_ms=120.0,
                total_ms=float(ms),
            ),
        )

    def starts(self, call_id, ms=10):
        policy = "reads the project, no network"
        limits = {"seconds": 10.0, "memory": 1 << 30}
        return self.at(
            ms, ToolStarted(call_id=call_id, executor="fake", policy=policy, limits=limits)
        )

    def ends(self, call_id, ms=300, status="ok", output="42\n", reason=""):
        return self.at(
            ms,
            ToolFinished(
                call_id=call_id,
                status=status,
                parts=(Output("stdout", output),),
                exit_code=0 if status == "ok" else 1,
                ms=float(ms),
                reason=reason,
            ),
        )

    def asks(self, call_id, decision="once", ms=4_000):
        self.at(2, ApprovalRequested(call_id=call_id, question="May it run?", touches=("a.txt",)))
        return self.at(ms, ApprovalDecided(call_id=call_id, decision=decision))

    def done(self, ms=5):
        return self.at(ms, StepFinished(usage=USAGE, cost=COST, ms=1_000.0))

    def answered(self, reason="end_turn", ms=5):
        return self.at(ms, TurnFinished(reason=reason, usage=USAGE, cost=COST, ms=2_000.0))


def durable(records):
    return [record for record in records if record.event.durable]


def saved(machine, records, name="kept"):
    """Save a session on a machine, and return its id."""
    with SessionLog.create(machine.sessions, cwd=str(machine.project), session_id=name) as log:
        for record in durable(records):
            log.append(record)
    return name


def eventful():
    """A session with calls beside each other, a retry, a refusal, an error and a cancelled turn."""
    told = Telling()
    told.at(0, SystemSet(text="You are llmrepl. Write helper blocks.\n"))
    told.ask("What is in the two files?").at(
        400,
        RequestFailed(
            provider="scripted",
            model="test",
            kind="ProviderBusy",
            message="the service is busy",
            next="scripted/test",
            wait=1.0,
            ms=400.0,
        ),
    )
    told.clock += 1_000
    told.request().says("Let me look.", 1_800, calls=(("1", "open('a').read()"), ("2", "sum(x)")))
    told.starts("1").starts("2").ends("2", 700, "error", "NameError: x\n", "NameError")
    told.ends("1", 900).done()
    told.request().says("Both are empty.", 1_200).done().answered()
    told.clock += 7_200_000
    told.ask("Delete them.").says("As you wish.", 900, calls=(("3", "os.remove('a')"),))
    told.asks("3", "deny", 2_500).ends("3", 0, "denied", "", "the person said no").done()
    told.at(3, ErrorRaised(kind="ProviderDown", message="the service went away"))
    told.answered("error")
    told.clock += 30_000
    told.ask("And now?").says("Well,", 600, stop="cancelled").done().answered("cancelled")
    return told.records


def many(records=10_000):
    """A session of so many durable records, about, with two steps in each turn."""
    told = Telling()
    while len(told.records) * 0.85 < records:
        number = told.turn + 1
        told.ask(f"Question {number}")
        told.says("Let me see.", 900, calls=((f"{number}.1", f"print({number})"),))
        told.starts(f"{number}.1").ends(f"{number}.1", 200).done()
        told.request().says("There it is.", 700).done().answered()
        told.clock += 20_000
    return told.records
