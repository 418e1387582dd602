"""A conversation told in events, for the tests of what folds and decides."""

from functools import reduce

from llmrepl.conversation import Conversation, evolve
from llmrepl.events import (
    MessageFinished,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Text, ToolCall
from llmrepl.usage import Usage


def started(text="hi"):
    return TurnStarted(prompt=(Text(text),))


def step():
    return StepStarted(provider="p", model="m")


def requested(call_id="1.1.1", code="1", language="python", **more):
    return ToolRequested(
        call_id=call_id, name=language, language=language, arguments={"code": code}, **more
    )


def message(*parts, stop="end_turn", usage=None, cost=None):
    return MessageFinished(parts=parts, stop=stop, usage=usage or Usage(10, 5), cost=cost)


def call_part(call_id="1.1.1", code="1"):
    return ToolCall(call_id, "python", "python", {"code": code})


def running(call_id="1.1.1"):
    return ToolStarted(call_id=call_id, executor="fake")


def finished(call_id="1.1.1", text="1", status="ok"):
    return ToolFinished(call_id=call_id, status=status, parts=(Output("value", text),))


def fold(*events, start=None):
    return reduce(evolve, events, start or Conversation())


ACTING = (started(), step(), requested(), message(call_part(), stop="tool_calls"))
ONE_STEP = (*ACTING, running(), finished(), StepFinished())
ANSWER = (step(), message(Text("done")), StepFinished(), TurnFinished(reason="end_turn"))
WHOLE_TURN = (*ONE_STEP, *ANSWER)
