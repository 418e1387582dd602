"""Where a session can be forked, and what a copy that ends there goes on with.

A copy has only what its records say: what had started and not finished ends as `unknown` there and
never runs again; what had not started has not run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmrepl.conversation import Conversation, Phase, Progress
from llmrepl.errors import SessionError
from llmrepl.events import ToolStarted
from llmrepl.record import Record
from llmrepl.sessions.turns import turns


def end_of_turn(records: Sequence[Record], number: int) -> int:
    """Return the seq of the last record of a turn, with what happened before the next began.

    Args:
        records: a session's, from the first on.
        number: the turn; 0 for what was before the first.

    Raises:
        SessionError: there is no such turn.
    """
    found = turns(records)
    last = found[-1].number if found else 0
    if not 0 <= number <= last:
        raise SessionError(
            f"there is no turn {number}",
            hint=f"there are the turns 1 to {last}, and 0 for none" if last else "there is only 0",
        )
    return next((turn.before for turn in found if turn.number > number), len(records))


def goes_on(state: Conversation, dropped: Iterable[Record] = ()) -> list[str]:
    """Return what a copy goes on with where it ends in the middle of something, in a few lines.

    Args:
        state: what the copy folds to.
        dropped: the records of the original behind it.

    Returns:
        Nothing where the copy ends between two turns.
    """
    if state.phase is Phase.IDLE:
        return []
    if state.phase is Phase.RUNNING:
        return [f"it ends in the middle of a command: {_call(state, 0, '')}"]
    lines = [f"it ends in the middle of turn {state.turn}, which goes on from there"]
    if state.phase is Phase.STREAMING:
        lines.append("the model is asked again for the message that was not finished")
    elif state.phase is Phase.ACTING:
        events = (record.event for record in dropped)
        later = {event.call_id for event in events if isinstance(event, ToolStarted)}
        for number, call in enumerate(state.calls):
            again = ", as it did in the original" if call.request.call_id in later else ""
            lines.append(_call(state, number, again))
    return lines


def _call(state: Conversation, number: int, again: str) -> str:
    call = state.calls[number]
    name = f"{call.request.name} {call.request.call_id}"
    match call.progress:
        case Progress.STARTED:
            return f"{name} had started: it ends as unknown, and does not run again"
        case Progress.DENIED:
            return f"{name} was refused: it does not run"
        case _ if state.phase is Phase.RUNNING:
            return f"{name} had not started: it ends as cancelled"
        case Progress.APPROVED:
            return f"{name} was allowed and had not started: it runs{again}"
        case Progress.REQUESTED:
            return f"{name} had not started: it runs where your rules or you allow it{again}"
