"""The process that runs one model: requests come as lines of JSON on stdin, replies go to stdout.

It ends as soon as stdin does, in the middle of whatever it does, so it never outlives who began it.
Requests are answered in order; word that one is not wanted any more is heard at once.

    {"load": {"path", "context", "options"}}                      -> {"ready": {"context"}}
    {"ask": {"id", "messages", "stop", "most", "seed", "sampling"}}
                                   -> {"id", "text"} …, {"id", "ended": {"stop", "read", …}}
    {"stop": id}                   -> the reply ends, with "cancelled"
    whatever goes wrong            -> {"id", "error": {"kind", "message", "hint"}}
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from queue import SimpleQueue
from typing import IO, Any

from llmrepl_local.engine import Ended, Engine, Refusal

Message = Mapping[str, Any]
MISSING = "llama-cpp-python is not installed beside llmrepl"
INSTALL = "{python} -m pip install 'llama-cpp-python>=0.3.36,<0.4'"


class Worker:
    """Answers what comes in.

    Args:
        replies: where answers go.
    """

    def __init__(self, replies: IO[str]) -> None:
        self._replies = replies
        self._waiting: SimpleQueue[Message] = SimpleQueue()
        self._unwanted = 0  # the newest request that is not wanted; ids only grow
        self._current = 0
        self._engine: Engine | None = None

    def listen(self, requests: IO[bytes]) -> None:
        """Take requests until there are no more, then end the process."""
        for line in requests:
            message = json.loads(line)
            if "stop" in message:
                self._unwanted = max(self._unwanted, message["stop"])
            else:
                self._waiting.put(message)
        os._exit(0)

    def work(self) -> None:
        """Answer one request after the other; never returns."""
        while True:
            message = self._waiting.get()
            self._current = message.get("ask", {}).get("id", 0)
            try:
                if "load" in message:
                    self._load(**message["load"])
                else:
                    self._answer(**message["ask"])
            except Refusal as refusal:
                self._fail("refused", refusal.message, refusal.hint)
            except ImportError as error:
                hint = INSTALL.format(python=sys.executable)
                self._fail("refused", f"{MISSING}: {error}", hint)
            except MemoryError:
                self._fail("failed", "the memory is used up", "")
            except Exception as error:  # noqa: BLE001 - whatever it is, the next request may do
                self._fail("failed", f"{type(error).__name__}: {error}", "")

    def _load(self, path: str, context: int, options: Mapping[str, Any]) -> None:
        self._engine = Engine(path, context, options, self._stopped)
        self._say({"ready": {"context": self._engine.context}})

    def _answer(self, **asked: Any) -> None:
        assert self._engine is not None, "a model is loaded before it is asked"
        number = asked.pop("id")
        if self._stopped():
            self._say({"id": number, "ended": asdict(Ended("cancelled", 0, 0, 0))})
            return
        for piece in self._engine.answer(**asked):
            if isinstance(piece, Ended):
                self._say({"id": number, "ended": asdict(piece)})
            else:
                self._say({"id": number, "text": piece})

    def _stopped(self) -> bool:
        return 0 < self._current <= self._unwanted

    def _fail(self, kind: str, message: str, hint: str) -> None:
        error = {"kind": kind, "message": message, "hint": hint}
        self._say({"id": self._current, "error": error})

    def _say(self, message: Message) -> None:
        self._replies.write(json.dumps(message) + "\n")
        self._replies.flush()


def main() -> None:
    """Work until stdin ends."""
    # What a library prints must not be taken for a reply.
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    worker = Worker(replies)
    threading.Thread(target=worker.listen, args=[sys.stdin.buffer], daemon=True).start()
    worker.work()


if __name__ == "__main__":
    main()
