"""Asks the person whether a call may run."""

from __future__ import annotations

import signal
import sys
import termios

from llmrepl.events import ApprovalDecided, ToolRequested

YES = frozenset({"y", "yes"})
NO = frozenset({"", "n", "no"})


class AskPerson:
    """Asks on the terminal. Anything but a clear yes is a no, and its words go to the model.

    Keys that were pressed before the question are no answer to it.
    """

    async def review(self, request: ToolRequested, question: str) -> ApprovalDecided:
        """Return the person's decision."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.input.typeahead import clear_typeahead

        session: PromptSession[str] = PromptSession()
        clear_typeahead(session.app.input)
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
        text = f"{question}.\nRun this {request.name} block? y = once, n = no, or say why not: "
        try:
            answer = (await session.prompt_async(text, handle_sigint=False)).strip()
        except EOFError:
            answer = ""
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C is meant for the whole turn
            answer = ""
        if answer.lower() in YES:
            return ApprovalDecided(call_id=request.call_id, decision="once")
        reason = "" if answer.lower() in NO else answer
        return ApprovalDecided(call_id=request.call_id, decision="deny", reason=reason)
