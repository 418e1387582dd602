"""One thread that does one thing after the other; leaving the program waits for it briefly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """The thread, which begins with the first job.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def begun(self) -> bool:
        """Whether it has had a job."""
        return self._thread is not None

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have something done after everything before; the future has what comes of it.

        Once it is closed, that is cancelled.
        """
        future: Future[T] = Future()
        if self._closed:
            future.cancel()
            return future
        self._jobs.put((job, future))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return future

    def close(self, seconds: float) -> None:
        """End when everything is done, and wait for that so long. May be called twice."""
        closed, self._closed = self._closed, True
        if self._thread is not None and not closed:
            self._jobs.put(None)
            self._thread.join(seconds)

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, future = given
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                future.set_exception(error)
